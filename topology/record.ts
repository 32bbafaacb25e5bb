import { exactly, type StateSerde, StateReader, writeSized } from './aggregate-state.ts'
import type { Aggregate, Results, Spec } from './aggregates.ts'
import type { Serde } from '../schemas/serde.ts'

/** The accumulators of a spec, in the order of its fields. */
export type Accumulators = unknown[]

/**
 * The aggregates of a spec as one: its accumulator is an array, its result an object with the spec's fields. Where
 * every state has a fixed size the layout is fixed; else each state has its length in front.
 */
export function recordAggregate<V, S extends Spec<V>>(spec: S): Aggregate<V, Accumulators, Results<S>> {
  const fields = Object.keys(spec)
  const parts: readonly Aggregate<V, any, any>[] = Object.values(spec)
  const size = parts.length
  const subtractable = parts.every(part => part.subtract !== undefined)
  const deletable = parts.every(part => part.isEmpty !== undefined)
  return {
    kind: 'record',
    init: () => parts.map(part => part.init()),
    add(states, value) {
      for (let i = 0; i < size; i++) states[i] = parts[i]!.add(states[i], value)
      return states
    },
    merge(left, right) {
      for (let i = 0; i < size; i++) left[i] = parts[i]!.merge(left[i], right[i])
      return left
    },
    ...(subtractable && {
      subtract(states: Accumulators, value: V): Accumulators {
        for (let i = 0; i < size; i++) states[i] = parts[i]!.subtract!(states[i], value)
        return states
      },
    }),
    ...(deletable && { isEmpty: (states: Accumulators) => parts.every((part, i) => part.isEmpty!(states[i])) }),
    result(states) {
      const result: Record<string, unknown> = {}
      for (let i = 0; i < size; i++) result[fields[i]!] = parts[i]!.result(states[i])
      return result as Results<S>
    },
    state: accumulatorsSerde(parts.map(part => part.state)),
  }
}

function accumulatorsSerde(parts: readonly Serde<any>[]): StateSerde<Accumulators> {
  const name = `record(${parts.map(part => part.name).join(', ')})`
  const sizes = parts.map(part => (part as StateSerde<any>).sizeBytes)
  if (!sizes.every(size => size !== undefined)) {
    return {
      name,
      write(states, out) {
        for (let i = 0; i < parts.length; i++) writeSized(parts[i]!, states[i], out)
      },
      read(bytes, start, end) {
        const reader = new StateReader(bytes, start, end)
        const states = parts.map(part => reader.sized(part))
        reader.end()
        return states
      },
    }
  }
  const sizeBytes = sizes.reduce((sum, size) => sum + size, 0)
  return {
    name,
    sizeBytes,
    write(states, out) {
      for (let i = 0; i < parts.length; i++) parts[i]!.write(states[i], out)
    },
    read(bytes, start, end) {
      exactly(sizeBytes, start, end)
      const states: Accumulators = []
      let at = start
      for (let i = 0; i < parts.length; i++) {
        const next = at + sizes[i]!
        states.push(parts[i]!.read(bytes, at, next))
        at = next
      }
      return states
    },
  }
}

/**
 * What `combine` sends: one window's partial aggregate. The record's key is the window's, its timestamp the highest
 * one folded.
 */
export interface WindowPartial {
  readonly startMs: number
  readonly states: Accumulators
}

/** Writes partial aggregates of `spec` to a repartition topic. */
export function windowPartialSerde(spec: Spec<any>): Serde<WindowPartial> {
  const states = recordAggregate(spec).state
  return {
    name: `partial(${states.name})`,
    write(partial, out) {
      out.i64(partial.startMs)
      states.write(partial.states, out)
    },
    read(bytes, start, end) {
      const reader = new StateReader(bytes, start, end)
      return { startMs: reader.integer(), states: states.read(bytes, start + 8, end) }
    },
  }
}
