import { rawBytes, text } from '../../schemas/serdes.ts'
import { type Topic, topic } from '../../schemas/topic.ts'
import { over } from '../../topology/aggregates.ts'
import { keyValueState } from '../../topology/state.ts'
import { type Grouped, type Stream, type Table, type Topology, topology } from '../../topology/stream.ts'
import { type AnyWindow, hopping, session, sliding, tumbling } from '../../topology/windows.ts'
import { aggregateOf, concat, head, isBang, joined, textOf } from './functions.ts'
import { Params } from './params.ts'
import type { Case } from './golden.ts'

// The topologies of the goldens by name, in our words.

/** A case needs an operator that does not exist yet. */
export class NotBuilt extends Error {
  override readonly name = 'NotBuilt'
  readonly operator: string

  constructor(operator: string) {
    super(`operator not built: ${operator}`)
    this.operator = operator
  }
}

type Text = string | null
type Build = (t: Topology, params: Params) => void

const plain = (name: string): Topic<Text, Text> => topic(name, text as never, text as never)
const out = plain('out')
const stream = (t: Topology, name: string): Stream<Text, Text> => t.stream(plain(name))

const notBuilt =
  (operator: string): Build =>
  () => {
    throw new NotBuilt(operator)
  }

/** A table that a topic is; with `history` it is versioned. */
function table(t: Topology, name: string, params: Params) {
  if (params.has('history')) throw new NotBuilt('versioned tables')
  return t.table(plain(name), { stored: params.flag('materialized') })
}

function joinedTables(left: Table<Text, string, any>, right: Table<Text, string, any>, params: Params) {
  switch (params.text('kind', 'inner')) {
    case 'left':
      return left.leftJoin(right, joined)
    case 'outer':
      return left.outerJoin(right, joined)
    default:
      return left.join(right, joined)
  }
}

function windowed(grouped: Grouped<Text, Text>, params: Params): void {
  const grace = params.number('grace', 0)
  const size = params.number('size', 10)
  const window = params.has('advance')
    ? hopping(size, { every: params.number('advance', 0), grace })
    : tumbling(size, { grace })
  const windows = grouped.window(window).aggregate('windows', aggregateOf(params))
  const results = params.text('emit', 'update') === 'update' ? windows.changes() : windows.final()
  results
    .rekey(({ startMs, endMs }, key) => `${key}@${startMs}/${endMs}` as Text, text as never)
    .map(row => ('deleted' in row ? null : textOf(row)))
    .to(out)
}

function growing(grouped: Grouped<Text, Text>, params: Params, kind: 'session' | 'sliding'): void {
  const grace = params.number('grace', 0)
  const retention = params.has('retention') ? { retention: params.number('retention', 0) } : {}
  const window: AnyWindow =
    kind === 'session'
      ? session(params.number('gap', 5), { grace, ...retention })
      : sliding(params.number('diff', 10), { grace, ...retention })
  const windows = grouped.window(window).aggregate('windows', aggregateOf(params))
  const results = params.text('emit', 'update') === 'update' ? windows.changes() : windows.final()
  results
    .rekey(({ startMs, endMs }, key) => `${key}@${startMs}/${endMs}` as Text, text as never)
    .map(row => ('deleted' in row ? null : textOf(row)))
    .to(out)
}

