import type { Registry } from '../../schemas/registry.ts'
import type { Serde } from '../../schemas/serde.ts'
import type { Compiled, RunNode, RunStep } from '../../topology/compiled.ts'
import { repartitionTopic } from '../../topology/names.ts'
import type { AnyTopic } from '../../topology/plan.ts'

/** The same topology with serdes that know their topic's schemas: those that are written are registered. */
export async function bindSerdes(compiled: Compiled, application: string, registry: Registry): Promise<Compiled> {
  const binder = new Binder(registry, application)
  const subTopologies = []
  for (const part of compiled.subTopologies) {
    const nodes: RunNode[] = []
    for (const node of part.nodes) nodes.push({ ...node, step: await binder.step(node.step) })
    subTopologies.push({ ...part, nodes })
  }
  const { deadLetters } = compiled
  return {
    ...compiled,
    subTopologies,
    deadLetters: deadLetters === null ? null : { ...deadLetters, topic: await binder.topic(deadLetters.topic, true) },
  }
}

class Binder {
  readonly #registry: Registry
  readonly #application: string

  constructor(registry: Registry, application: string) {
    this.#registry = registry
    this.#application = application
  }

  async step(step: RunStep): Promise<RunStep> {
    switch (step.kind) {
      case 'source':
        return { ...step, topic: await this.topic(step.topic, false) }
      case 'sink':
        return { ...step, topic: await this.topic(step.topic, true) }
      case 'tableStore':
        // The rows are the topic's values; the store writes them as it got them, under the topic's own schema.
        return { ...step, value: await this.#bind(step.value, step.store, 'value', true) }
      case 'repartitionSink':
      case 'repartitionSource': {
        const topic = repartitionTopic(this.#application, step.repartition)
        const writes = step.kind === 'repartitionSink'
        return {
          ...step,
          key: await this.#bind(step.key, topic, 'key', writes),
          value: await this.#bind(step.value, topic, 'value', writes),
        }
      }
      default:
        return step
    }
  }

  async topic(topic: AnyTopic, writes: boolean): Promise<AnyTopic> {
    return {
      name: topic.name,
      key: await this.#bind(topic.key, topic.name, 'key', writes),
      value: await this.#bind(topic.value, topic.name, 'value', writes),
    }
  }

  async #bind<T>(serde: Serde<T>, topic: string, part: 'key' | 'value', writes: boolean): Promise<Serde<T>> {
    return serde.bind === undefined ? serde : serde.bind({ topic, part, writes, registry: this.#registry })
  }
}
