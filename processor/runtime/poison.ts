/** Records whose processing failed: when they come again they are rejected instead. */
export class Poison {
  readonly #causes = new Map<string, Map<number, unknown>>()

  add(place: { readonly topic: string; readonly partition: number; readonly offset?: number }, cause: unknown): void {
    if (place.offset === undefined) return
    const name = `${place.topic} ${place.partition}`
    const offsets = this.#causes.get(name)
    if (offsets === undefined) this.#causes.set(name, new Map([[place.offset, cause]]))
    else offsets.set(place.offset, cause)
  }

  find(topic: string, partition: number, offset: number): unknown {
    if (this.#causes.size === 0) return undefined
    return this.#causes.get(`${topic} ${partition}`)?.get(offset)
  }

  /** Everything below `offset` is committed and will not come again. */
  forget(topic: string, partition: number, offset: number): void {
    const name = `${topic} ${partition}`
    const offsets = this.#causes.get(name)
    if (offsets === undefined) return
    for (const known of offsets.keys()) if (known < offset) offsets.delete(known)
    if (offsets.size === 0) this.#causes.delete(name)
  }
}
