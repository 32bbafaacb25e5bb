import type { Serde } from '../schemas/serde.ts'
import type { Compiled, RunStep } from './compiled.ts'
import { cut } from './cut.ts'
import { checkPlan } from './check.ts'
import { lookedUp } from './looked-up.ts'
import { type Place, RunGraph } from './run-graph.ts'
import { TopologyError } from './errors.ts'
import type { AnyTopic, Plan, PlanNode, Step } from './plan.ts'
import { windowPartialSerde } from './record.ts'
import { windowStep } from './window-step.ts'
import type { WindowShape } from './windows.ts'

type StepOf<Kind extends Step['kind']> = Extract<Step, { kind: Kind }>

/**
 * Makes of a plan the parts that run, cut at repartition topics. Throws a `TopologyError` for a plan that cannot run.
 *
 * Repartition topics stand only where records of a new key are needed together, one for each grouping: the aggregates
 * behind it share the topic. `changes()` of a table, `group` and the windows' emit steps leave nothing behind.
 */
export function compile(topology: Plan | { readonly plan: Plan }): Compiled {
  const plan = 'plan' in topology ? topology.plan : topology
  checkPlan(plan)
  const compiler = new Compiler(plan)
  for (const node of plan.nodes) compiler.add(node)
  const topics = compiler.topics
  const outputs = [...topics.outputs.values()]
  if (plan.deadLetters !== null && !topics.outputs.has(plan.deadLetters.topic.name))
    outputs.push(plan.deadLetters.topic)
  return {
    name: plan.name,
    ...cut(compiler.graph),
    onFailure: plan.onFailure,
    deadLetters: plan.deadLetters,
    inputs: [...topics.inputs.values()],
    outputs,
  }
}

class Compiler {
  readonly graph: RunGraph = new RunGraph()
  readonly topics: { readonly inputs: Map<string, AnyTopic>; readonly outputs: Map<string, AnyTopic> } = {
    inputs: new Map(),
    outputs: new Map(),
  }
  readonly #plan: Plan
  readonly #places: Place[] = []
  /** By group node: the place behind its repartition topic, once a step has needed it. */
  readonly #behind = new Map<number, Place>()
  readonly #sources = new Map<string, Place>()
  /** Topics of tables whose rows are kept. */
  readonly #lookedUp: ReadonlySet<string>

  constructor(plan: Plan) {
    this.#plan = plan
    this.#lookedUp = lookedUp(plan)
  }

  add(node: PlanNode): void {
    this.#places.push(this.#place(node))
  }

