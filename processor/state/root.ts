import type { Serde } from '../../schemas/serde.ts'

/** A slot that holds keys, and how many directory pages list them. */
export interface SlotMark {
  readonly slot: number
  pages: number
}

/** What an operator knows of time; part of its committed state, so that a restart decides alike. */
export interface Root {
  /** The highest timestamp it has seen, -1 before the first; Infinity after the end of input. */
  streamTime: number
  /** Behind a repartition topic: the last stamp of each upstream partition. */
  stamps: number[]
  /** Ascending. */
  readonly slots: SlotMark[]
}

export const rootCodec: Pick<Serde<Root>, 'read' | 'write'> = {
  write(root, out) {
    out.f64(root.streamTime)
    out.i32(root.stamps.length)
    for (const stamp of root.stamps) out.f64(stamp)
    out.i32(root.slots.length)
    for (const { slot, pages } of root.slots) {
      out.f64(slot)
      out.i32(pages)
    }
  },
  read(bytes, start) {
    let at = start
    const f64 = (): number => {
      at += 8
      return bytes.readDoubleBE(at - 8)
    }
    const i32 = (): number => {
      at += 4
      return bytes.readInt32BE(at - 4)
    }
    const streamTime = f64()
    const stamps = Array.from({ length: i32() }, f64)
    const slots = Array.from({ length: i32() }, () => ({ slot: f64(), pages: i32() }))
    return { streamTime, stamps, slots }
  },
}
