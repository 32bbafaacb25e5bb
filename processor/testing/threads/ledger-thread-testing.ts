import { memoryRegistry } from '../../../schemas/registry-memory.ts'
import { int64 } from '../../../schemas/serdes.ts'
import { topic } from '../../../schemas/topic.ts'
import { nativeKafka } from '../../kafka/native/client.ts'
import { tcpTransport } from '../../kafka/native/tcp.ts'
import type { BrokerAddress } from '../../ports.ts'
import type { ThreadFunction } from '../../threads/context.ts'
import { ledger, ledgerTopics } from '../ledger-testing.ts'

// The ledger for one thread of several, with user code that does what it should not when the test asks for it.

export interface LedgerData {
  readonly brokers: readonly BrokerAddress[]
  readonly prefix: string
  /** One place, shared by all threads: what the next record that any of them reads is to do to its thread. */
  readonly fault: Int32Array
}

/** No test waits for it: it is long, so that a busy machine does not pass for a process that is gone. */
export const sessionTimeoutMs = 20_000

export const faults = { none: 0, throws: 1, exits: 2, loops: 3 } as const

function suffer(fault: Int32Array): void {
  if (Atomics.load(fault, 0) === faults.none) return
  switch (Atomics.exchange(fault, 0, faults.none)) {
    case faults.throws:
      // Where nobody catches it, as in a callback of a library.
      queueMicrotask(() => {
        throw new Error('a callback failed')
      })
      return
    case faults.exits:
      process.exit(7)
    case faults.loops:
      for (;;);
  }
}

export const thread: ThreadFunction<LedgerData> = ({ data, world }) => {
  const topics = ledgerTopics(data.prefix)
  /** Records of the open transaction are in the log. */
  let isSent = false
  const read: typeof int64.read = (bytes, start, end) => {
    if (isSent) suffer(data.fault)
    return int64.read(bytes, start, end)
  }
  const payments = topic(topics.payments.name, topics.payments.key, { ...int64, read })
  return {
    topology: ledger({ ...topics, payments }),
    application: `${data.prefix}app`,
    kafka: nativeKafka({ transport: tcpTransport({ bootstrap: data.brokers }), world, clientId: 'thread' }),
    registry: memoryRegistry(),
    sessionTimeoutMs,
    commitIntervalMs: 300,
    sendBytes: 0,
    onStep(step) {
      if (step === 'sending') isSent = true
      else if (step === 'begun') isSent = false
    },
  }
}
