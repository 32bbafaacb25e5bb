import { expect, test } from 'vitest'
import { manualWorld } from '../embedded/manual-world.ts'
import { AppError } from '../errors.ts'
import { noReadings, type Readings } from '../observe/readings.ts'
import { readings } from '../observe/testing.ts'
import { carry } from './carried-error.ts'
import type { FromThread, ToThread } from './protocol.ts'
import type { ThreadHandlers } from './spawn.ts'
import { Threads, type ThreadsOptions } from './threads.ts'

// The main thread's part, with threads that do what the test says.

class FakeThread {
  readonly worker: number
  readonly handlers: ThreadHandlers
  readonly heard: ToThread[] = []
  wasTerminated = false

  constructor(worker: number, handlers: ThreadHandlers) {
    this.worker = worker
    this.handlers = handlers
  }

  post(message: ToThread): void {
    this.heard.push(message)
  }

  terminate(): void {
    this.wasTerminated = true
    this.handlers.onEnd(1, null)
  }

  says(message: FromThread): void {
    this.handlers.onMessage(message)
  }

  reports(of: Readings, commitSeconds: readonly number[] = []): void {
    this.says({ kind: 'readings', readings: of, commitSeconds, heapBytes: 5 })
  }

  stops(): void {
    this.says({ kind: 'stopped' })
    this.handlers.onEnd(0, null)
  }

  get wasToldToStop(): boolean {
    return this.heard.some(({ kind }) => kind === 'stop')
  }
}

function open(given: Partial<ThreadsOptions> = {}) {
  const world = manualWorld()
  const spawned: FakeThread[] = []
  const commits: number[] = []
  const left: string[] = []
  const threads = new Threads({
    threads: 2,
    onCrash: 'replace',
    world,
    spawn(worker, handlers) {
      const thread = new FakeThread(worker, handlers)
      spawned.push(thread)
      return thread
    },
    onCommitted: seconds => void commits.push(seconds),
    onLeft: task => void left.push(task),
    stopMostMs: 9000,
    ...given,
  })
  /** Starts them, and has them run. */
  const run = async (): Promise<void> => {
    const started = threads.start()
    for (const thread of spawned) thread.reports(readings())
    await started
  }
  return { world, threads, spawned, commits, left, run }
}

const settled = (): Promise<void> => manualWorld().settle()

test('it runs when all threads run, and has stopped when all have', async () => {
  const { threads, spawned, commits } = open()
  let isRunning = false
  const started = threads.start().then(() => {
    isRunning = true
  })
  expect(threads.read().state).toBe('created')
  spawned[0]!.reports(readings(), [0.1, 0.2])
  spawned[1]!.reports(noReadings('restoring'))
  await settled()
  expect([isRunning, threads.read().state]).toEqual([false, 'restoring'])
  spawned[1]!.reports(readings(), [0.3])
  await started
  expect(threads.read()).toMatchObject({ state: 'running', commits: 18, threads: [{ worker: 0 }, { worker: 1 }] })
  expect(commits).toEqual([0.1, 0.2, 0.3])
  const stopped = threads.stop()
  expect(spawned.map(({ wasToldToStop }) => wasToldToStop)).toEqual([true, true])
  spawned[1]!.stops()
  await settled()
  expect(threads.read().state).not.toBe('failed')
  spawned[0]!.stops()
  await stopped
  await threads.done
  expect(threads.read()).toMatchObject({ state: 'stopped', commits: 18, tasks: [] })
})

test('what fails the start ends all threads, with the name of the one', async () => {
  const { threads, spawned } = open()
  const started = threads.start()
  const missing = new AppError('TOPIC_MISSING', 'There is no topic.', { cause: new TypeError('x') })
  spawned[1]!.says({ kind: 'failed', error: carry(missing) })
  spawned[1]!.handlers.onEnd(0, null)
  expect(threads.read().state).toBe('failed')
  expect(spawned[0]!.wasToldToStop).toBe(true)
  spawned[0]!.stops()
  await expect(started).rejects.toMatchObject({ code: 'TOPIC_MISSING', message: 'Thread 1 of 2: There is no topic.' })
  await expect(threads.done).rejects.toMatchObject({ cause: { cause: { name: 'TypeError' } } })
})

test('a crash before the first run is not tried again', async () => {
  const { threads, spawned } = open()
  const started = threads.start()
  spawned[0]!.handlers.onEnd(1, new Error('no such module'))
  spawned[1]!.stops()
  await expect(started).rejects.toMatchObject({ code: 'THREAD_CRASHED', message: expect.stringContaining('no such') })
  expect(spawned.length).toBe(2)
})

