import { TopologyError } from './errors.ts'
import { checkName, Names, topicLengthMax } from './names.ts'
import { withoutSerde } from './picking.ts'
import type { AnyTopic, Plan, PlanNode, Step } from './plan.ts'

type StepOf<Kind extends Step['kind']> = Extract<Step, { kind: Kind }>

/** Refuses what can be seen in the plan alone. Throws a `TopologyError`. */
export function checkPlan(plan: Plan): void {
  checkName(plan.name, 'The topology')
  checkNames(plan)
  checkSources(plan)
  for (const node of plan.nodes) checkStep(plan, node)
  if (plan.onFailure === 'dead-letter' && plan.deadLetters === null) {
    throw new TopologyError(
      `The topology '${plan.name}' sends failures to dead letters, but names no topic for them. Pass ` +
        'deadLetters: { topic, value }.',
    )
  }
}

function checkNames(plan: Plan): void {
  const names = new Names()
  const processes = new Names()
  for (const { step } of plan.nodes) {
    switch (step.kind) {
      case 'aggregate':
      case 'trailing':
      case 'lateness':
      case 'toTable':
        names.take(step.store, 'The store')
        break
      case 'group':
        if (step.name !== null) names.take(step.name, 'The repartition topic')
        break
      case 'repartition':
        names.take(step.name, 'The repartition topic')
        break
      case 'process':
        processes.take(step.name, 'The process')
        for (const store of Object.values(step.stores)) names.take(store.name, 'The store')
        break
      default:
    }
  }
  // A table's store is named after its topic.
  for (const topic of new Set(sources(plan).flatMap(step => (step.table ? [step.topic.name] : []))))
    names.take(topic, 'The store of the table')
}

const sources = (plan: Plan): readonly StepOf<'source'>[] =>
  plan.nodes.flatMap(({ step }) => (step.kind === 'source' ? [step] : []))

function checkSources(plan: Plan): void {
  const all = sources(plan)
  if (all.length === 0)
    throw new TopologyError(
      `The topology '${plan.name}' reads no topic. Start it with .stream(topic) or .table(topic).`,
    )
  const byTopic = new Map<string, StepOf<'source'>>()
  for (const source of all) {
    checkTopic(source.topic, 'reads')
    const first = byTopic.get(source.topic.name) ?? source
    byTopic.set(source.topic.name, first)
    const { name } = source.topic
    if (first.table !== source.table) {
      throw new TopologyError(
        `The topic '${name}' is read as a stream and as a table. Read it once: the changes() of the table ` +
          'are a stream.',
      )
    }
    if (first.topic.key !== source.topic.key || first.topic.value !== source.topic.value) {
      throw new TopologyError(
        `The topic '${name}' is read twice with different serdes. Define the topic once and use that.`,
      )
    }
    if (first.timestamp !== source.timestamp) {
      throw new TopologyError(
        `The topic '${name}' is read twice with different timestamps. It is one input with one time: give both ` +
          'the same function, or keep one stream.',
      )
    }
  }
}

function checkTopic(topic: AnyTopic, does: 'reads' | 'writes'): void {
  checkName(topic.name, `A topic that the topology ${does}`, topicLengthMax)
  for (const part of ['key', 'value'] as const) {
    if (typeof topic[part]?.[does === 'reads' ? 'read' : 'write'] !== 'function') {
      throw new TopologyError(
        `The topic '${topic.name}' has no serde for its ${part}s. Define it as topic(name, keySerde, valueSerde).`,
      )
    }
  }
}

function checkStep(plan: Plan, { id, step }: PlanNode): void {
  switch (step.kind) {
    case 'sink':
      checkTopic(step.topic, 'writes')
      break
    case 'group':
    case 'repartition':
      checkPartitions(step)
      break
    case 'aggregate':
      checkFields(step.store, Object.keys(step.spec), step.window === null ? [] : ['startMs', 'endMs', 'deleted'])
      for (const [field, aggregate] of Object.entries(step.spec)) checkStored(step.store, field, aggregate)
      checkEmits(plan, id, step)
      if (step.combine && step.window !== null && !('sizeMs' in step.window)) {
        throw new TopologyError(
          `'${step.store}' combines windows before their repartition topic whose bounds are not known there. ` +
            "Leave 'combine' out.",
        )
      }
      break
    case 'trailing':
      checkFields(step.store, Object.keys(step.spans), ['event'])
      break
    case 'process':
      for (const store of Object.values(step.stores)) {
        if (store.kind !== 'keyValue' && !(Number.isSafeInteger(store.retentionMs) && store.retentionMs > 0)) {
          throw new TopologyError(
            `The retention of the store '${store.name}' is ${store.retentionMs}. Give whole milliseconds, at least 1.`,
          )
        }
      }
      break
    default:
  }
}

function checkPartitions(step: StepOf<'group' | 'repartition'>): void {
  const { partitions, name } = step
  if (partitions === null || (Number.isInteger(partitions) && partitions > 0)) return
  throw new TopologyError(
    `The repartition topic ${name === null ? 'of a grouping' : `'${name}'`} is to have ${partitions} ` +
      'partitions. Give a whole number of at least 1.',
  )
}

function checkFields(store: string, fields: readonly string[], reserved: readonly string[]): void {
  if (fields.length === 0)
    throw new TopologyError(
      `The aggregate '${store}' computes nothing. Name at least one field, such as { n: count() }.`,
    )
  const taken = fields.find(field => reserved.includes(field))
  if (taken !== undefined)
    throw new TopologyError(
      `'${store}' computes a field '${taken}', which its results already have. Give the field another name.`,
    )
}

function checkStored(
  store: string,
  field: string,
  aggregate: { readonly kind: string; readonly state: unknown },
): void {
  if (aggregate.state !== undefined && aggregate.state !== withoutSerde) return
  throw new TopologyError(
    `'${field}' of '${store}' is a ${aggregate.kind} that keeps values, and their serde is not known. Pass it: ` +
      `${aggregate.kind}(..., { serde }).`,
  )
}

function checkEmits(plan: Plan, id: number, { store, window }: StepOf<'aggregate'>): void {
  const emits = new Set(
    plan.nodes.flatMap(({ step, from }) => (step.kind === 'emit' && from[0] === id ? [step.emit] : [])),
  )
  if (window === null) {
    if (emits.has('final'))
      throw new TopologyError(
        `final() of '${store}', which has no windows, would never speak. Use changes(), or give it a window.`,
      )
  } else if (emits.size > 1) {
    throw new TopologyError(
      `Both changes() and final() of '${store}' are read. A store of windows speaks one way: keep one of them, ` +
        'or make a second aggregate under another name.',
    )
  }
}
