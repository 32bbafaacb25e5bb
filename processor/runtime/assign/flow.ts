interface Edge {
  readonly to: number
  readonly reward: number
  /** What can still be sent along it. */
  room: number
  /** The same edge, the other way. */
  readonly back: number
}

/**
 * A network through which as much as possible flows, and among all such flows one with the highest reward: successive
 * longest augmenting paths (Busacker and Gowen). Rewards are integers, and the order in which edges are added decides
 * between flows that are equally good, so that the same network always gives the same flow.
 */
export class FlowNetwork {
  readonly #edges: Edge[] = []
  readonly #from: number[][]

  constructor(nodes: number) {
    this.#from = Array.from({ length: nodes }, () => [])
  }

  /** Returns a name for it. */
  edge(from: number, to: number, capacity: number, reward: number): number {
    const forth = this.#edges.length
    this.#edges.push({ to, reward, room: capacity, back: forth + 1 })
    this.#edges.push({ to: from, reward: -reward, room: 0, back: forth })
    this.#from[from]!.push(forth)
    this.#from[to]!.push(forth + 1)
    return forth
  }

  /** What flows along an edge. */
  flow(edge: number): number {
    return this.#edges[this.#edges[edge]!.back]!.room
  }

  run(source: number, sink: number): void {
    for (let path = this.#best(source, sink); path !== null; path = this.#best(source, sink)) {
      const amount = Math.min(...path.map(edge => this.#edges[edge]!.room))
      for (const edge of path) {
        this.#edges[edge]!.room -= amount
        this.#edges[this.#edges[edge]!.back]!.room += amount
      }
    }
  }

  /** The path with the highest reward on which there is room (Bellman and Ford, with a queue); null without one. */
  #best(source: number, sink: number): number[] | null {
    const rewards = new Array<number>(this.#from.length).fill(-Infinity)
    const arrived = new Array<number>(this.#from.length).fill(-1)
    const waiting = new Set([source])
    rewards[source] = 0
    for (const node of waiting) {
      waiting.delete(node)
      for (const edge of this.#from[node]!) {
        const { to, room, reward } = this.#edges[edge]!
        if (room === 0 || rewards[node]! + reward <= rewards[to]!) continue
        rewards[to] = rewards[node]! + reward
        arrived[to] = edge
        waiting.add(to)
      }
    }
    if (rewards[sink] === -Infinity) return null
    const path: number[] = []
    for (let node = sink; node !== source;) {
      const edge = arrived[node]!
      path.push(edge)
      node = this.#edges[this.#edges[edge]!.back]!.to
    }
    return path.toReversed()
  }
}
