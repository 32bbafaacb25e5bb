import { expect, test } from 'vitest'
import { TimeQueue } from './queue.ts'
import { Draws } from './random.ts'

test('earliest first, equal times in the order of adding', () => {
  const draws = new Draws(3)
  const queue = new TimeQueue<number>()
  const expected: { time: number; item: number }[] = []
  for (let item = 0; item < 500; item++) {
    const time = draws.below(50, 1, item, 0)
    queue.add(time, item)
    expected.push({ time, item })
  }
  expected.sort((a, b) => a.time - b.time)
  expect(queue.size).toBe(500)
  for (const { time, item } of expected) {
    expect(queue.nextTime).toBe(time)
    expect(queue.take()).toBe(item)
  }
  expect(queue.take()).toBeUndefined()
  expect(queue.nextTime).toBe(Infinity)
})
