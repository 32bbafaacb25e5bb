import { expect, test } from 'vitest'
import { distanceMetres } from './distance.ts'

const place = (latitude: number, longitude: number) => ({ latitude, longitude })

test.each([
  // New York to London, and Paris to Sydney: computed from the cross product of unit vectors.
  [place(40.7128, -74.006), place(51.5074, -0.1278), 5_570_230],
  [place(48.8566, 2.3522), place(-33.8688, 151.2093), 16_960_521],
  // A degree on the equator, and one at 60 degrees north.
  [place(0, 0), place(0, 1), 111_195],
  [place(60, 0), place(60, 1), 55_596],
  // Across the date line; along a meridian over the pole.
  [place(0, 179.5), place(0, -179.5), 111_195],
  [place(89, 0), place(89, 180), 222_390],
  [place(0, 0), place(0, 180), 20_015_115],
  [place(10, 20), place(10, 20), 0],
])('%o to %o', (from, to, metres) => {
  expect(Math.abs(distanceMetres(from, to) - metres)).toBeLessThan(6)
  expect(distanceMetres(to, from)).toBe(distanceMetres(from, to))
})
