import type { ByteWriter } from '../schemas/bytes.ts'
import type { Payment } from '../schemas/payments/types.ts'
import type { Serde } from '../schemas/serde.ts'
import type { Damage, Emission } from './emission.ts'

/** No registry counts up to here. */
const unknownSchemaId = 0x7ffffff0
const frameBytes = 5

/**
 * Appends the value of an emission, spoiled as it asks for. False: the record's value is null, and nothing was written.
 *
 * @param serde of payments, bound to their topic for writing
 */
export function writeValue(emission: Emission, serde: Serde<Payment>, out: ByteWriter): boolean {
  const { damage } = emission
  if (damage === 'NULL') return false
  if (damage === 'ZERO') return true
  const start = out.length
  serde.write(emission.payment, out)
  if (damage !== null) spoil(damage, out, start)
  return true
}

function spoil(damage: Exclude<Damage, 'NULL' | 'ZERO'>, out: ByteWriter, start: number): void {
  switch (damage) {
    case 'TRUNCATED': {
      const body = out.length - start - frameBytes
      out.length = start + frameBytes + (body >> 1)
      return
    }
    case 'MAGIC':
      out.bytes[start] = 1
      return
    case 'SHORT':
      out.length = start + 3
      return
    case 'SCHEMA':
      out.bytes.writeInt32BE(unknownSchemaId, start + 1)
      return
  }
}
