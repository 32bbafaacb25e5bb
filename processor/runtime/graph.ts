import type { RunNode, SubTopology } from '../../topology/compiled.ts'
import { AggregateByKey } from '../operators/aggregate.ts'
import { Combine } from '../operators/combine.ts'
import { Lateness } from '../operators/lateness.ts'
import { type Operator, outputTo, type TaskContext, type TimedOperator } from '../operators/operator.ts'
import { Process } from '../operators/process.ts'
import { RepartitionSink, type Upstream } from '../operators/repartition.ts'
import { SessionAggregate } from '../operators/sessions.ts'
import { SlidingAggregate } from '../operators/sliding.ts'
import { Sink } from '../operators/sink.ts'
import { RepartitionSource, type Source, TopicSource } from '../operators/source.ts'
import { Filter, FlatMapValues, MapValues, Peek, Rekey, Split } from '../operators/stateless.ts'
import { StreamTableJoin, TableMap, TableStore, Upsert } from '../operators/table.ts'
import { TableJoinSide } from '../operators/table-join.ts'
import { Tables } from './tables.ts'
import { Trailing } from '../operators/trailing.ts'
import { WindowedAggregate } from '../operators/windowed.ts'

export interface GraphSource extends Source {
  /** At equal timestamps a table's records go first. */
  readonly isTable: boolean
}

/** The operators of one task, connected. */
export interface TaskGraph {
  readonly sources: readonly GraphSource[]
  /** In the order of the topology: what one sends at a commit, the next may have to hold back no longer. */
  readonly timed: readonly TimedOperator[]
}

export interface GraphOptions {
  /** Which of the tasks that write a repartition topic this one is. */
  upstream(repartition: string): Upstream
  /** Wall time after which a silent upstream partition is left out of the time downstream; 0: never. */
  readonly idleMs: number
  /** Markers to downstream partitions that got nothing are that far apart at least. Default 1000. */
  readonly markerEveryMs?: number
}

/** Makes the operators of a sub-topology for one task. */
export function buildGraph(part: SubTopology, context: TaskContext, options: GraphOptions): TaskGraph {
  return new GraphBuilder(part, context, options).build()
}

class GraphBuilder {
  readonly #part: SubTopology
  readonly #context: TaskContext
  readonly #options: GraphOptions
  readonly #operators = new Map<number, Operator>()
  /** Both sides of each join of two tables. */
  readonly #sides = new Map<number, readonly [left: Operator, right: Operator]>()
  readonly #tables: Tables
  readonly #sources: GraphSource[] = []
  readonly #timed: TimedOperator[] = []

  constructor(part: SubTopology, context: TaskContext, options: GraphOptions) {
    this.#part = part
    this.#context = context
    this.#options = options
    this.#tables = new Tables(part, context.state)
  }

