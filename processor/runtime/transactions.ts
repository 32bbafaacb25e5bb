import { AppError, asError } from '../errors.ts'
import type { GroupMember, GroupMetadata, Producer, World } from '../ports.ts'
import { commit, type Step } from './commit.ts'
import type { Storing } from './storing.ts'
import type { Task } from './task.ts'
import type { AppTopics } from './topics.ts'

export interface TransactionOptions {
  readonly guarantee: 'exactly_once' | 'at_least_once'
  readonly producer: Producer
  readonly topics: AppTopics
  readonly world: World
  readonly storing: Storing
  readonly commitIntervalMs: number
  /** Sent in the middle of a transaction beyond this. */
  readonly sendBytes: number
  /** Beyond this, processing waits for the commit under way. */
  readonly holdBytes: number
  member(): GroupMember
  onStep(step: Step): void
  /** A transaction of these tasks is committed; it took this long. */
  onCommitted(tasks: readonly Task[], seconds: number): void
  /** The commit under way has ended, one way or the other: the next one may be due. */
  onSettled(): void
}

/**
 * The transactions of one worker, one after the other over all of its tasks. While one is being committed the next one
 * is being processed; its records wait in the producer until the first has ended.
 *
 * A commit names the membership that its transaction was begun under, whatever the group has come to since: what was
 * processed as one member is never committed as another. It is the member that says whether the next generation may
 * stand in for it (`GroupMetadata.renewed`).
 */
export class Transactions {
  readonly #options: TransactionOptions
  #begunMs: number | null = null
  #begunUnder: GroupMetadata | null = null
  #isGivenUp = false
  #sending: Promise<void> | null = null
  #committing: Promise<void> | null = null
  /** Tasks that the commit under way is about. */
  #inCommit: readonly Task[] = []
  /** Commits that were begun, and of these how many have succeeded: they do so one after the other. */
  #started = 0
  #finished = 0
  #error: Error | null = null

  constructor(options: TransactionOptions) {
    this.#options = options
  }

  /** Records were taken: the clock of the commit interval runs. */
  begin(): void {
    if (this.#begunMs !== null) return
    this.#begunMs = this.#options.world.clock.monotonic()
    this.#begunUnder = this.#options.member().metadata()
    this.#options.onStep('begun')
  }

  /** Milliseconds until the next commit is due; Infinity while there is nothing to commit, or one is under way. */
  dueInMs(): number {
    if (this.#begunMs === null || this.#committing !== null) return Infinity
    return Math.max(0, this.#begunMs + this.#options.commitIntervalMs - this.#options.world.clock.monotonic())
  }

  /**
   * Makes the commit of what is processed by now the next thing to do. The number says when it is committed: `isPast`.
   */
  hurry(): number {
    if (this.#begunMs === null) return this.#started
    this.#begunMs = -Infinity
    return this.#started + 1
  }

  isPast(mark: number): boolean {
    return this.#finished >= mark
  }

  /** Whether the commit under way needs the task. */
  isCommitting(task: Task): boolean {
    return this.#inCommit.includes(task)
  }

  /** Sends, commits and waits as it is due. Throws what went wrong in the background. */
  async see(tasks: readonly Task[]): Promise<void> {
    this.#check()
    const { producer, sendBytes, holdBytes } = this.#options
    const buffered = producer.bufferedBytes
    if (this.#committing !== null) {
      if (buffered > holdBytes) await this.#committing
      this.#check()
      return
    }
    if (this.dueInMs() === 0 || tasks.some(task => task.wantsCommit)) {
      await this.#sending
      this.#check()
      this.#start(tasks)
    } else if (buffered > sendBytes && this.#sending === null) this.#send()
  }

  #check(): void {
    this.#options.storing.check()
    if (this.#error !== null) throw this.#error
  }

  /** Sends what is buffered, so that neither memory nor the commit grows too large. */
  #send(): void {
    this.#sending = this.#options.producer
      .flush()
      .then(
        () => this.#options.onStep('sending'),
        (error: unknown) => {
          this.#error ??= asError(error)
        },
      )
      .finally(() => {
        this.#sending = null
      })
  }

  #start(tasks: readonly Task[]): void {
    const { world, storing, onCommitted, onStep } = this.#options
    const member = this.#options.member()
    // Without records there is only what operators have to say, now.
    const group = this.#begunMs === null ? member.metadata() : this.#begunUnder!
    this.#begunMs = null
    this.#started++
    this.#inCommit = tasks
    const startedMs = world.clock.monotonic()
    this.#committing = commit(tasks, { ...this.#options, member, group, step: onStep })
      .then(
        () => {
          this.#finished++
          onCommitted(tasks, (world.clock.monotonic() - startedMs) / 1000)
          storing.afterCommit(tasks)
        },
        (error: unknown) => {
          this.#error ??= asError(error)
        },
      )
      .finally(() => {
        this.#committing = null
        this.#inCommit = []
        this.#options.onSettled()
      })
  }

  /** Waits for what is under way. */
  async settle(): Promise<void> {
    await this.#sending
    await this.#committing
    this.#check()
  }

  /** Commits what was processed, and waits for it. */
  async commitNow(tasks: readonly Task[]): Promise<void> {
    await this.settle()
    if (this.#begunMs === null) return
    this.#start(tasks)
    await this.settle()
  }

  /** Drops the open transaction, after the one under way is through. */
  async abort(): Promise<void> {
    await this.settle()
    this.#begunMs = null
    await this.#options.producer.end('abort')
  }

  /** Closes the producer: what waits for a broker that does not answer ends, and nothing is begun again. */
  giveUp(): Promise<void> {
    this.#isGivenUp = true
    return this.#options.producer.close()
  }

  /**
   * A fresh start after a failure: the producer takes a new epoch, which ends whatever is open. Cut short when the
   * signal says so.
   */
  async reset(signal?: AbortSignal): Promise<void> {
    if (this.#isGivenUp) throw new AppError('KAFKA_RETRIABLE', 'The time that a worker has to stop in is over.')
    await this.#sending
    await this.#committing
    this.#begunMs = null
    this.#error = null
    this.#finished = this.#started
    this.#options.storing.forget()
    const { producer } = this.#options
    const close = (): void => void producer.close()
    signal?.addEventListener('abort', close)
    try {
      await producer.init()
    } finally {
      signal?.removeEventListener('abort', close)
    }
  }
}
