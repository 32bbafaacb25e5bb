import { compile } from './compile.ts'
import type { Compiled, RunNode, RunStep, SubTopology } from './compiled.ts'
import { label, storesOf } from './labels.ts'
import type { Plan } from './plan.ts'

/** Shows a topology as it will run: as text, or as a Mermaid flowchart. Throws a `TopologyError` if it cannot run. */
export function describe(
  topology: Compiled | Plan | { readonly plan: Plan },
  format: 'text' | 'mermaid' = 'text',
): string {
  const compiled = 'subTopologies' in topology ? topology : compile(topology)
  return format === 'text' ? text(compiled) : mermaid(compiled)
}

function text(compiled: Compiled): string {
  const lines = [`topology ${compiled.name}`]
  for (const part of compiled.subTopologies) {
    lines.push('', `sub-topology ${part.id}`)
    for (const { id, step, from } of part.nodes) {
      lines.push(`${String(id).padStart(4)} ${label(step)}${from.length === 0 ? '' : ` <- ${from.join(', ')}`}`)
    }
  }
  if (compiled.repartitions.length > 0) lines.push('', 'repartition topics')
  for (const { name, key, value, writtenBy, readBy, partitions } of compiled.repartitions) {
    const fixed = partitions === null ? '' : `, ${partitions} partitions`
    lines.push(
      `  ${name}: ${key.name} to ${value.name}, from sub-topology ${writtenBy.join(', ')} to ${readBy}${fixed}`,
    )
  }
  return `${lines.join('\n')}\n`
}

function mermaid(compiled: Compiled): string {
  const topics = new Topics()
  const parts = compiled.subTopologies.map(part => [
    `  subgraph sub${part.id}["sub-topology ${part.id}"]`,
    ...shapes(part),
    '  end',
  ])
  const edges = compiled.subTopologies.flatMap(part => part.nodes.flatMap(node => edgesInto(node, part, topics)))
  return `${['flowchart LR', ...topics.shapes(), ...parts.flat(), ...edges].join('\n')}\n`
}

/** Topics stand outside the sub-topologies, each once, however many read and write it. */
class Topics {
  readonly #ids = new Map<string, string>()

  user(name: string): string {
    return this.#id(name)
  }

  repartition(name: string): string {
    return this.#id(`…-${name}-repartition`)
  }

  shapes(): readonly string[] {
    return [...this.#ids].map(([shown, id]) => `  ${id}(["${shown}"])`)
  }

  #id(shown: string): string {
    const id = this.#ids.get(shown) ?? `t${this.#ids.size}`
    this.#ids.set(shown, id)
    return id
  }
}

/** A step that only reads or writes a topic is drawn as that topic, a table as its store alone. */
const isTopic = (step: RunStep): boolean =>
  step.kind === 'source' || step.kind === 'sink' || step.kind === 'repartitionSource' || step.kind === 'repartitionSink'

function shapes(part: SubTopology): readonly string[] {
  return part.nodes.flatMap(({ id, step }) => {
    if (isTopic(step)) return []
    if (step.kind === 'tableStore') return [`    n${id}[("${step.store}")]`]
    return [
      `    n${id}["${label(step)}"]`,
      ...storesOf(step).map((store, index) => `    n${id}s${index}[("${store}")]`),
    ]
  })
}

function edgesInto({ id, step, from }: RunNode, part: SubTopology, topics: Topics): readonly string[] {
  const shown = (shownId: number, shownStep: RunStep): string => {
    if (shownStep.kind === 'source' || shownStep.kind === 'sink') return topics.user(shownStep.topic.name)
    if (shownStep.kind === 'repartitionSource' || shownStep.kind === 'repartitionSink')
      return topics.repartition(shownStep.repartition)
    return `n${shownId}`
  }
  const self = shown(id, step)
  const edges = from.map((parentId, index) => {
    const parent = part.nodes.find(node => node.id === parentId)!
    const arrow = step.kind === 'join' && index === 1 ? '-.->' : '-->'
    return `  ${shown(parentId, parent.step)} ${arrow} ${self}`
  })
  if (step.kind === 'combine') edges.push(`  ${self} --> ${topics.repartition(step.repartition)}`)
  if (step.kind !== 'tableStore') for (const index of storesOf(step).keys()) edges.push(`  ${self} --- n${id}s${index}`)
  return edges
}
