import { expect, test } from 'vitest'
import { seeded } from '../../operators/testing.ts'
import { assignTasks, type Candidate, type Share } from './assignor.ts'
import { type CopyPolicy, noCopies } from './copies.ts'
import { comparePlaces, type TaskPlace, taskName } from './places.ts'

const names = (tasks: Iterable<TaskPlace>): string => [...tasks].toSorted(comparePlaces).map(taskName).join(' ')
const tasksOf = (count: number): TaskPlace[] =>
  Array.from({ length: count }, (_, partition) => ({ part: 0, partition }))
const pick = (text: string): TaskPlace[] =>
  text === '' ? [] : text.split(' ').map(at => ({ part: 0, partition: Number(at) }))

const policy = (given: Partial<CopyPolicy>): CopyPolicy => ({
  ...noCopies,
  warmups: 2,
  acceptableLagRecords: 100,
  sizeRecords: () => 1_000_000,
  isStateful: () => true,
  ...given,
})

function candidate(name: string, runs: string, lags: Record<number, number> = {}, standbys = ''): Candidate {
  const claims = pick(runs)
  const own = claims.map(task => [taskName(task), 0] as const)
  const others = Object.entries(lags).map(([partition, lag]) => [`0_${partition}`, lag] as const)
  return {
    name,
    process: name.split('-')[0]!,
    claims,
    generation: claims.length > 0 ? 1 : -1,
    isAsleep: false,
    lags: new Map([...own, ...others]),
    follows: new Set(pick(standbys).map(taskName)),
  }
}

const shown = (shares: ReadonlyMap<string, Share>): Record<string, string> =>
  Object.fromEntries(
    [...shares].map(([name, share]) => [
      name,
      [share.active, share.upcoming, share.standbys, share.warmups].map(names).join(' | ').replaceAll('0_', ''),
    ]),
  )

test('who has no state warms up two tasks at a time, and gets those that have caught up', () => {
  const tasks = tasksOf(8)
  const running = candidate('a', '0 1 2 3 4 5 6 7')
  expect(shown(assignTasks(tasks, [running, candidate('b', '')], policy({})))).toEqual({
    a: '0 1 2 3 4 5 6 7 |  |  | ',
    b: ' |  |  | 4 5',
  })
  // One has caught up: it moves, and another is begun.
  expect(shown(assignTasks(tasks, [running, candidate('b', '', { 4: 50, 5: 9000 })], policy({})))).toEqual({
    a: '0 1 2 3 5 6 7 |  |  | ',
    b: ' | 4 |  | 4 5 6',
  })
})

test('when its owner is gone a task goes to the nearest copy at once, however much that one runs', () => {
  const tasks = tasksOf(4)
  const shares = assignTasks(
    tasks,
    [candidate('a', '0 1', { 2: 10, 3: 20 }, '2 3'), candidate('b', ''), candidate('c', '')],
    policy({ standbys: 1 }),
  )
  expect(names(shares.get('a')!.active)).toBe('0_0 0_1 0_2 0_3')
  expect(names([...shares.get('b')!.warmups, ...shares.get('c')!.warmups])).toBe('0_2 0_3')
  // Nobody has any of it: it is given as if there were no state.
  const none = assignTasks(tasks, [candidate('a', '0 1'), candidate('b', ''), candidate('c', '')], policy({}))
  expect([...none.values()].map(({ active }) => active.length)).toEqual([2, 1, 1])
})

test('small state, and none at all, is not waited for', () => {
  const tasks = tasksOf(2)
  for (const sizeRecords of [() => 0, () => 100]) {
    const shares = assignTasks(tasks, [candidate('a', '0 1'), candidate('b', '')], policy({ sizeRecords }))
    expect(names(shares.get('b')!.upcoming)).toBe('0_1')
  }
})

test('what a standby keeps up to date is its warm-up, and counts for nothing', () => {
  const shares = assignTasks(
    tasksOf(8),
    [candidate('a', '0 1 2 3 4 5 6 7'), candidate('b', '', { 7: 5000, 6: 4000, 5: 3000 }, '5 6 7')],
    policy({ standbys: 1 }),
  )
  expect(names(shares.get('b')!.warmups)).toBe('0_4 0_5 0_6 0_7')
})

/** A group whose members' copies come nearer from round to round. */
class Group {
  readonly tasks: readonly TaskPlace[]
  readonly policy: CopyPolicy
  readonly members = new Map<string, { runs: Set<string>; lags: Map<string, number>; standbys: Set<string> }>()
  readonly #random: () => number
  #names = 0
  shares: ReadonlyMap<string, Share> = new Map()

  constructor(seed: number) {
    this.#random = seeded(seed)
    this.tasks = tasksOf(1 + this.below(16))
    this.policy = policy({ standbys: this.below(3), warmups: 1 + this.below(3) })
    this.join()
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  join(): void {
    const name = `p${this.#names++ % 5}-${this.#names}`
    this.members.set(name, { runs: new Set(), lags: new Map(), standbys: new Set() })
  }

  leave(): void {
    this.members.delete([...this.members.keys()][this.below(this.members.size)]!)
  }

  #candidates(): Candidate[] {
    const all = [...this.members].map(([name, { runs, lags, standbys }]) => ({
      name,
      process: name.split('-')[0]!,
      claims: this.tasks.filter(task => runs.has(taskName(task))),
      generation: runs.size > 0 ? 1 : -1,
      isAsleep: false,
      lags: new Map([...lags, ...[...runs].map(task => [task, 0] as const)]),
      follows: standbys,
    }))
    // A process has one disk.
    return all.map(each => {
      const near = all.filter(({ process }) => process === each.process)
      const lags = new Map<string, number>()
      for (const other of near)
        for (const [task, lag] of other.lags) lags.set(task, Math.min(lag, lags.get(task) ?? Infinity))
      return { ...each, lags }
    })
  }