  build(): TaskGraph {
    // Children first: a node is made with its outputs at hand.
    for (const node of this.#part.nodes.toReversed()) this.#operators.set(node.id, this.#make(node))
    this.#timed.reverse()
    return { sources: this.#sources.toReversed(), timed: this.#timed }
  }

  #out(node: RunNode): Operator {
    // A join of a table with itself is there twice: the first time as the left side.
    return outputTo(node.to.map((id, at) => this.#operatorOf(id, node, node.to.indexOf(id) < at)))
  }

  #operatorOf(id: number, parent: RunNode, isSecond: boolean): Operator {
    const sides = this.#sides.get(id)
    if (sides === undefined) return this.#operators.get(id)!
    const { from } = this.#part.nodes.find(node => node.id === id)!
    return sides[isSecond ? 1 : from.indexOf(parent.id)]!
  }

  #timedOperator<T extends TimedOperator>(operator: T): T {
    this.#timed.push(operator)
    return operator
  }

  #make(node: RunNode): Operator {
    const { step } = node
    const context = this.#context
    switch (step.kind) {
      case 'filter':
        return new Filter(step.fn, step.keep, this.#out(node))
      case 'map':
        return new MapValues(step.fn, this.#out(node))
      case 'flatMap':
        return new FlatMapValues(step.fn, this.#out(node))
      case 'rekey':
        return new Rekey(step.fn, step.key, this.#out(node))
      case 'peek':
        return new Peek(step.fn, this.#out(node))
      case 'merge':
      case 'branch':
        return this.#out(node)
      case 'split':
        return new Split(step.predicates, this.#branches(node, step.predicates.length + 1))
      case 'lateness': {
        const [onTime, late] = this.#branches(node, 2) as [Operator, Operator]
        return new Lateness(step, context, onTime, late)
      }
      case 'join': {
        const rows = this.#tables.rows(node.from[1]!)
        return new StreamTableJoin(
          { name: `join of ${this.#tables.name(node.from[1]!)}`, rows, outer: step.outer, fn: step.fn },
          context,
          this.#out(node),
        )
      }
      case 'tableStore':
        return new TableStore({ store: step.store, rows: this.#tables.stored(node.id) }, context, this.#out(node))
      case 'upsert':
        return new Upsert(step.topic, context, this.#out(node))
      case 'tableFilter':
      case 'tableMap': {
        const formerIsKnown = this.#tables.knowsFormer(node.id) && this.#tables.needsFormer(node.id)
        const options = { fn: this.#tables.mapper(step), formerIsKnown, dropsNothing: step.kind === 'tableFilter' }
        return new TableMap(options, this.#out(node))
      }
      case 'tableJoin': {
        const [out, options] = [this.#out(node), this.#tables.join(node.id)]
        const left = new TableJoinSide(options, 'left', context, out)
        this.#sides.set(node.id, [left, new TableJoinSide(options, 'right', context, out)])
        return left
      }
      case 'aggregate': {
        const options = { store: step.store, ...this.#tables.aggregated(node.id) }
        const sendsFormer = this.#tables.needsFormer(node.id)
        return new AggregateByKey({ ...options, sendsFormer }, context, this.#out(node))
      }
      case 'windowed':
        return this.#timedOperator(new WindowedAggregate(step, context, this.#out(node)))
      case 'session':
        return this.#timedOperator(new SessionAggregate(step, context, this.#out(node)))
      case 'sliding':
        return this.#timedOperator(new SlidingAggregate(step, context, this.#out(node)))
      case 'trailing':
        return new Trailing(step, context, this.#out(node))
      case 'process':
        return this.#timedOperator(new Process(step, context, this.#out(node)))
      case 'sink':
        return new Sink(step.topic, context)
      default:
        return this.#makeEdge(node)
    }
  }

  /** Where records enter and leave by topics. */
  #makeEdge(node: RunNode): Operator {
    const { step } = node
    const context = this.#context
    const { idleMs, markerEveryMs = 1000 } = this.#options
    switch (step.kind) {
      case 'repartitionSink': {
        const { repartition: name, key, value } = step
        return this.#timedOperator(
          new RepartitionSink({ name, key, value, idleMs, markerEveryMs }, context, this.#options.upstream(name)),
        )
      }
      case 'combine':
        return this.#timedOperator(
          new Combine({ ...step, idleMs, markerEveryMs }, context, this.#options.upstream(step.repartition)),
        )
      case 'source': {
        const { topic, timestamp, table } = step
        const options = { topic: topic.name, key: topic.key, value: topic.value, timestamp }
        return this.#source(new TopicSource(options, context, this.#out(node)), table)
      }
      case 'repartitionSource': {
        const { key, value } = step
        const topic = context.repartitionTopic(step.repartition)
        return this.#source(
          new RepartitionSource({ topic, key, value, timed: this.#timed }, context, this.#out(node)),
          false,
        )
      }
      default:
        throw new Error(`A step of kind ${step.kind} has no operator.`)
    }
  }

  #source(source: Source, isTable: boolean): Operator {
    this.#sources.push(Object.assign(source, { isTable }))
    return outputTo([])
  }

  #branches(node: RunNode, count: number): Operator[] {
    const children = node.to.map(id => this.#part.nodes.find(other => other.id === id)!)
    return Array.from({ length: count }, (_, index) => {
      const branch = children.find(child => child.step.kind === 'branch' && child.step.index === index)
      return branch === undefined ? outputTo([]) : this.#operators.get(branch.id)!
    })
  }
}
