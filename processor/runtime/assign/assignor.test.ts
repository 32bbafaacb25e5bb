import { expect, test } from 'vitest'
import { seeded } from '../../operators/testing.ts'
import { assignTasks, type Candidate, type Share } from './assignor.ts'
import { comparePlaces, type TaskPlace, taskName } from './places.ts'

const names = (tasks: Iterable<TaskPlace>): string => [...tasks].toSorted(comparePlaces).map(taskName).join(' ')

const tasksOf = (counts: readonly number[]): TaskPlace[] =>
  counts.flatMap((count, part) => Array.from({ length: count }, (_, partition) => ({ part, partition })))

const candidate = (name: string, given: Partial<Candidate> = {}): Candidate => ({
  name,
  // What comes before a dash: two workers of process p are p-0 and p-1.
  process: name.split('-')[0]!,
  claims: [],
  generation: -1,
  isAsleep: false,
  lags: new Map(),
  ...given,
})

const place = (name: string): TaskPlace => {
  const [part, partition] = name.split('_').map(Number)
  return { part: part!, partition: partition! }
}
const placesOf = (text: string): TaskPlace[] => (text === '' ? [] : text.split(' ').map(place))

const shown = (shares: ReadonlyMap<string, Share>): Record<string, string> =>
  Object.fromEntries(
    [...shares].map(([name, { active, upcoming }]) => [
      name,
      upcoming.length === 0 ? names(active) : `${names(active)} | ${names(upcoming)}`,
    ]),
  )

test('a second and a third member get their share in two rounds', () => {
  const tasks = tasksOf([4, 2])
  const a = candidate('a', { claims: tasks, generation: 1 })
  expect(shown(assignTasks(tasks, [a, candidate('b')]))).toEqual({
    a: '0_0 0_1 1_0',
    b: ' | 0_2 0_3 1_1',
  })
  const gaveUp = candidate('a', { claims: placesOf('0_0 0_1 1_0'), generation: 2 })
  expect(shown(assignTasks(tasks, [candidate('b'), gaveUp]))).toEqual({ a: '0_0 0_1 1_0', b: '0_2 0_3 1_1' })
})

test('what a member leaves behind is given at once', () => {
  const tasks = tasksOf([6])
  const left = [
    candidate('a', { claims: placesOf('0_0 0_3'), generation: 5 }),
    candidate('b', { claims: placesOf('0_1 0_4'), generation: 5 }),
  ]
  expect(shown(assignTasks(tasks, left))).toEqual({ a: '0_0 0_2 0_3', b: '0_1 0_4 0_5' })
})

test('a free task goes to where its state is, the nearest copy first', () => {
  const tasks = tasksOf([4])
  const copies = (...entries: [string, number][]): Partial<Candidate> => ({ lags: new Map(entries) })
  const shares = assignTasks(tasks, [
    candidate('a', copies(['0_3', 10], ['0_2', 0])),
    candidate('b', copies(['0_2', 5], ['0_0', Infinity])),
  ])
  expect(shown(shares)).toEqual({ a: '0_2 0_3', b: '0_0 0_1' })
})

test('who has to give something up gives what the other has the state of', () => {
  const tasks = tasksOf([4])
  const owner = candidate('a', { claims: tasks, generation: 1 })
  const standby = candidate('b', {
    lags: new Map([
      ['0_0', 3],
      ['0_2', 0],
    ]),
  })
  expect(shown(assignTasks(tasks, [owner, standby]))).toEqual({ a: '0_1 0_3', b: ' | 0_0 0_2' })
})

test('a process with several threads gets what its threads are due, and no more because its name comes first', () => {
  const members = ['a-0', 'a-1', 'b-0', 'b-1'].map(name => candidate(name))
  expect(shown(assignTasks(tasksOf([2]), members))).toEqual({ 'a-0': '0_0', 'a-1': '', 'b-0': '0_1', 'b-1': '' })
  const counts = (of: readonly number[]): number[] => {
    const active = [...assignTasks(tasksOf(of), members).values()].map(share => share.active.length)
    return [active[0]! + active[1]!, active[2]! + active[3]!]
  }
  expect(counts([6])).toEqual([3, 3])
  expect(counts([2, 2])).toEqual([2, 2])
  expect(counts([1, 1, 1, 3])).toEqual([3, 3])
  const uneven = assignTasks(tasksOf([3]), [...members.slice(0, 3), candidate('a-2'), candidate('a-3')])
  expect(uneven.get('b-0')!.active.length).toBeLessThanOrEqual(1)
})

test('a task that has to move goes to another thread of its process first, which has its state', () => {
  const tasks = tasksOf([4])
  const owner = candidate('b-0', { claims: tasks, generation: 1 })
  const near = new Map(tasks.map(task => [taskName(task), 0]))
  const shares = assignTasks(tasks, [owner, candidate('a-0'), candidate('b-1', { lags: near }), candidate('a-1')])
  expect(shown(shares)).toEqual({ 'a-0': ' | 0_2', 'a-1': ' | 0_3', 'b-0': '0_0', 'b-1': ' | 0_1' })
  const pair = assignTasks(tasksOf([3]), [
    candidate('a-0', { claims: placesOf('0_0 0_1'), generation: 1 }),
    candidate('a-1', { lags: near }),
    candidate('b-0', { claims: placesOf('0_2'), generation: 1 }),
    candidate('b-1'),
  ])
  expect(shown(pair)['b-1']).toBe('')
  expect(shown(pair)['a-1']).toMatch(/^ \| 0_[01]$/)
})

