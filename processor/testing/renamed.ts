import { type Topic, topic } from '../../schemas/topic.ts'
import { Plan, type Step } from '../../topology/plan.ts'

/** The same topology on topics of other names: for several runs of it on one cluster. */
export function renamed(topology: { readonly plan: Plan }, rename: (name: string) => string): { readonly plan: Plan } {
  const { name, nodes, onFailure, deadLetters } = topology.plan
  // A topic stays one object, however often the plan names it.
  const topics = new Map<string, Topic<any, any>>()
  const other = (given: Topic<any, any>): Topic<any, any> => {
    let found = topics.get(given.name)
    if (found === undefined) topics.set(given.name, (found = topic(rename(given.name), given.key, given.value)))
    return found
  }
  const letters = deadLetters === null ? null : { ...deadLetters, topic: other(deadLetters.topic) }
  const plan = new Plan(name, onFailure, letters)
  for (const { step, from } of nodes) plan.add(withTopics(step, other), ...from.map(id => plan.nodes[id]!))
  return { plan }
}

const withTopics = (step: Step, other: (topic: Topic<any, any>) => Topic<any, any>): Step =>
  step.kind === 'source' || step.kind === 'sink' ? { ...step, topic: other(step.topic) } : step
