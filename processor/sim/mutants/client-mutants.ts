import type { Mutant } from './mutant.ts'

const native = 'processor/kafka/native'

/** Bugs of the Kafka client. */
export const clientMutants: readonly Mutant[] = [
  {
    id: 'B1',
    bug: 'The end of a transaction arrives late, and ends the next one: the epoch stays the same from one to the next',
    source: 'KIP-890; Jepsen: Bufstream 0.1.0',
    edits: [
      { file: `${native}/transactions.ts`, find: "api: 'EndTxn', version: 5", replace: "api: 'EndTxn', version: 4" },
      {
        file: `${native}/transactions.ts`,
        find: '  return identityOf(answer)\n}\n\n/** Later attempts',
        replace: '  void answer\n  return producer\n}\n\n/** Later attempts',
      },
      {
        file: `${native}/producer.ts`,
        find: 'sink.sequence = 0\n      }\n      // Also what was appended',
        replace: 'void sink\n      }\n      // Also what was appended',
      },
    ],
  },
  {
    id: 'B2',
    bug: 'Records that the broker refused (OUT_OF_ORDER_SEQUENCE_NUMBER) are passed over, and the commit says that all is well',
    source: 'librdkafka #3575',
    edits: [
      {
        file: `${native}/produce.ts`,
        find: 'errorCode === code.duplicateSequenceNumber) continue',
        replace: 'errorCode === code.duplicateSequenceNumber || errorCode === 45) continue',
      },
    ],
  },
  {
    id: 'B5',
    bug: 'Two aborted transactions of one producer in an answer: only the records of one of them are left out',
    source: 'platformatic/kafka #391',
    edits: [
      {
        file: `${native}/batch-decode.ts`,
        find: 'aborted.toSorted(',
        replace: '[...new Map(aborted.map(each => [each.producerId, each])).values()].toSorted(',
      },
    ],
  },
  {
    id: 'B9',
    bug: 'Offsets are committed in a transaction without member and generation: those of a zombie are taken',
    source: 'KIP-447; kafkajs; sarama #3593',
    edits: [
      { file: `${native}/transactions.ts`, find: 'generationId: current.generation,', replace: 'generationId: -1,' },
      { file: `${native}/transactions.ts`, find: 'memberId: current.memberId,', replace: "memberId: ''," },
      {
        file: `${native}/transactions.ts`,
        find: 'groupInstanceId: current.instanceId,',
        replace: 'groupInstanceId: null,',
      },
    ],
  },
  {
    id: 'B10',
    bug: 'A batch of nothing but a marker does not move the position: the consumer asks for it for ever',
    source: 'kafkajs #403, #562, #1256',
    edits: [
      {
        file: `${native}/batch-inspect.ts`,
        find: 'next = Math.max(next, readInt64(records, start) + records.readInt32BE(start + at.lastOffsetDelta) + 1)',
        replace:
          'if ((records.readInt16BE(start + at.attributes) & 0x20) === 0)\n' +
          '      next = Math.max(next, readInt64(records, start) + records.readInt32BE(start + at.lastOffsetDelta) + 1)',
      },
    ],
  },
  {
    id: 'B14',
    bug: 'The answer to a fetch from before a partition was taken up anew is taken for one from after it',
    source: 'FluidFramework #9404',
    edits: [
      {
        file: `${native}/fetch-lane.ts`,
        find: 'this.#host.positions.get(position.key) !== position',
        replace: '!this.#host.positions.has(position.key)',
      },
      {
        file: `${native}/fetcher.ts`,
        find: 'this.#positions.get(piece.position.key) !== piece.position',
        replace: '!this.#positions.has(piece.position.key)',
      },
    ],
  },
  {
    id: 'B19',
    bug: 'No committed offset that is certain yet is taken for an offset: an old one, or the beginning',
    source: 'KAFKA-20416; KIP-447',
    edits: [{ file: `${native}/committed.ts`, find: 'requireStable: true', replace: 'requireStable: false' }],
  },
]
