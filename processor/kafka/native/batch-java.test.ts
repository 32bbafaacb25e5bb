import { Buffer } from 'node:buffer'
import { expect, test } from 'vitest'
import { decodeBatches } from './batch-decode.ts'
import { decodeHeaders } from '../../../schemas/headers.ts'
import { controlBatch, peekBatches } from './batch-inspect.ts'
import { Columns } from './columns.ts'

// Bytes that Java's own MemoryRecords (kafka-clients 4.3.1) made of these three records:
//   1700000000000  key k1    value "value one value one value one"  headers trace=ab, none=null
//   1699999999000  key null  value empty
//   1700000100000  key empty value null
// at offset 1000, producer 4711, epoch 3, sequence 77, leader epoch 9, transactional.
const java = {
  none:
    '00000000000003e8000000770000000902b869a0780010000000020000018bcfe568000000018bcfe6eea00000000000001267000300' +
    '00004d0000000368000000046b313a76616c7565206f6e652076616c7565206f6e652076616c7565206f6e65040a7472616365046162' +
    '086e6f6e65010e00cf0f020100001000c09a0c04000100',
  gzip:
    '00000000000003e8000000790000000902704566ca0011000000020000018bcfe568000000018bcfe6eea00000000000001267000300' +
    '00004d000000031f8b08000000000000ffcb60606060c936b42a4bcc294d55c8cf4b55c0c262e12a294a4c4e65494ce2c8037219f918' +
    'cef33331323008301c98c5c3c2c0c80000400b3be946000000',
  snappy:
    '00000000000003e80000007e0000000902097b20600012000000020000018bcfe568000000018bcfe6eea00000000000001267000300' +
    '00004d0000000382534e4150505900000000010000000100000039464468000000046b313a76616c7565206f6e65204a0a0080040a74' +
    '72616365046162086e6f6e65010e00cf0f020100001000c09a0c04000100',
  lz4:
    '00000000000003e80000007a00000009022f7a9eb10013000000020000018bcfe568000000018bcfe6eea00000000000001267000300' +
    '00004d0000000304224d186040823a000000ff0368000000046b313a76616c7565206f6e65200a0000f012040a747261636504616208' +
    '6e6f6e65010e00cf0f020100001000c09a0c0400010000000000',
  zstd:
    '00000000000003e80000007700000009023a9cd1a70014000000020000018bcfe568000000018bcfe6eea00000000000001267000300' +
    '00004d0000000328b52ffd0058d40100340368000000046b313a76616c7565206f6e6520040a7472616365046162086e6f6e65010e00' +
    'cf0f020100001000c09a0c0400010001009a9430010000',
} as const

const markers = {
  commit:
    '000000000000000000000042ffffffff027b4425550030000000000000018bcfe568000000018bcfe5680000000000000012670003ff' +
    'ffffff000000012000000008000000010c00000000000500',
  abort:
    '000000000000000000000042ffffffff028f7af31d0030000000000000018bcfe568000000018bcfe5680000000000000012670003ff' +
    'ffffff000000012000000008000000000c00000000000500',
} as const

const textOf = (columns: Columns, row: number, start: number, end: number): string | null =>
  start < 0 ? null : columns.buffers[columns.buffer[row]!]!.toString('utf8', start, end)

test.each(Object.keys(java) as (keyof typeof java)[])('reads what Java wrote with compression %s', name => {
  const columns = new Columns()
  const result = decodeBatches(Buffer.from(java[name], 'hex'), columns, { fetchOffset: 1000, aborted: null })
  expect(result).toEqual({ nextOffset: 1003, abortedRecords: 0, batches: 1 })
  expect([...columns.offset.subarray(0, 3)]).toEqual([1000, 1001, 1002])
  expect([...columns.timestamp.subarray(0, 3)]).toEqual([1700000000000, 1699999999000, 1700000100000])
  const keys = [0, 1, 2].map(row => textOf(columns, row, columns.keyStart[row]!, columns.keyEnd[row]!))
  const values = [0, 1, 2].map(row => textOf(columns, row, columns.valueStart[row]!, columns.valueEnd[row]!))
  expect(keys).toEqual(['k1', null, ''])
  expect(values).toEqual(['value one value one value one', '', null])
  const block = [columns.buffers[columns.buffer[0]!]!, columns.headersStart[0]!, columns.headersEnd[0]!] as const
  expect(decodeHeaders(...block)).toEqual([
    { name: 'trace', value: Buffer.from('ab') },
    { name: 'none', value: null },
  ])
  expect(columns.headersEnd[1]! - columns.headersStart[1]!).toBe(1)
})

test('reads the header that Java wrote', () => {
  const bytes = Buffer.from(java.zstd, 'hex')
  expect([...peekBatches(bytes)]).toEqual([
    {
      baseOffset: 1000,
      lastOffset: 1002,
      leaderEpoch: 9,
      producerId: 4711,
      producerEpoch: 3,
      baseSequence: 77,
      count: 3,
      transactional: true,
      control: false,
      compression: 4,
      logAppendTime: false,
      baseTimestamp: 1700000000000,
      maxTimestamp: 1700000100000,
      start: 0,
      end: bytes.length,
    },
  ])
})

test.each(['commit', 'abort'] as const)('writes the %s marker as Java does', type => {
  const fields = { producerId: 4711, producerEpoch: 3, timestamp: 1700000000000, coordinatorEpoch: 5 }
  expect(controlBatch({ type, ...fields }).toString('hex')).toBe(markers[type])
})
