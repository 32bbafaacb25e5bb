import type { Claims } from '../state/level.ts'
import type { FromThread } from './protocol.ts'

/** Which thread has the store of each task. The main thread keeps it: a thread that crashes loses what it had. */
export class ThreadClaims {
  readonly #holders = new Map<string, number>()

  take(task: string, worker: number): boolean {
    const holder = this.#holders.get(task)
    if (holder === undefined) this.#holders.set(task, worker)
    return holder === undefined || holder === worker
  }

  free(task: string, worker: number): void {
    if (this.#holders.get(task) === worker) this.#holders.delete(task)
  }

  /** The thread is gone. Answers what it had open, which LevelDB has closed. */
  freeAll(worker: number): string[] {
    const tasks = [...this.#holders].flatMap(([task, holder]) => (holder === worker ? [task] : []))
    for (const task of tasks) this.#holders.delete(task)
    return tasks
  }
}

/** The claims of one thread, which asks the main thread. */
export class AskedClaims implements Claims {
  readonly #post: (message: FromThread) => void
  /** Answers come in the order of the questions. */
  readonly #waiting: ((isGranted: boolean) => void)[] = []

  constructor(post: (message: FromThread) => void) {
    this.#post = post
  }

  take(task: string): Promise<boolean> {
    this.#post({ kind: 'take', task })
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  free(task: string): void {
    this.#post({ kind: 'free', task })
  }

  /** The main thread has answered. */
  answered(isGranted: boolean): void {
    this.#waiting.shift()?.(isGranted)
  }
}
