import type { Serde } from '../../../schemas/serde.ts'

/**
 * The serde of an accumulator that is never written: those of trailing windows are rebuilt from the stored events. Such an
 * aggregate cannot be used where accumulators are state (windows, tables); it says so when it is.
 */
export const rebuilt = <A>(name: string): Serde<A> => {
  const refuse = (): never => {
    throw new Error(`The accumulator of '${name}' is rebuilt from events and never stored. Use it in trailing windows only.`)
  }
  return { name: `rebuilt(${name})`, write: refuse, read: refuse }
}