test('a thread that crashed is replaced, what it had counted stays, and its stores are free', async () => {
  const { world, threads, spawned, left, run } = open()
  await run()
  const [first, second] = spawned as [FakeThread, FakeThread]
  first.says({ kind: 'take', task: '0_0' })
  second.says({ kind: 'take', task: '0_0' })
  expect(first.heard).toEqual([{ kind: 'taken', task: '0_0', isGranted: true }])
  expect(second.heard).toEqual([{ kind: 'taken', task: '0_0', isGranted: false }])
  // It was never the holder: this frees nothing.
  second.says({ kind: 'free', task: '0_0' })
  second.says({ kind: 'take', task: '0_0' })
  expect(second.heard.at(-1)).toMatchObject({ isGranted: false })
  first.handlers.onEnd(1, new Error('boom'))
  await world.advance(0)
  expect(spawned.length).toBe(3)
  expect(spawned[2]!.worker).toBe(0)
  expect(left).toEqual(['0_0'])
  expect(threads.read()).toMatchObject({ state: 'created', commits: 18, threads: [{ replacements: 1 }, {}] })
  second.says({ kind: 'take', task: '0_0' })
  expect(second.heard.at(-1)).toMatchObject({ isGranted: true })
  spawned[2]!.reports(readings({ commits: 1 }))
  expect(threads.read()).toMatchObject({ state: 'running', commits: 19 })
})

test('the fourth crash in five minutes ends it all; later ones begin to count anew', async () => {
  const { world, threads, spawned, run } = open({ threads: 1 })
  await run()
  const crash = async (): Promise<void> => {
    spawned.at(-1)!.handlers.onEnd(7, null)
    await world.advance(0)
  }
  await crash()
  expect(spawned.length).toBe(2)
  await crash()
  expect(spawned.length).toBe(2)
  await world.advance(1000)
  expect(spawned.length).toBe(3)
  await crash()
  await world.advance(2000)
  expect(spawned.length).toBe(4)
  await world.advance(5 * 60_000)
  await crash()
  expect(spawned.length).toBe(5)
  for (const pauseMs of [1000, 2000]) {
    await crash()
    await world.advance(pauseMs)
  }
  expect(spawned.length).toBe(7)
  await crash()
  await expect(threads.done).rejects.toMatchObject({
    code: 'THREAD_CRASHED',
    message: expect.stringMatching(/^Thread 0 of 1 ended by itself with exit code 7.* not replaced: 4 crashes/),
  })
  await world.advance(60_000)
  expect(spawned.length).toBe(7)
})

test('by the policy stop, the first crash stops the others in good order', async () => {
  const { world, threads, spawned, run } = open({ onCrash: 'stop' })
  await run()
  spawned[1]!.handlers.onEnd(1, new Error('boom'))
  await world.advance(0)
  expect(spawned.length).toBe(2)
  expect(spawned[0]!.wasToldToStop).toBe(true)
  spawned[0]!.stops()
  await expect(threads.done).rejects.toMatchObject({
    code: 'THREAD_CRASHED',
    message: 'Thread 1 of 2 crashed: boom. Crashes stop the application, by its policy.',
    cause: { message: 'boom' },
  })
})

test("the engine's own errors are never tried again", async () => {
  const { threads, spawned, run } = open()
  await run()
  const error = new AppError('FENCED', 'Another process has the name.')
  spawned[0]!.says({ kind: 'failed', error: carry(error) })
  spawned[0]!.handlers.onEnd(0, null)
  spawned[1]!.stops()
  await expect(threads.done).rejects.toMatchObject({ code: 'FENCED' })
  expect(spawned.length).toBe(2)
})

test('a thread that does not stop in time is ended, and the application says so', async () => {
  const { world, threads, spawned, run } = open()
  await run()
  const stopped = threads.stop()
  spawned[0]!.stops()
  await world.advance(8999)
  expect(spawned[1]!.wasTerminated).toBe(false)
  await world.advance(1)
  await stopped
  expect(spawned.map(({ wasTerminated }) => wasTerminated)).toEqual([false, true])
  await expect(threads.done).rejects.toMatchObject({
    code: 'THREAD_STUCK',
    message: expect.stringContaining('Thread 1 of 2 did not stop within 9 s'),
  })
})

test('stopped while a replacement waits for its turn, it does not begin one', async () => {
  const { world, threads, spawned, run } = open({ threads: 1 })
  await run()
  for (let crash = 0; crash < 2; crash++) {
    spawned.at(-1)!.handlers.onEnd(1, null)
    await world.advance(0)
  }
  expect(spawned.length).toBe(2)
  await threads.stop()
  await threads.done
  await world.advance(10_000)
  expect(spawned.length).toBe(2)
  expect(threads.read().state).toBe('stopped')
})

test('silence is measured while there is a thread, and lines of its log say which it is', async () => {
  const lines: unknown[] = []
  const manual = manualWorld()
  const log = { debug() {}, info() {}, warn: (...line: unknown[]) => void lines.push(line), error() {} }
  const { threads, spawned } = open({ world: { ...manual, log } })
  void threads.start()
  for (const thread of spawned) thread.reports(readings())
  await manual.advance(700)
  spawned[0]!.says({
    kind: 'log',
    level: 'warn',
    fields: { task: '0_0' },
    error: carry(new AppError('KAFKA', 'no')),
    message: 'hm',
  })
  expect(threads.read().threads.map(({ silentMs }) => silentMs)).toEqual([0, 700])
  expect(lines).toEqual([[{ thread: 0, task: '0_0', error: expect.objectContaining({ code: 'KAFKA' }) }, 'hm']])
})