test('a static member that has not come back keeps what it has', () => {
  const tasks = tasksOf([6])
  const shares = assignTasks(tasks, [
    candidate('a', { claims: placesOf('0_0 0_1 0_2 0_3'), generation: 3, isAsleep: true }),
    candidate('b', { claims: placesOf('0_4 0_5'), generation: 4 }),
    candidate('c'),
  ])
  expect(shown(shares)).toEqual({ a: '0_0 0_1 0_2 0_3', b: '0_4', c: ' | 0_5' })
})

test('of two that claim a task the one with the later generation has it; a third never gets it before both let go', () => {
  const tasks = tasksOf([3])
  const shares = assignTasks(tasks, [
    candidate('a', { claims: placesOf('0_0 0_1'), generation: 3 }),
    candidate('b', { claims: placesOf('0_1'), generation: 4 }),
  ])
  expect(shown(shares)).toEqual({ a: '0_0 0_2', b: '0_1' })
})

/** A group that changes at random, as its leader sees it: what each member runs is what counts. */
class Group {
  readonly random: () => number
  readonly tasks: readonly TaskPlace[]
  readonly counts: readonly number[]
  members = new Map<string, { claims: TaskPlace[]; generation: number }>()
  generation = 0
  #names = 0

  constructor(seed: number) {
    this.random = seeded(seed)
    this.counts = Array.from({ length: 1 + this.below(4) }, () => 1 + this.below(8))
    this.tasks = tasksOf(this.counts)
    this.join()
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  join(): void {
    this.members.set(`m${this.below(5)}-${this.#names++}`, { claims: [], generation: -1 })
  }

  leave(): string {
    const all = [...this.members.keys()]
    const name = all[this.below(all.length)]!
    this.members.delete(name)
    return name
  }

  /** One generation: who runs what afterwards. Some do not hear of it in time, and join again as they were. */
  round(losing = 0): { shares: ReadonlyMap<string, Share>; revoked: number; given: number } {
    const candidates = [...this.members].map(([name, { claims, generation }]) =>
      candidate(name, { claims, generation }),
    )
    const shares = assignTasks(this.tasks, this.#shuffled(candidates))
    expect(shown(shares)).toEqual(shown(assignTasks(this.tasks.toReversed(), this.#shuffled(candidates))))
    this.generation++
    let [revoked, given] = [0, 0]
    for (const [name, member] of this.members) {
      const { active } = shares.get(name)!
      for (const [other, { claims }] of this.members) {
        // Nobody is given what another still runs.
        if (other !== name)
          expect(names(active.filter(task => claims.some(at => taskName(at) === taskName(task))))).toBe('')
      }
      if (this.random() < losing) continue
      revoked += member.claims.filter(task => !active.some(at => taskName(at) === taskName(task))).length
      given += active.filter(task => !member.claims.some(at => taskName(at) === taskName(task))).length
    }
    for (const [name, member] of this.members) {
      if (this.random() < losing) continue
      member.claims = [...shares.get(name)!.active]
      member.generation = this.generation
    }
    return { shares, revoked, given }
  }

  #shuffled<T>(items: readonly T[]): T[] {
    return items
      .map(item => ({ item, at: this.random() }))
      .toSorted((a, b) => a.at - b.at)
      .map(({ item }) => item)
  }

  settle(): { rounds: number; revoked: number; given: number } {
    const sum = { rounds: 0, revoked: 0, given: 0 }
    for (; sum.rounds < 10; sum.rounds++) {
      const { revoked, given } = this.round()
      sum.revoked += revoked
      sum.given += given
      if (revoked === 0 && given === 0) return sum
    }
    throw new Error('The group does not settle.')
  }

  /** Everything runs, once, and nobody has more than one task more than another, over all and by sub-topology. */
  check(): void {
    const running = [...this.members.values()].flatMap(({ claims }) => claims)
    expect(names(running)).toBe(names(this.tasks))
    const isEven = (counts: readonly number[]): boolean => Math.max(...counts) - Math.min(...counts) <= 1
    expect(isEven([...this.members.values()].map(({ claims }) => claims.length))).toBe(true)
    for (const part of this.counts.keys()) {
      const of = [...this.members.values()].map(({ claims }) => claims.filter(task => task.part === part).length)
      expect(isEven(of), `sub-topology ${part}: ${of.join()}`).toBe(true)
    }
    this.#checkProcesses()
  }

  /** Each process has the share of its threads, rounded up or down, over all and by sub-topology. */
  #checkProcesses(): void {
    for (const process of new Set([...this.members.keys()].map(name => name.split('-')[0]!))) {
      const own = [...this.members].filter(([name]) => name.startsWith(`${process}-`)).map(([, { claims }]) => claims)
      const isDue = (has: number, of: number): boolean => Math.abs(has - (of * own.length) / this.members.size) < 1
      expect(isDue(own.flat().length, this.tasks.length)).toBe(true)
      for (const [part, count] of this.counts.entries()) {
        expect(isDue(own.flat().filter(task => task.part === part).length, count)).toBe(true)
      }
    }
  }
}

const seeds = Array.from({ length: 25 }, (_, seed) => seed)

test('random groups settle in two rounds, balanced, and then nothing moves', () => {
  for (const seed of seeds) {
    const group = new Group(seed)
    for (let change = 0; change < 12; change++) {
      for (let more = group.below(3); more >= 0; more--) {
        if (group.members.size === 1 || (group.random() < 0.5 && group.members.size < 12)) group.join()
        else group.leave()
      }
      // Revoke, give, and nothing more to do.
      expect(group.settle().rounds).toBeLessThanOrEqual(2)
      group.check()
      expect(group.settle()).toEqual({ rounds: 0, revoked: 0, given: 0 })
    }
  }
}, 20_000)

test('one that joins gets its share, and hardly anything else moves', () => {
  let [joins, extra] = [0, 0]
  for (const seed of seeds) {
    const group = new Group(seed)
    for (let size = 2; size <= 9; size++) {
      group.settle()
      group.join()
      const { revoked, given } = group.settle()
      const newest = [...group.members.values()].at(-1)!.claims.length
      expect(revoked).toBe(given)
      // Where few tasks meet many members, the balances together may cost one more move.
      expect(revoked - newest, `${size} members of seed ${seed}`).toBeOneOf([0, 1])
      joins++
      extra += revoked - newest
    }
  }
  expect(extra / joins).toBeLessThan(0.1)
}, 20_000)

test('when one leaves its tasks move, and hardly any others', () => {
  let [leaves, extra] = [0, 0]
  for (const seed of seeds) {
    const group = new Group(seed)
    for (let size = 1; size <= 9; size++) group.join()
    group.settle()
    while (group.members.size > 1) {
      const before = new Map([...group.members].map(([name, { claims }]) => [name, claims.length]))
      const left = before.get(group.leave())!
      const { revoked, given } = group.settle()
      expect(given).toBe(left + revoked)
      expect(revoked).toBeLessThanOrEqual(2)
      leaves++
      extra += revoked
      group.check()
    }
  }
  expect(extra / leaves).toBeLessThan(0.1)
}, 20_000)

test('members that miss generations never lead to two owners', () => {
  for (const seed of seeds) {
    const group = new Group(seed)
    for (let change = 0; change < 20; change++) {
      if (group.members.size === 1 || (group.random() < 0.5 && group.members.size < 8)) group.join()
      else if (group.random() < 0.5) group.leave()
      group.round(0.3)
    }
    group.settle()
    group.check()
  }
}, 20_000)

test('among all balanced results there is none that keeps more', () => {
  for (const seed of seeds) {
    const random = seeded(seed)
    const below = (limit: number): number => Math.floor(random() * limit)
    const counts = Array.from({ length: 1 + below(2) }, () => 1 + below(3))
    const tasks = tasksOf(counts)
    const members = Array.from({ length: 2 + below(2) }, (_, at) => `m${at}`)
    const owner = tasks.map(() => below(members.length + 1))
    const candidates = members.map((name, at) =>
      candidate(name, { claims: tasks.filter((_, index) => owner[index] === at), generation: 1 }),
    )
    const shares = assignTasks(tasks, candidates)
    const kept = members.reduce((sum, name) => sum + shares.get(name)!.active.length, 0)
    const homeless = owner.filter(at => at === members.length).length
    expect(kept - homeless, `seed ${seed}`).toBe(mostKept(counts, tasks, owner, members.length))
  }
}, 20_000)

/** By trying all. */
function mostKept(
  counts: readonly number[],
  tasks: readonly TaskPlace[],
  owner: readonly number[],
  members: number,
): number {
  const isEven = (sums: readonly number[], total: number): boolean =>
    sums.every(sum => sum >= Math.floor(total / members) && sum <= Math.ceil(total / members))
  let best = -1
  for (let code = 0; code < members ** tasks.length; code++) {
    const chosen = tasks.map((_, index) => Math.floor(code / members ** index) % members)
    const sums = Array.from({ length: members }, (_, member) => chosen.filter(at => at === member).length)
    const spread = counts.every((count, part) =>
      isEven(
        sums.map((_, member) => chosen.filter((at, index) => at === member && tasks[index]!.part === part).length),
        count,
      ),
    )
    if (!spread || !isEven(sums, tasks.length)) continue
    best = Math.max(best, chosen.filter((at, index) => at === owner[index]).length)
  }
  return best
}

test('a hundred members with a thousand tasks take a moment', () => {
  const tasks = tasksOf([250, 250, 250, 250])
  const members = Array.from({ length: 100 }, (_, at) => candidate(`m${at}`))
  const shares = assignTasks(tasks, members)
  expect(new Set([...shares.values()].map(({ active }) => active.length))).toEqual(new Set([10]))
}, 20_000)
