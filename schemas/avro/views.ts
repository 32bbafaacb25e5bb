import type { Buffer } from 'node:buffer'
import { readers } from './runtime.ts'
import { plain } from './plain.ts'
import type { Plan, RecordPlan } from './resolve.ts'

// Generates the reader of one plan: for each record a class of lazy views. Its constructor walks the bytes once,
// checks all of their structure, and keeps numbers, booleans and enums (the walk has them anyway) and the places of
// everything else; getters decode texts, bytes, arrays, maps and inner records on first use and keep them. Views have
// no setters.

export interface Reader {
  /** The value in exactly `[start, end)`; throws a `DecodeError`. */
  readonly read: (bytes: Buffer, start: number, end: number) => unknown
  /** The class of the views when the schema is a record. Its `$b`, `$p`, `$e` are the bytes of a view. */
  readonly view: (new (...never: never[]) => ViewBytes) | null
}

export interface ViewBytes {
  readonly $b: Buffer
  readonly $p: number
  readonly $e: number
}

export function generateReader(plan: Plan): Reader {
  const generator = new Generator()
  const root = generator.value(plan, 'p')
  const body =
    plan.op === 'record'
      ? `const v = ${root}; h.checkEnd(v.$e, end); return v`
      : `const start = p; let n = 0, q = 0, d = 0; ${generator.walk(plan, null)}; h.checkEnd(p, end)
  p = start; return ${root}`
  const source = `'use strict'
const c = h.cursor
${generator.constants.map((_, index) => `const K${index} = K[${index}]`).join('\n')}
${generator.source()}
return { read(b, p, end) { ${body} }, view: ${plan.op === 'record' ? generator.view(plan) : 'null'} }`
  // Names in the source are those that parseShape has checked; symbols, defaults and messages are passed as values.
  const { read, view } = new Function('h', 'K', 'plain', source)(readers, generator.constants, plain) as Reader
  return { read: withinBounds(read), view }
}

/**
 * The walk may go beyond the end of a value that is cut off before it finds that out (runtime.ts), and stumble over
 * what stands there. What it says of the value must not depend on that: the other records belong to somebody else, and
 * are not the same ones whenever the value is read.
 */
const withinBounds =
  (read: Reader['read']): Reader['read'] =>
  (bytes, start, end) => {
    try {
      return read(bytes, start, end)
    } catch (error) {
      if (end === bytes.length) throw error
      return read(bytes.subarray(start, end), 0, end - start)
    }
  }

class Generator {
  readonly constants: unknown[] = []
  readonly #functions: string[] = []
  readonly #skips = new Map<Plan, string>()
  readonly #reads = new Map<Plan, string>()
  readonly #views = new Map<RecordPlan, string>()

  source(): string {
    return this.#functions.join('\n')
  }

  /**
   * Statements that move `p` past a value and check it, leaving what the view keeps in `slot` (null: nothing). They
   * may use the variables b, p, end, n, q.
   */
  walk(plan: Plan, slot: string | null): string {
    const keep = (value: string): string => (slot === null ? '' : `${slot} = ${value}; `)
    switch (plan.op) {
      case 'null':
        return keep('null')
      case 'boolean':
        return `n = b[p++]; if (n > 1) h.boolean(b, p - 1); ${keep('n === 1')}`
      case 'int':
        return `n = b[p++]; if (n > 127) { n = h.int(b, p - 1); p = c.at } else n = (n >>> 1) ^ -(n & 1); ${keep('n')}`
      case 'long':
        return slot === null
          ? 'if (b[p++] > 127) p = h.skipLong(b, p - 1); '
          : `n = b[p++]; if (n > 127) { n = h.long(b, p - 1); p = c.at } else n = (n >>> 1) ^ -(n & 1); ${keep('n')}`
      case 'float':
        return `${slot === null ? '' : keep('h.float(b, p)')}p += 4; `
      case 'double':
        return `${slot === null ? '' : keep('h.double(b, p)')}p += 8; `
      case 'string':
        return slot === null
          ? 'p = h.skipText(b, p, end); '
          : `q = h.checkText(b, p, end); if (q < 0) { ${keep('~p')}p = -q } else { ${keep('p')}p = q } `
      case 'stringAsBytes':
        return `${keep('p')}p = h.skipText(b, p, end); `
      case 'bytesAsString':
        return `${keep('~p')}p = h.skipText(b, p, end); `
      case 'bytes':
        return `${keep('p')}p = h.skipBytes(b, p, end); `
      case 'fixed':
        return `${keep('p')}p += ${plan.size}; `
      case 'enum': {
        const symbols = this.#constant(plan.symbols)
        const check = `if (${symbols}[n] === undefined) throw h.badSymbol(${JSON.stringify(plan.name)}, n); `
        return `${this.walk({ op: 'int' }, null)}${check}${keep(`${symbols}[n]`)}`
      }
      case 'union':
        return this.#walkUnion(plan.branches, slot)
      case 'refuse':
        return `throw h.refused(${this.#constant(plan.message)}); `
      default:
        return `${keep('p')}p = ${this.#skip(plan)}(b, p, end, d + 1); `
    }
  }

