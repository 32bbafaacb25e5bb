import type { Compiled, Repartition, RunStep, StoreSpec, SubTopology } from './compiled.ts'
import type { DraftNode, RunGraph } from './run-graph.ts'

/** Cuts a graph at its repartition topics: what is connected, joins with their tables included, is one sub-topology. */
export function cut(graph: RunGraph): Pick<Compiled, 'subTopologies' | 'repartitions'> {
  const partOf = connected(graph.nodes)
  const subTopologies = [...new Set(partOf)].map((root, id) =>
    subTopology(
      id,
      graph.nodes.filter(node => partOf[node.id] === root),
    ),
  )
  const partsWith = (matches: (step: RunStep) => boolean): number[] =>
    subTopologies.filter(part => part.nodes.some(node => matches(node.step))).map(part => part.id)
  const repartitions: Repartition[] = [...graph.repartitions.values()].map(repartition => ({
    ...repartition,
    writtenBy: partsWith(
      step => (step.kind === 'repartitionSink' || step.kind === 'combine') && step.repartition === repartition.name,
    ),
    readBy: partsWith(step => step.kind === 'repartitionSource' && step.repartition === repartition.name)[0]!,
  }))
  return { subTopologies, repartitions }
}

/** For each node the lowest id among those that it is connected with. */
function connected(nodes: readonly DraftNode[]): readonly number[] {
  const root = nodes.map(node => node.id)
  const find = (id: number): number => (root[id] === id ? id : (root[id] = find(root[id]!)))
  for (const node of nodes) {
    for (const from of node.from) {
      const [one, two] = [find(node.id), find(from)]
      root[Math.max(one, two)] = Math.min(one, two)
    }
  }
  return nodes.map(node => find(node.id))
}

function subTopology(id: number, nodes: readonly DraftNode[]): SubTopology {
  const steps = nodes.map(node => node.step)
  return {
    id,
    nodes,
    stores: steps.flatMap(storesOf),
    inputs: steps.flatMap(step => (step.kind === 'source' ? [step.topic.name] : [])),
    repartitionInputs: steps.flatMap(step => (step.kind === 'repartitionSource' ? [step.repartition] : [])),
  }
}

function storesOf(step: RunStep): readonly StoreSpec[] {
  switch (step.kind) {
    case 'tableStore':
    case 'aggregate':
      return [{ name: step.store, kind: 'keyValue' }]
    case 'windowed':
    case 'session':
    case 'sliding':
    case 'trailing':
      return [{ name: step.store, kind: 'slots' }]
    case 'lateness':
      return [{ name: step.store, kind: 'time' }]
    case 'process':
      return Object.values(step.stores).map(({ name, kind }) => ({
        name,
        kind: kind === 'keyValue' ? 'keyValue' : 'slots',
      }))
    default:
      return []
  }
}
