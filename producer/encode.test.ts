import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { plain } from '../schemas/avro.ts'
import { ByteWriter } from '../schemas/bytes.ts'
import { payments } from '../schemas/payments/topics.ts'
import type { Payment } from '../schemas/payments/types.ts'
import { memoryRegistry } from '../schemas/registry-memory.ts'
import { DecodeError, NotReady, type Serde } from '../schemas/serde.ts'
import type { Damage, Emission } from './emission.ts'
import { writeValue } from './encode.ts'
import { drillEmissions } from './profiles/drill.ts'
import { Millrace } from './profiles/millrace.ts'

const place = { topic: 'payments', part: 'value', writes: true, registry: memoryRegistry() } as const
const serde: Serde<Payment> = await payments.value.bind!(place)
const good = drillEmissions()[0]!

const encode = (emission: Emission): ByteWriter | null => {
  const out = new ByteWriter()
  // Other bytes come before: positions are relative to them.
  out.text('before')
  return writeValue(emission, serde, out) ? out : null
}

const read = (out: ByteWriter): Payment => serde.read(out.copy(), 'before'.length, out.length)

async function codeOf(out: ByteWriter): Promise<string> {
  try {
    read(out)
    return 'none'
  } catch (error) {
    if (error instanceof NotReady) {
      await error.ready()
      return codeOf(out)
    }
    if (error instanceof DecodeError) return error.code
    throw error
  }
}

test('an emission without damage holds its payment', () => {
  expect(plain(read(encode(good)!))).toEqual(good.payment)
})

test.for<[Damage, string]>([
  ['TRUNCATED', 'ERR_DECODE'],
  ['MAGIC', 'ERR_FRAME'],
  ['SHORT', 'ERR_FRAME'],
  ['SCHEMA', 'ERR_SCHEMA'],
  ['ZERO', 'ERR_EMPTY'],
])('%s is read as %s', async ([damage, code]) => {
  expect(await codeOf(encode({ ...good, damage })!)).toBe(code)
})

test('NULL has no value', () => {
  expect(encode({ ...good, damage: 'NULL' })).toBeNull()
})

test('every emission of the profiles that is not damaged can be written and read again', async () => {
  const source = new Millrace({ seed: 5 })
  const emissions = [...drillEmissions(), ...Array.from({ length: 5000 }, () => source.next())]
  for (const emission of emissions) {
    const out = encode(emission)
    const expected = emission.expect!.codes.find(code => /EMPTY|FRAME|SCHEMA|DECODE/.test(code)) ?? 'none'
    if (out === null) expect(expected).toBe('ERR_EMPTY')
    else if ((await codeOf(out)) !== expected) expect.fail(`${emission.payment.paymentId} is not ${expected}`)
  }
})

const digest = (seed: number): string => {
  const source = new Millrace({ seed })
  const hash = createHash('sha256')
  const out = new ByteWriter()
  for (let i = 0; i < 4000; i++) {
    const emission = source.next()
    out.reset()
    writeValue(emission, serde, out)
    hash.update(`${emission.key}@${emission.timestamp}:`).update(out.bytes.subarray(0, out.length))
  }
  return hash.digest('hex')
}

test('the same seed gives the same bytes, another seed gives other bytes', () => {
  expect(digest(7)).toBe(digest(7))
  expect(digest(7)).not.toBe(digest(8))
})

// Held against a constant, so that a change of the profile, or a machine that computes otherwise, does not go
// unnoticed.
test('seed 42 gives the bytes that it always gave', () => {
  expect(digest(42)).toBe('7e3a0ae3508d489323c1ff50d3b3bf139e732bfbb7e02f70bc2bfd864bc5ad5f')
})
