import { restRegistry } from '../../schemas/registry-rest.ts'
import { fraudTopology } from '../../topology/fraud/topology.ts'
import { nativeKafka } from '../kafka/native/client.ts'
import { tcpTransport } from '../kafka/native/tcp.ts'
import type { Settings } from '../runtime/config.ts'
import type { ThreadFunction } from '../threads/context.ts'
import type { Reach } from './command.ts'
import { rulesWith } from './flagship.ts'
import { waitingRegistry } from './waiting.ts'

/** What the threads of `npm run processor -- --threads N` are told. */
export interface FlagshipData extends Reach {
  readonly application: string
  readonly settings: Partial<Settings>
  readonly highAmountUnits: number | null
}

/** The flagship, for one thread of several. */
export const thread: ThreadFunction<FlagshipData> = ({ data, world, signal, worker }) => ({
  topology: fraudTopology({ ruleSet: rulesWith(data.highAmountUnits) }),
  application: data.application,
  kafka: nativeKafka({ transport: tcpTransport({ bootstrap: data.brokers }), world, clientId: 'millrace' }),
  registry: waitingRegistry({
    registry: restRegistry({ url: data.registryUrl }),
    scheduler: world.scheduler,
    signal,
    // All wait for the same registry.
    say: worker === 0 ? line => world.log.warn({}, line) : () => undefined,
  }),
  ...data.settings,
})
