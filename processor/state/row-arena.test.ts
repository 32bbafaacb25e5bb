import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RowArena } from './row-arena.ts'
import { Segments } from './segments.ts'

const segmentBytes = 256

/** What the arena should hold: for each row its front and back bytes. */
type Model = Map<number, { front: Buffer; back: Buffer }>

const anyStep = fc.oneof(
  fc.record({
    kind: fc.constant('grow' as const),
    row: fc.nat(2000),
    more: fc.nat(60),
    front: fc.uint8Array({ maxLength: 40 }),
    back: fc.uint8Array({ maxLength: 12 }),
  }),
  fc.record({ kind: fc.constant('free' as const), row: fc.nat(2000) }),
  fc.record({ kind: fc.constant('tidy' as const) }),
)

function check(arena: RowArena, model: Model): void {
  for (const [row, { front, back }] of model) {
    const bytes = arena.bytes(row)
    const start = arena.start(row)
    const end = start + arena.capacity(row)
    expect(bytes.subarray(start, start + front.length)).toEqual(front)
    expect(bytes.subarray(end - back.length, end)).toEqual(back)
    expect(arena.view(row).byteLength).toBe(bytes.length)
  }
}

function put(arena: RowArena, row: number, front: Buffer, back: Buffer): void {
  const start = arena.start(row)
  const end = start + arena.capacity(row)
  front.copy(arena.bytes(row), start)
  back.copy(arena.bytes(row), end - back.length)
}

test('blocks keep their bytes while others grow, go and move', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { minLength: 60, maxLength: 200 }), steps => {
      // Two share their memory.
      const memory = new Segments(segmentBytes, 4 * segmentBytes)
      const both = [0, 1].map((): { arena: RowArena; model: Model } => ({
        arena: new RowArena(memory),
        model: new Map(),
      }))
      for (const [index, step] of steps.entries()) {
        const { arena, model } = both[index % 2]!
        if (step.kind === 'tidy') arena.tidy()
        else if (step.kind === 'free') {
          // Few rows, so that most steps meet one that is there; one far out, so that the tables grow.
          const row = step.row % 12
          arena.free(row)
          model.delete(row)
          expect(arena.capacity(row)).toBe(0)
        } else {
          const row = step.row < 1990 ? step.row % 12 : step.row
          const before = model.get(row) ?? { front: Buffer.alloc(0), back: Buffer.alloc(0) }
          const front = Buffer.from(step.front)
          const back = Buffer.from(step.back)
          const needed = Math.max(before.front.length + before.back.length, front.length + back.length) + step.more
          arena.grow(row, needed, before.front.length, before.back.length)
          model.set(row, before)
          check(arena, model)
          put(arena, row, front, back)
          model.set(row, { front, back })
        }
        for (const one of both) check(one.arena, one.model)
      }
    }),
  )
})

test('little lies unused after a tidy, however blocks came and went', () => {
  const arena = new RowArena(new Segments(segmentBytes, 4 * segmentBytes))
  for (let round = 1; round <= 20; round++) {
    for (let row = 0; row < 200; row++) arena.grow(row, round * 3, (round - 1) * 3, 0)
    arena.tidy()
    expect(arena.heldBytes).toBeLessThanOrEqual(arena.liveBytes * 1.45 + 4 * segmentBytes)
  }
  for (let row = 0; row < 199; row++) arena.free(row)
  arena.tidy()
  expect(arena.liveBytes).toBe(8 + 64)
  expect(arena.heldBytes).toBeLessThanOrEqual(4 * segmentBytes)
})
