import {
  bigintField,
  booleanField,
  int64Field,
  listField,
  optional,
  struct,
  textField,
  text,
  type StructOf,
} from './serdes.ts'
import type { Serde } from './serde.ts'

// The type of a struct follows from its fields.

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : never

const fields = {
  sum: int64Field(),
  exact: bigintField(),
  open: booleanField(),
  note: optional(textField()),
  tags: listField(text),
}
export const serde = struct(fields)

interface Expected {
  sum: number
  exact: bigint
  open: boolean
  note: string | null
  tags: string[]
}

export const sameShape: Same<
  { [K in keyof StructOf<typeof fields>]: StructOf<typeof fields>[K] },
  { [K in keyof Expected]: Expected[K] }
> = true
export const isSerde: Serde<Expected> = serde
// @ts-expect-error A text is no integer.
serde.write({ sum: '1', exact: 1n, open: true, note: null, tags: [] }, undefined as never)