  #place(node: PlanNode): Place {
    const { step } = node
    switch (step.kind) {
      case 'source':
        return this.#source(step)
      case 'filter':
      case 'peek':
      case 'split':
      case 'lateness':
      case 'branch':
        return this.#then(node, step)
      case 'map':
      case 'flatMap':
        return this.#then(node, step, { value: null, lost: `a ${step.kind} changes them` })
      case 'rekey':
        return this.#then(node, step, { key: step.key, moved: true })
      case 'merge':
        return this.#merge(node, step)
      case 'group':
        return this.#group(node, step)
      case 'repartition':
        return this.#repartition(this.#from(node), step.name, step.partitions, step.value, `repartition '${step.name}'`)
      case 'aggregate':
        return step.window === null ? this.#aggregate(node, step) : this.#windowed(node, step)
      case 'trailing':
        return this.#trailing(node, step)
      case 'emit':
        return this.#from(node)
      case 'join':
        return this.#join(node, step)
      case 'toTable':
        return this.#toTable(node, step)
      case 'tableFilter':
        return this.#then(node, step)
      case 'tableMap':
        return this.#then(node, step, { value: null, lost: 'a map changes them' })
      case 'tableJoin':
        return this.#tableJoin(node, step)
      case 'process':
        return this.#then(node, step, {
          value: null,
          lost: `the process '${step.name}' forwards its own`,
          ...(step.key !== null && { key: step.key, moved: true }),
        })
      case 'sink':
        this.topics.outputs.set(step.topic.name, step.topic)
        return this.#then(node, step)
    }
  }

  #from(node: PlanNode, index = 0): Place {
    return this.#places[node.from[index]!]!
  }

  #then(node: PlanNode, step: RunStep, changes: Partial<Place> = {}): Place {
    const from = this.#from(node)
    return { ...from, group: null, ...changes, id: this.graph.add(step, from.id) }
  }

  /** One topic is read once, however often the plan names it. */
  #source(step: StepOf<'source'>): Place {
    const { topic, table, timestamp } = step
    const known = this.#sources.get(topic.name)
    if (known !== undefined) return known
    this.topics.inputs.set(topic.name, topic)
    const { key, value } = topic
    const source = this.graph.add({ kind: 'source', topic, table, timestamp })
    const id = table ? this.#rows(topic, source) : source
    const place: Place = { id, key, value, lost: null, moved: false, group: null }
    this.#sources.set(topic.name, place)
    return place
  }

  /** The rows of a source table: kept where something looks them up. */
  #rows({ name, key, value }: AnyTopic, source: number): number {
    const isStored = this.#lookedUp.has(name)
    return this.graph.add(
      isStored ? { kind: 'tableStore', store: name, key, value } : { kind: 'upsert', topic: name },
      source,
    )
  }

  #toTable(node: PlanNode, { store, value: given }: StepOf<'toTable'>): Place {
    const from = this.#from(node)
    const what = `toTable '${store}'`
    const together = from.moved ? this.#repartition(from, store, null, given, what) : from
    const { key } = together
    const value = given ?? together.value
    if (value === null) {
      throw new TopologyError(
        `The serde of the rows of '${store}' is not known, because ${together.lost}. Pass it: toTable(name, serde).`,
      )
    }
    const id = this.graph.add({ kind: 'tableStore', store, key, value }, together.id)
    return { id, key, value, lost: null, moved: false, group: null }
  }

  #tableJoin(node: PlanNode, step: StepOf<'tableJoin'>): Place {
    const [left, right] = [this.#from(node), this.#from(node, 1)]
    if (left.key.name !== right.key.name) {
      throw new TopologyError(
        `A join of two tables whose keys have different serdes, ${left.key.name} and ${right.key.name}, finds ` +
          'nothing. Give both the same key.',
      )
    }
    return { ...left, value: null, lost: 'a join changes them', id: this.graph.add(step, left.id, right.id) }
  }

  #merge(node: PlanNode, step: StepOf<'merge'>): Place {
    const from = node.from.map(id => this.#places[id]!)
    const [first] = from as [Place]
    const other = from.find(place => place.key.name !== first.key.name)
    if (other !== undefined) {
      throw new TopologyError(
        `A merge joins streams whose keys have different serdes, ${first.key.name} and ${other.key.name}. Rekey ` +
          'one of them with the serde of the other.',
      )
    }
    const same = from.every(place => place.value === first.value)
    return {
      id: this.graph.add(step, ...from.map(place => place.id)),
      key: first.key,
      value: same ? first.value : null,
      lost: same ? first.lost : 'streams of different serdes are merged',
      moved: from.some(place => place.moved),
      group: null,
    }
  }

  #group(node: PlanNode, step: StepOf<'group'>): Place {
    const from = this.#from(node)
    return {
      ...from,
      key: step.key ?? from.key,
      group: { id: node.id, value: step.value, name: step.name, partitions: step.partitions },
    }
  }

  #aggregate(node: PlanNode, step: StepOf<'aggregate'>): Place {
    const { store, spec } = step
    const from = this.#together(this.#from(node), store)
    return this.#result(from, store, this.graph.add({ kind: 'aggregate', store, key: from.key, spec }, from.id))
  }

  #trailing(node: PlanNode, step: StepOf<'trailing'>): Place {
    const { store, graceMs, remember, event, spans } = step
    const from = this.#together(this.#from(node), store)
    return this.#result(
      from,
      store,
      this.graph.add({ kind: 'trailing', store, key: from.key, graceMs, remember, event, spans }, from.id),
    )
  }

  #windowed(node: PlanNode, step: StepOf<'aggregate'>): Place {
    const { store } = step
    const given = this.#from(node)
    const window = step.window!
    const merges = step.combine && given.moved && 'sizeMs' in window
    const from = merges ? this.#combine(given, step, window) : this.#together(given, store)
    return this.#result(from, store, this.graph.add(windowStep(this.#plan, node, from.key, merges), from.id))
  }

  #combine(from: Place, step: StepOf<'aggregate'>, window: WindowShape): Place {
    const { key } = from
    const name = step.store
    const { sizeMs, advanceMs, graceMs } = window
    const shape = { sizeMs, advanceMs, graceMs }
    this.graph.add({ kind: 'combine', repartition: name, key, window: shape, spec: step.spec }, from.id)
    return this.#arrive(name, key, windowPartialSerde(step.spec), from.group?.partitions ?? null)
  }

  #join(node: PlanNode, step: StepOf<'join'>): Place {
    const [stream, table] = [this.#from(node), this.#from(node, 1)]
    if (stream.moved) {
      throw new TopologyError(
        `A join with ${this.graph.describe(table.id)} follows a new key, so records and rows of one key may be ` +
          'in different tasks. ' +
          "Call .repartition('<name>', <serde of the values>) before the join.",
      )
    }
    return {
      ...stream,
      group: null,
      value: null,
      lost: 'a join changes them',
      id: this.graph.add(step, stream.id, table.id),
    }
  }

  #result(from: Place, store: string, id: number): Place {
    return { id, key: from.key, value: null, lost: `they are results of '${store}'`, moved: false, group: null }
  }

  /** The place where all records of a key meet: behind a repartition topic, if the key is new. */
  #together(from: Place, store: string): Place {
    if (!from.moved) return from
    const { group } = from
    const known = group === null ? undefined : this.#behind.get(group.id)
    if (known !== undefined) return known
    const behind = this.#repartition(
      from,
      group?.name ?? store,
      group?.partitions ?? null,
      group?.value ?? null,
      `the grouping before '${store}'`,
    )
    if (group !== null) this.#behind.set(group.id, behind)
    return behind
  }

  #repartition(from: Place, name: string, partitions: number | null, given: Serde<any> | null, what: string): Place {
    const { key } = from
    const value = given ?? from.value
    if (value === null) {
      throw new TopologyError(
        `The records at ${what} go through a repartition topic, and the serde of their values is not known, ` +
          `because ${from.lost}. Pass their serde there.`,
      )
    }
    this.graph.add({ kind: 'repartitionSink', repartition: name, key, value }, from.id)
    return this.#arrive(name, key, value, partitions)
  }

  #arrive(name: string, key: Serde<any>, value: Serde<any>, partitions: number | null): Place {
    this.graph.repartitions.set(name, { name, key, value, partitions })
    const id = this.graph.add({ kind: 'repartitionSource', repartition: name, key, value })
    return { id, key, value, lost: null, moved: false, group: null }
  }
}
