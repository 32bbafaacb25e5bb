const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const

/** A duration in the largest unit that divides it: `2m`, `1500ms`. */
export function durationText(durationMs: number): string {
  for (const [name, sizeMs] of units)
    if (durationMs % sizeMs === 0 && durationMs > 0) return `${durationMs / sizeMs}${name}`
  return `${durationMs}ms`
}