const builds: Readonly<Record<string, Build>> = {
  stateless(t) {
    stream(t, 'in')
      .filter(value => value !== null)
      .filterNot(value => value!.startsWith('x'))
      .map(value => value!.slice(0, 2))
      .flatMap(value => value)
      .rekey((value, key) => `${key}${value}`, text)
      .map(value => `${value}'`)
      .flatMap((value, key): [string, string][] => [
        [key, value],
        [value, key],
      ])
      .rekey(([key]) => key as Text, text as never)
      .map(([, value]) => value as Text)
      .to(out)
  },
  fanout(t) {
    const characters = stream(t, 'in').flatMap(value => value ?? '')
    characters.map(value => `${value}1` as Text).to(out)
    characters.map(value => `${value}2` as Text).to(out)
  },
  merge(t, params) {
    if (params.has('idle')) throw new NotBuilt('waiting for empty inputs (max.task.idle.ms)')
    const others = params.number('topics', 2) === 3 ? ['b', 'c'] : ['b']
    stream(t, 'a')
      .merge(...others.map(name => stream(t, name)))
      .to(out)
  },
  split(t, params) {
    const parts = stream(t, 'in').split(
      {
        x: value => value !== null && value.startsWith('x'),
        long: value => value !== null && value.length > 1,
      },
      { otherwise: 'd' },
    )
    parts.x.to(plain('out-x'))
    parts.long.to(plain('out-long'))
    if (!params.flag('noDefault')) parts.d.to(plain('out-d'))
  },
  group(t, params) {
    stream(t, 'in').groupByKey().aggregate('rows', aggregateOf(params)).changes().map(textOf).to(out)
  },
  regroup(t, params) {
    stream(t, 'in')
      .groupBy(head, text as never)
      .aggregate('rows', aggregateOf(params))
      .changes()
      .map(textOf)
      .to(out)
  },
  tumbling: (t, params) => windowed(stream(t, 'in').groupByKey(), params),
  hopping: (t, params) => windowed(stream(t, 'in').groupByKey(), params),
  trailing(t, params) {
    stream(t, 'in')
      .groupByKey()
      .trailing('events', { event: text as never }, { text: over(params.number('diff', 10), concat()) })
      .changes()
      .map(row => row.text)
      .to(out)
  },
  'stream-table'(t, params) {
    const [left, right] = [stream(t, 's'), table(t, 't', params)]
    const results =
      params.text('kind', 'inner') === 'left'
        ? left.leftJoin(right, (value, row) => joined(value, row) as Text)
        : left.join(right, (value, row) => joined(value, row) as Text)
    results.to(out)
  },
  table(t, params) {
    table(t, 't', params).changes().to(out)
  },
  punctuate: punctuating,
  'process-store': lastValues,
  dlq(t) {
    stream(t, 'in')
      .map(value => {
        if (isBang(value)) throw new Error(`boom ${value}`)
        return value
      })
      .groupByKey()
      .aggregate('rows', { text: concat() })
      .changes()
      .map(textOf)
      .to(out)
  },
  pipeline(t, params) {
    const rows = table(t, 't', params)
    const values = stream(t, 's')
      .filterNot(isBang)
      .leftJoin(rows, (value, row) => `${row ?? '?'}${value}` as Text)
    windowed(values.groupBy(head, text as never, text as never), params)
  },
  'to-table'(t, params) {
    const values = stream(t, 'in')
    const rows = params.flag('rekey')
      ? values.rekey(head, text as never).toTable('tt', text)
      : values.toTable('tt', text)
    rows.changes().to(out)
  },
  cogroup: notBuilt('cogroup'),
  sliding: (t, params) => growing(stream(t, 'in').groupByKey(), params, 'sliding'),
  session: (t, params) => growing(stream(t, 'in').groupByKey(), params, 'session'),
  'stream-stream': notBuilt('stream-stream joins'),
  'self-join': notBuilt('stream-stream joins'),
  'stream-global': notBuilt('global tables'),
  'table-filter'(t, params) {
    table(t, 't', params)
      .filter(row => row.startsWith('y'))
      .changes()
      .to(out)
  },
  'table-map'(t, params) {
    table(t, 't', params)
      .map(row => (row.startsWith('-') ? null : `${row}'`))
      .changes()
      .to(out)
  },
  'table-group': notBuilt('groupBy of a table'),
  'table-table'(t, params) {
    joinedTables(table(t, 'l', params), table(t, 'r', params), params)
      .changes()
      .to(out)
  },
  'agg-join'(t, params) {
    const sums = (name: string) =>
      stream(t, name).groupByKey().aggregate(`${name}-sums`, { text: concat() }).map(textOf)
    joinedTables(sums('l'), sums('r'), params).changes().to(out)
  },
  'fk-join': notBuilt('foreign-key joins'),
  'suppress-limit': notBuilt('suppress until a time limit'),
}

function punctuating(t: Topology, params: Params): void {
  stream(t, 'in')
    .process('punctuate', {
      key: text as never,
      create: context => {
        const forward = (key: Text, value: Text, timeMs: number): void => context.forward(key as never, value, timeMs)
        const [streamMs, wallMs] = [params.number('stream', 0), params.number('wall', 0)]
        let fired = 0
        if (streamMs > 0) {
          const cancel = context.schedule(streamMs, 'stream', timeMs => {
            forward('S', `t${timeMs}/cst${context.streamTime()}`, timeMs)
            if (++fired === params.number('cancelAfter', -1)) cancel()
          })
        }
        if (wallMs > 0) context.schedule(wallMs, 'wall', timeMs => forward('W', `t${timeMs}/csys${timeMs}`, timeMs))
        return {
          process: ({ key, value, timestamp }) => forward(key, `${value}/cst${context.streamTime()}`, timestamp),
        }
      },
    })
    .to(out as never)
}

function lastValues(t: Topology, params: Params): void {
  const last = keyValueState('last', text, text)
  const isFixed = params.flag('fixedKey')
  const create = (context: any) => ({
    process({ key, value, timestamp }: { key: Text; value: Text; timestamp: number }): void {
      if (key === null) return
      const store = context.store('last')
      const before = (store.get(key) ?? null) as Text
      store.put(key, value)
      context.forward(isFixed ? key : (head(value) ?? key), `${before}>${value}`, timestamp)
    },
  })
  const options = { stores: { last }, create } as const
  const values = isFixed
    ? stream(t, 'in').process('last-value', options)
    : stream(t, 'in').process('last-value', { ...options, key: text as never })
  const results = params.flag('count')
    ? values
        .groupByKey(text as never)
        .count('counts')
        .changes()
        .map(({ count }) => String(count) as Text)
    : values
  results.to(out as never)
}

/** The topology of a case. Throws `NotBuilt` when an operator is missing, and what `topology` throws. */
export function topologyOf({ topology: name, params }: Pick<Case, 'topology' | 'params'>): Topology {
  const build = builds[name]
  if (build === undefined) throw new Error(`There is no topology '${name}'.`)
  const given = new Params(params)
  // Kafka Streams' dead letters hold the record's own value.
  const t =
    given.text('onError', 'fail') === 'continue'
      ? topology('oracle', {
          onFailure: 'dead-letter',
          deadLetters: { topic: topic('dlq', rawBytes as never, rawBytes as never), value: failure => failure.value },
        })
      : topology('oracle')
  build(t, given)
  return t
}
