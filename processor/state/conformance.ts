import { Buffer } from 'node:buffer'
import { afterEach, expect, test } from 'vitest'
import type { Store, Stores, StoreWrite } from '../state-port.ts'

/** The stores of one instance, and how they look to the process that comes after this one. */
export interface StoresUnderTest {
  readonly stores: Stores
  /** Closes nothing: the stores of tasks are closed by their users. */
  restart(): Promise<Stores>
  release(): Promise<void>
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
const put = (key: string, value: string): StoreWrite => ({ key: bytes(key), value: bytes(value) })
const gone = (key: string): StoreWrite => ({ key: bytes(key), value: null })

async function entries(store: Store, from: Buffer, to: Buffer): Promise<string[]> {
  const found: string[] = []
  for await (const [key, value] of store.range(from, to))
    found.push(`${key.toString('hex')}=${value.toString('latin1')}`)
  return found
}

/** What every adapter of `Store` and `Stores` does. */
export function storesConformance(open: () => Promise<StoresUnderTest>): void {
  const opened: StoresUnderTest[] = []
  const start = async (): Promise<StoresUnderTest> => {
    const made = await open()
    opened.push(made)
    return made
  }
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.release()
  })
  const openStore = async (): Promise<Store> => (await (await start()).stores.open('0_0')).store

  entriesConformance(openStore)
  lifeConformance(start)
}

function entriesConformance(openStore: () => Promise<Store>): void {
  test('a key that was not written has no value; one that was has it, and its own copy', async () => {
    const store = await openStore()
    expect(store.get(bytes('a'))).toBeUndefined()
    const value = bytes('one')
    await store.write([{ key: bytes('a'), value }])
    value.fill(0)
    expect(store.get(bytes('a'))).toEqual(bytes('one'))
    store.get(bytes('a'))!.fill(0)
    expect(store.get(bytes('a'))).toEqual(bytes('one'))
    await store.close()
  })

  test('empty values, empty keys and keys of any bytes are values and keys like others', async () => {
    const store = await openStore()
    const all = Array.from({ length: 256 }, (_, byte) => ({ key: Buffer.from([7, byte]), value: Buffer.from([byte]) }))
    await store.write([...all, put('k', '')])
    expect(store.get(bytes('k'))).toEqual(Buffer.alloc(0))
    for (const { key, value } of all) expect(store.get(key)).toEqual(value)
    await store.close()
  })

  test('getMany answers in the order of the keys, undefined where there is nothing', async () => {
    const store = await openStore()
    await store.write([put('a', '1'), put('c', '3')])
    expect(await store.getMany([bytes('c'), bytes('b'), bytes('a'), bytes('c')])).toEqual([
      bytes('3'),
      undefined,
      bytes('1'),
      bytes('3'),
    ])
    expect(await store.getMany([])).toEqual([])
    await store.close()
  })

  test('a null value deletes, and of two writes of one key in a batch the later one counts', async () => {
    const store = await openStore()
    await store.write([put('a', '1'), put('b', '2')])
    await store.write([gone('a'), gone('never'), put('b', '3'), gone('b'), put('c', '4'), put('c', '5')])
    expect(await store.getMany([bytes('a'), bytes('b'), bytes('c')])).toEqual([undefined, undefined, bytes('5')])
    expect(await entries(store, Buffer.from([0]), Buffer.from([255]))).toEqual(['63=5'])
    await store.close()
  })

  test('no reader sees half a batch', async () => {
    const store = await openStore()
    const keys = Array.from({ length: 300 }, (_, i) => bytes(`k${i}`))
    const batch = (value: string): StoreWrite[] => keys.map(key => ({ key, value: bytes(value) }))
    await store.write(batch('old'))
    const writing = store.write(batch('new'))
    let isDone = false
    void writing.then(() => {
      isDone = true
    })
    // Reads one after the other: the batch may appear in between, and from then on all of it is there.
    const once = (values: readonly string[]): string[] =>
      values.filter((value, i) => i === 0 || value !== values[i - 1])
    do {
      expect([['old'], ['new'], ['old', 'new']]).toContainEqual(once(keys.map(key => store.get(key)!.toString())))
      expect([['old'], ['new'], ['old', 'new']]).toContainEqual(once((await store.getMany(keys)).map(String)))
    } while (!isDone)
    await writing
    expect(store.get(keys[299]!)).toEqual(bytes('new'))
    await store.close()
  })

  test('a range holds from, not to, in the order of unsigned bytes; a prefix before what it begins', async () => {
    const store = await openStore()
    const keys = [[0x80], [0x7f], [0xff], [0x00], [0x7f, 0x00], [0x7f, 0xff], [0x01], [0xff, 0xff]].map(key =>
      Buffer.from(key),
    )
    await store.write(keys.map(key => ({ key, value: bytes('v') })))
    const order = (list: readonly string[]): string[] => list.map(entry => entry.split('=')[0]!)
    expect(order(await entries(store, Buffer.from([0]), Buffer.from([0xff, 0xff, 0])))).toEqual([
      '00',
      '01',
      '7f',
      '7f00',
      '7fff',
      '80',
      'ff',
      'ffff',
    ])
    expect(order(await entries(store, Buffer.from([0x7f]), Buffer.from([0x80])))).toEqual(['7f', '7f00', '7fff'])
    expect(await entries(store, Buffer.from([0x02]), Buffer.from([0x03]))).toEqual([])
    await store.close()
  })

  test('a range of more entries than are read at once is whole, and may be left early', async () => {
    const store = await openStore()
    const key = (i: number): string => `k${String(i).padStart(5, '0')}`
    await store.write(Array.from({ length: 2500 }, (_, i) => put(key(i), String(i))))
    expect((await entries(store, bytes('k'), bytes('l'))).length).toBe(2500)
    for await (const [first] of store.range(bytes('k'), bytes('l'))) {
      expect(first.toString()).toBe('k00000')
      break
    }
    await store.close()
  })
}

