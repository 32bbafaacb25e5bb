import type { Plan } from './plan.ts'

/** The topics of tables whose rows some step looks up, or the user wants kept. */
export function lookedUp(plan: Plan): ReadonlySet<string> {
  const topics = new Set<string>()
  const look = (id: number): void => {
    const { step, from } = plan.nodes[id]!
    if (step.kind === 'source') topics.add(step.topic.name)
    else if (step.kind === 'tableFilter' || step.kind === 'tableMap') look(from[0]!)
  }
  for (const { step, from } of plan.nodes) {
    if (step.kind === 'source' && step.stored) topics.add(step.topic.name)
    else if (step.kind === 'join') look(from[1]!)
    else if (step.kind === 'tableJoin') for (const id of from) look(id)
  }
  return topics
}