  /** An optional value is kept as its branch is; any other union is read at once, since its branches look alike. */
  #walkUnion(branches: readonly Plan[], slot: string | null): string {
    if (slot !== null && !isOptional(branches)) {
      const union: Plan = { op: 'union', branches }
      return `q = p; p = ${this.#skip(union)}(b, p, end, d); ${slot} = ${this.#read(union)}(b, q, end); `
    }
    const cases = branches.map((branch, index) => `if (n === ${index}) { ${this.walk(branch, slot)}} else `)
    return `${this.walk({ op: 'int' }, null)}${cases.join('')}throw h.badBranch(n); `
  }

  /** The name of the function (b, p, end, d) => p that checks a record, array, map or union. */
  #skip(plan: Plan): string {
    const known = this.#skips.get(plan)
    if (known !== undefined) return known
    const name = `skip${this.#skips.size}`
    this.#skips.set(plan, name)
    this.#functions.push(`function ${name}(b, p, end, d) { let n = 0, q = 0; ${this.#skipBody(plan)}return p }`)
    return name
  }

  #skipBody(plan: Plan): string {
    switch (plan.op) {
      case 'record':
        return `h.checkDepth(d); ${plan.fields.map(field => this.walk(field.plan, null)).join('')}`
      case 'array':
        return this.#skipBlocks(this.walk(plan.items, null))
      case 'map':
        return this.#skipBlocks(this.walk({ op: 'string' }, null) + this.walk(plan.values, null))
      default:
        return this.walk(plan, null)
    }
  }

  /** Blocks of items: a count, negative with the block's size in bytes behind it; 0 ends them. */
  #skipBlocks(item: string): string {
    return `let total = 0
  for (;;) {
    if (p >= end) throw h.cutOff()
    let count = b[p++], stop = -1
    if (count === 0) break
    if (count > 127) { count = h.long(b, p - 1); p = c.at } else count = (count >>> 1) ^ -(count & 1)
    if (count === 0) break
    if (count < 0) { count = -count; const size = h.length(b, p, end); p = c.at; stop = p + size }
    total += count
    h.checkCount(total)
    for (; count > 0; count--) { ${item}if (p > end) throw h.cutOff() }
    if (stop >= 0 && p !== stop) throw h.badBlock()
  }
  `
  }

  /** An expression for the value at \`p\`, checked before, that leaves the place after it in the cursor. */
  value(plan: Plan, p: string): string {
    switch (plan.op) {
      case 'null':
        return `(c.at = ${p}, null)`
      case 'boolean':
      case 'int':
      case 'long':
      case 'float':
      case 'double':
      case 'bytes':
        return `h.${plan.op}(b, ${p})`
      case 'string':
      case 'bytesAsString':
        return `h.text(b, ${p}, false)`
      case 'stringAsBytes':
        return `h.bytes(b, ${p})`
      case 'fixed':
        return `h.fixed(b, ${p}, ${plan.size})`
      case 'enum':
        return `${this.#constant(plan.symbols)}[h.int(b, ${p})]`
      case 'record':
        return `new ${this.view(plan)}(b, ${p}, end)`
      case 'refuse':
        return 'undefined'
      default:
        return `${this.#read(plan)}(b, ${p}, end)`
    }
  }

  /** The name of the function (b, p, end) => value of an array, map or union. */
  #read(plan: Plan): string {
    const known = this.#reads.get(plan)
    if (known !== undefined) return known
    const name = `read${this.#reads.size}`
    this.#reads.set(plan, name)
    this.#functions.push(`function ${name}(b, p, end) { ${this.#readBody(plan)} }`)
    return name
  }

  #readBody(plan: Plan): string {
    if (plan.op === 'union') {
      const cases = plan.branches.map((branch, index) => `case ${index}: return ${this.value(branch, 'p')}`)
      return `const n = h.int(b, p); p = c.at; switch (n) { ${cases.join('; ')} }`
    }
    const blocks = (start: string, item: string): string => `const out = ${start}
  for (;;) {
    let count = h.long(b, p); p = c.at
    if (count === 0) return out
    if (count < 0) { count = -count; h.long(b, p); p = c.at }
    for (; count > 0; count--) { ${item}; p = c.at }
  }`
    if (plan.op === 'array') return blocks('[]', `out.push(${this.value(plan.items, 'p')})`)
    if (plan.op !== 'map') throw new Error(`No function reads ${plan.op}.`)
    const item = `const key = h.text(b, p, false); p = c.at; out[key] = ${this.value(plan.values, 'p')}`
    return blocks('Object.create(null)', item)
  }

  /** The name of the class of views of a record. */
  view(plan: RecordPlan): string {
    const known = this.#views.get(plan)
    if (known !== undefined) return known
    const name = `View${this.#views.size}`
    this.#views.set(plan, name)
    const slots = new Map(
      plan.fields.flatMap((field, index) => (field.name === null ? [] : [[field.name, { index, plan: field.plan }]])),
    )
    const defaults = new Map(plan.defaults.map(each => [each.name, this.#constant(each.value)]))
    const getters = plan.order.map(field => {
      const slot = slots.get(field)
      const body =
        slot === undefined ? `return ${defaults.get(field)!}` : this.#getter(slot.plan, `this.$${slot.index}`)
      return `  get ${field}() { ${body} }`
    })
    const walks = plan.fields.map(
      (field, index) => `    ${this.walk(field.plan, field.name === null ? null : `this.$${index}`)}`,
    )
    const copies = plan.order.map(field => `${field}: plain(this.${field})`)
    this.#functions.push(`class ${name} {
  constructor(b, p, end) {
    this.$b = b; this.$p = p
    let n = 0, q = 0, d = 0
${walks.join('\n')}
    this.$e = c.at = p
  }
${getters.join('\n')}
  toJSON() { return { ${copies.join(', ')} } }
  [Symbol.for('nodejs.util.inspect.custom')]() { return this.toJSON() }
}`)
    return name
  }

  /** What a getter does with its slot: a place is decoded, once, and replaced by the value. */
  #getter(plan: Plan, slot: string): string {
    const kept =
      plan.op === 'union' && isOptional(plan.branches) ? plan.branches.find(branch => branch.op !== 'null')! : plan
    if (!isLazy(kept)) return `return ${slot}`
    const decoded =
      kept.op === 'string' || kept.op === 'bytesAsString'
        ? 's < 0 ? h.text(b, ~s, false) : h.text(b, s, true)'
        : this.value(kept, 's')
    return `const s = ${slot}; if (typeof s !== 'number') return s
    const b = this.$b, end = this.$e; return ${slot} = ${decoded}`
  }

  #constant(value: unknown): string {
    this.constants.push(value)
    return `K${this.constants.length - 1}`
  }
}

const isLazy = (plan: Plan): boolean =>
  ['string', 'bytes', 'stringAsBytes', 'bytesAsString', 'fixed', 'array', 'map', 'record'].includes(plan.op)

/** null and one other type, either first. */
const isOptional = (branches: readonly Plan[]): boolean =>
  branches.length === 2 &&
  branches.some(({ op }) => op === 'null') &&
  branches.some(({ op }) => op !== 'null' && op !== 'refuse')
