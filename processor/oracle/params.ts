import type { Case } from './golden.ts'

/** The parameters of a case, with their defaults where they are asked for. */
export class Params {
  readonly #given: Case['params']

  constructor(given: Case['params']) {
    this.#given = given
  }

  has(name: string): boolean {
    return this.#given[name] !== undefined
  }

  text(name: string, otherwise: string): string {
    return String(this.#given[name] ?? otherwise)
  }

  number(name: string, otherwise: number): number {
    return Number(this.#given[name] ?? otherwise)
  }

  flag(name: string): boolean {
    return this.#given[name] === true
  }
}