function lifeConformance(start: () => Promise<StoresUnderTest>): void {
  test('created the first time; opened again, after a restart too, it holds what was written', async () => {
    const tested = await start()
    const first = await tested.stores.open('0_1')
    expect(first.created).toBe(true)
    await first.store.write([put('a', '1')])
    await first.store.close()
    const second = await tested.stores.open('0_1')
    expect(second.created).toBe(false)
    await second.store.close()
    const third = await (await tested.restart()).open('0_1')
    expect(third.created).toBe(false)
    expect(third.store.get(bytes('a'))).toEqual(bytes('1'))
    await third.store.close()
  })

  test('each task has a store of its own', async () => {
    const { stores } = await start()
    const [one, two] = [await stores.open('0_0'), await stores.open('0_1')]
    await one.store.write([put('a', '1')])
    expect(two.store.get(bytes('a'))).toBeUndefined()
    await one.store.close()
    await two.store.close()
  })

  test('a store that is open is not opened a second time, and loses nothing by the attempts', async () => {
    const { stores } = await start()
    const { store } = await stores.open('0_0')
    await store.write([put('a', '1')])
    await expect(stores.open('0_0')).rejects.toMatchObject({ code: 'STATE_IN_USE' })
    await expect(stores.open('0_0')).rejects.toMatchObject({ code: 'STATE_IN_USE' })
    await store.write([put('b', '2')])
    await store.close()
    const again = await stores.open('0_0')
    expect(again.created).toBe(false)
    expect(await again.store.getMany([bytes('a'), bytes('b')])).toEqual([bytes('1'), bytes('2')])
    await again.store.close()
  })

  test('destroyed, open or closed, it is created anew and empty; destroying what is not there does nothing', async () => {
    const { stores } = await start()
    await stores.destroy('9_9')
    const first = await stores.open('0_0')
    await first.store.write([put('a', '1')])
    await stores.destroy('0_0')
    const second = await stores.open('0_0')
    expect(second.created).toBe(true)
    expect(second.store.get(bytes('a'))).toBeUndefined()
    await second.store.close()
    await stores.destroy('0_0')
    expect((await stores.open('0_0')).created).toBe(true)
  })
}
