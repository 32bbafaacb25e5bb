export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

/** The time a window covers: `startMs` inclusive, `endMs` exclusive. */
export interface Span {
  readonly startMs: number
  readonly endMs: number
}

/** A window as the engine runs it; all in milliseconds. Tumbling: `advanceMs` equals `sizeMs`. */
export interface WindowShape {
  readonly sizeMs: number
  readonly advanceMs: number
  readonly graceMs: number
}

export type Window = { readonly kind: 'tumbling' | 'hopping' } & WindowShape
