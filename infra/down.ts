import { rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { stopServices } from './stop.ts'
import { kafkaFolder, readState, registryFolder } from './up-state.ts'

// `npm run down`: ends what `npm run up` started. Topics and subjects stay for the next `up`; `-- --delete` removes
// them. Containers keep nothing: their data goes with them.

const { values } = parseArgs({ options: { delete: { type: 'boolean', default: false } } })
const state = readState()
if (state) await stopServices(state)
console.log(state ? 'Kafka and the schema registry are down.' : 'Nothing was up.')
if (values.delete) {
  rmSync(kafkaFolder, { recursive: true, force: true })
  rmSync(registryFolder, { recursive: true, force: true })
  console.log('Their data is deleted.')
}