  /** One generation. Answers whether anything changed. */
  round(): boolean {
    const before = JSON.stringify(shown(this.shares))
    const candidates = this.#candidates()
    this.shares = assignTasks(this.tasks, candidates, this.policy)
    this.#checkRound(candidates)
    for (const [name, member] of this.members) {
      const { active, standbys, warmups } = this.shares.get(name)!
      const left = [...member.runs].filter(task => !active.some(at => taskName(at) === task))
      for (const task of left) member.lags.set(task, 0)
      member.runs = new Set(active.map(taskName))
      member.standbys = new Set(standbys.map(taskName))
      for (const task of [...standbys, ...warmups]) member.lags.set(taskName(task), 10)
    }
    return before !== JSON.stringify(shown(this.shares))
  }

  #checkRound(candidates: readonly Candidate[]): void {
    const processOf = (name: string): string => name.split('-')[0]!
    for (const task of this.tasks) {
      const has = (tasks: readonly TaskPlace[]): boolean => tasks.some(at => taskName(at) === taskName(task))
      const owners = [...this.shares].filter(([, share]) => has(share.active)).map(([name]) => processOf(name))
      const holders = [...this.shares].filter(([, share]) => has(share.standbys)).map(([name]) => processOf(name))
      const warm = [...this.shares].filter(([, share]) => has(share.warmups)).map(([name]) => processOf(name))
      expect(owners.length).toBeLessThanOrEqual(1)
      expect(new Set(holders).size, 'copies in one process').toBe(holders.length)
      expect(holders.filter(process => owners.includes(process))).toEqual([])
      expect(warm.filter(process => owners.includes(process))).toEqual([])
      // Nobody is given what it lacks while another has it.
      const owner = [...this.shares].find(([, share]) => has(share.active))?.[0]
      const behind = (each: Candidate): number => each.lags.get(taskName(task)) ?? Infinity
      if (owner !== undefined && behind(candidates.find(({ name }) => name === owner)!) > 100)
        expect(Math.min(...candidates.map(behind))).toBeGreaterThan(100)
    }
    const counted = [...this.shares].flatMap(([name, { warmups, upcoming }]) => {
      const { standbys } = this.members.get(name)!
      return warmups.filter(task => !standbys.has(taskName(task)) && !upcoming.includes(task))
    })
    expect(counted.length).toBeLessThanOrEqual(this.policy.warmups)
  }

  settle(): number {
    for (let rounds = 0; rounds < 60; rounds++) if (!this.round()) return rounds
    throw new Error('The group does not settle.')
  }

  check(): void {
    const shares = [...this.shares.values()]
    const processes = new Set([...this.members.keys()].map(name => name.split('-')[0]!))
    expect(names(shares.flatMap(({ active }) => active))).toBe(names(this.tasks))
    expect(shares.flatMap(({ upcoming, warmups }) => [...upcoming, ...warmups])).toEqual([])
    const counts = shares.map(({ active }) => active.length)
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
    const copies = Math.min(this.policy.standbys, processes.size - 1)
    expect(shares.flatMap(({ standbys }) => standbys)).toHaveLength(copies * this.tasks.length)
    if (processes.size < this.members.size) return
    const loads = shares.map(({ active, standbys }) => active.length + standbys.length)
    expect(Math.max(...loads) - Math.min(...loads), loads.join()).toBeLessThanOrEqual(1)
  }
}

test('random groups settle: every task runs, evenly spread, with its standbys elsewhere, and then nothing moves', () => {
  for (let seed = 0; seed < 60; seed++) {
    const group = new Group(seed)
    for (let change = 0; change < 8; change++) {
      for (let more = group.below(3); more >= 0; more--) {
        if (group.members.size === 1 || (group.members.size < 9 && group.below(2) === 0)) group.join()
        else group.leave()
      }
      group.settle()
      group.check()
      expect(group.round()).toBe(false)
    }
  }
}, 60_000)

test('a standby stays where it is when somebody joins or leaves, as far as shares allow', () => {
  let [moved, all] = [0, 0]
  for (let seed = 0; seed < 20; seed++) {
    const group = new Group(seed)
    for (let size = 1; size < 5; size++) {
      group.join()
      group.settle()
      const before = new Map([...group.members].map(([name, { standbys }]) => [name, new Set(standbys)]))
      group.join()
      group.settle()
      for (const [name, had] of before) {
        all += had.size
        const { standbys, runs } = group.members.get(name)!
        moved += [...had].filter(task => !standbys.has(task) && !runs.has(task)).length
      }
    }
  }
  expect(moved / all).toBeLessThan(0.5)
}, 60_000)
