import { StateReader } from './aggregate-state.ts'
import type { Reversible } from './aggregates.ts'
import { TopologyError } from './errors.ts'
import { QuantileSketch } from './quantile-sketch.ts'
import { finite } from './statistics.ts'

export interface QuantileOptions<V> {
  readonly where?: (value: V) => boolean
  /** From 0.0001 to 0.5: how far a result may be from the truth, relative to it. Default 0.01, that is 1 %. */
  readonly relativeAccuracy?: number
}

/**
 * The quantile `q` of any finite numbers, by DDSketch; undefined of none. `quantile(0.99, p => p.latencyMs)`: of n
 * values in ascending order a number within 1 % of the one at floor(0.99 * (n - 1)), counted from 0. The error is the
 * same wherever the folds were made, and a value can leave again.
 */
export function quantile<V>(
  q: number,
  of: (value: V) => number,
  options: QuantileOptions<V> = {},
): Reversible<V, QuantileSketch, number | undefined> {
  const [checked] = checkQuantiles([q])
  return {
    kind: 'quantile',
    ...sketching(of, options),
    result: sketch => (sketch.count === 0 ? undefined : sketch.quantile(checked!)),
  }
}

/** Several quantiles from one state, in the order asked for: `quantiles([0.5, 0.95, 0.99], ...)`; undefined of none. */
export function quantiles<V>(
  qs: readonly number[],
  of: (value: V) => number,
  options: QuantileOptions<V> = {},
): Reversible<V, QuantileSketch, readonly number[] | undefined> {
  const checked = checkQuantiles(qs)
  return {
    kind: 'quantiles',
    ...sketching(of, options),
    result: sketch => (sketch.count === 0 ? undefined : checked.map(q => sketch.quantile(q))),
  }
}

function sketching<V>(
  of: (value: V) => number,
  { where, relativeAccuracy = 0.01 }: QuantileOptions<V>,
): Omit<Reversible<V, QuantileSketch, never>, 'kind' | 'result'> {
  if (!(relativeAccuracy >= 0.0001 && relativeAccuracy <= 0.5))
    throw new TopologyError(`The accuracy of a quantile is ${relativeAccuracy}. Give a share from 0.0001 to 0.5.`)
  const change = (sketch: QuantileSketch, value: V, times: 1 | -1): QuantileSketch => {
    if (where === undefined || where(value)) sketch.add(finite(of(value)), times)
    return sketch
  }
  return {
    reversible: true,
    init: () => new QuantileSketch(relativeAccuracy),
    add: (sketch, value) => change(sketch, value, 1),
    merge(left, right) {
      left.merge(right)
      return left
    },
    subtract: (sketch, value) => change(sketch, value, -1),
    state: {
      name: `quantile(${relativeAccuracy})`,
      write: (sketch, out) => sketch.write(out),
      read: (bytes, start, end) => QuantileSketch.read(new StateReader(bytes, start, end), relativeAccuracy),
    },
    sizeBytes: sketch => sketch.sizeBytes,
  }
}

function checkQuantiles(qs: readonly number[]): readonly number[] {
  const wrong = qs.length === 0 ? 'nothing' : qs.find(q => !(q >= 0 && q <= 1))
  if (wrong !== undefined) throw new TopologyError(`A quantile is asked for ${wrong}. Give numbers from 0 to 1.`)
  return qs.slice()
}
