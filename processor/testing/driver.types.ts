import { int64, text } from '../../schemas/serdes.ts'
import { topic } from '../../schemas/topic.ts'
import { count } from '../../topology/counting.ts'
import { keyValueState, logState, windowState } from '../../topology/state.ts'
import { topology } from '../../topology/stream.ts'
import { tumbling } from '../../topology/windows.ts'
import { createTestDriver } from './driver.ts'

// Checked by tsc: inputs, outputs and stores have the types of their topics and handles.

const payments = topic('payments', text, int64)
const t = topology('app')
const totals = t.stream(payments).groupByKey().aggregate('totals', { n: count() })
const windows = t.stream(payments).groupByKey().window(tumbling('1m')).aggregate('windows', { n: count() })
const driver = await createTestDriver(t)

driver.input(payments).pipe('a', 1, 5)
driver.input(payments).pipe(null, null)
// @ts-expect-error a value of another type
driver.input(payments).pipe('a', 'one')
// @ts-expect-error a key of another type
driver.input(payments).pipe(1, 1)

driver.output(payments).read().value.toFixed()
// @ts-expect-error the value is a number
driver.output(payments).read().value.length

driver.store(totals).get('a')?.n.toFixed()
// @ts-expect-error there may be no row
driver.store(totals).get('a').n
// @ts-expect-error no such field
driver.store(totals).get('a')?.total
driver.store(windows).get('a', 0)?.endMs.toFixed()
// @ts-expect-error which window?
driver.store(windows).get('a')

driver.store(keyValueState('kv', int64, text)).get(1)?.length
driver.store(windowState('w', int64, text, { retentionMs: 1 })).get(1, 0)?.length
driver.store(logState('l', int64, text, { retentionMs: 1 })).values(1)[0]?.value.length
const kept = driver.store(keyValueState('kv', int64, text)).get(1)
// @ts-expect-error a store of text
kept?.toFixed()
// @ts-expect-error a stream keeps nothing
driver.store(t.stream(payments))
