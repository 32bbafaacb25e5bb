import { expect, test } from 'vitest'
import type { Admin, Kafka, Producer } from '../ports.ts'
import { silentLog, systemWorld } from '../world.ts'
import { fenceFormerOwners, type FormerOwners } from './fencing.ts'

/** What was fenced, and whether it was said to be done. */
async function fenced(owners: Omit<FormerOwners, 'done'>, signal: AbortSignal) {
  const ids: string[] = []
  let isDone = false
  const kafka = {
    admin: () =>
      ({
        ongoingTransactions: async prefix => [`${prefix}a/0`, `${prefix}b/0`, `${prefix}c/0`],
      }) as Partial<Admin>,
    producer: ({ transactionalId }) =>
      ({
        init: async () => void ids.push(transactionalId!),
        close: () => Promise.resolve(),
      }) as Partial<Producer>,
  } as Kafka
  const done = (): void => {
    isDone = true
  }
  const options = { application: 'app', kafka, world: systemWorld(silentLog), transactionTimeoutMs: 1000 }
  await fenceFormerOwners({ ...options, formerOwners: { ...owners, done } }, signal)
  return { ids: ids.toSorted(), isDone }
}

const { signal } = new AbortController()

test('whom the group remembers and whom it has forgotten are fenced, each once', async () => {
  const forgotten = (open: readonly string[]): string[] => open.filter(id => !id.includes('/a/'))
  const { ids, isDone } = await fenced({ ids: ['app/b/0', 'app/x/0'], forgotten }, signal)
  expect(ids).toEqual(['app/b/0', 'app/c/0', 'app/x/0'])
  expect(isDone).toBe(true)
  expect(await fenced({ ids: ['app/x/0'], forgotten: null }, signal)).toEqual({ ids: ['app/x/0'], isDone: true })
})

test('when it is stopped nobody counts as fenced', async () => {
  const forgotten = (open: readonly string[]): readonly string[] => open
  expect(await fenced({ ids: ['app/x/0'], forgotten }, AbortSignal.abort())).toEqual({ ids: [], isDone: false })
})
