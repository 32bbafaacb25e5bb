import { expect, test } from 'vitest'
import { Draws } from '../../random.ts'
import { Arrivals, intensity } from './arrivals.ts'

const hourMs = 3_600_000
const monday = Date.UTC(2025, 2, 3)

test('a week has 20 payments a second on average', () => {
  let sum = 0
  for (let hour = 0; hour < 7 * 24; hour++) sum += intensity(monday + hour * hourMs, 1)
  expect((sum / (7 * 24)) * 1000).toBeCloseTo(20, 10)
})

test('busy and quiet hours and days', () => {
  const at = (day: number, hour: number): number => intensity(monday + (day * 24 + hour) * hourMs, 1)
  expect(at(0, 19) / at(0, 1)).toBeCloseTo(17, 10)
  expect(at(4, 10) / at(0, 10)).toBeCloseTo(1.2, 10)
  expect(at(6, 10) / at(0, 10)).toBeCloseTo(0.8, 10)
})

test('as many arrive in each hour as its intensity says, within chance', () => {
  const arrivals = new Arrivals(new Draws(11), monday, 0.2)
  const counts = new Array<number>(24).fill(0)
  let previous = monday
  for (let time = arrivals.next(); time < monday + 24 * hourMs; time = arrivals.next()) {
    if (time < previous) expect.fail(`${time} after ${previous}`)
    previous = time
    counts[Math.floor((time - monday) / hourMs)]!++
  }
  for (const [hour, count] of counts.entries()) {
    const mean = intensity(monday + hour * hourMs, 0.2) * hourMs
    expect(Math.abs(count - mean), `hour ${hour}`).toBeLessThan(5 * Math.sqrt(mean))
  }
})
