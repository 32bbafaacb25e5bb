import { expect, test } from 'vitest'
import type { Registry } from './registry.ts'

/**
 * What every registry adapter does. `unique` makes subjects of this run out of names: a real registry keeps the old
 * ones.
 */
export function registryConformance(open: () => Registry, unique: (subject: string) => string): void {
  const record = (name: string, fields: object[] = []): string =>
    JSON.stringify({
      type: 'record',
      name: unique(name).replaceAll('-', '_'),
      fields: [{ name: 'a', type: 'int' }, ...fields],
    })

  test('a registered schema is found by its id, with its subject', async () => {
    const registry = open()
    const schema = record('Found')
    const id = await registry.register(unique('found-value'), schema)
    const answer = await registry.byId(id)
    expect(answer).toMatchObject({ kind: 'avro', id, subjects: [unique('found-value')] })
    expect(JSON.parse((answer as { schema: string }).schema)).toEqual(JSON.parse(schema))
  })

  test('registered again it keeps its id, and spaces make no difference', async () => {
    const registry = open()
    const schema = record('Again')
    const id = await registry.register(unique('again-value'), schema)
    expect(await registry.register(unique('again-value'), schema)).toBe(id)
    expect(await registry.register(unique('again-value'), JSON.stringify(JSON.parse(schema), null, 2))).toBe(id)
  })

  test('one schema under two subjects has one id, and both subjects', async () => {
    const registry = open()
    const schema = record('Shared')
    const id = await registry.register(unique('shared-one-value'), schema)
    expect(await registry.register(unique('shared-two-value'), schema)).toBe(id)
    const answer = await registry.byId(id)
    expect(answer.kind === 'avro' && [...answer.subjects].sort()).toEqual([
      unique('shared-one-value'),
      unique('shared-two-value'),
    ])
  })

  test('another version of a subject has another id, and the first stays', async () => {
    const registry = open()
    const first = await registry.register(unique('grown-value'), record('Grown'))
    const second = await registry.register(
      unique('grown-value'),
      record('Grown', [{ name: 'b', type: 'int', default: 0 }]),
    )
    expect(second).not.toBe(first)
    expect(await registry.byId(first)).toMatchObject({ kind: 'avro', id: first })
  })

  test('an id that was never given is unknown', async () => {
    expect(await open().byId(2_000_000_000)).toEqual({ kind: 'unknown', id: 2_000_000_000 })
  })
}
