import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { counters, gauges, type Sample } from './metric-definitions.ts'
import type { Read } from './readings.ts'

/**
 * All metrics of one application, in a registry of their own. The engine counts in plain numbers; they are read here,
 * and
 * only when somebody asks. (A commit, a few times a second, is observed as it happens: a histogram needs that.)
 */
export class Metrics {
  readonly #registry = new Registry()
  readonly #commitSeconds: Histogram
  readonly contentType: string

  constructor(read: Read) {
    this.contentType = this.#registry.contentType
    for (const { name, help, labels, samples } of counters) {
      const metric: Counter = new Counter({
        name,
        help,
        labelNames: labels,
        registers: [this.#registry],
        collect: () => fill(metric, samples(read())),
      })
    }
    for (const { name, help, labels, samples } of gauges) {
      const metric: Gauge = new Gauge({
        name,
        help,
        labelNames: labels,
        registers: [this.#registry],
        collect: () => fill(metric, samples(read())),
      })
    }
    this.#commitSeconds = new Histogram({
      name: 'millrace_commit_seconds',
      help: 'Time from the end of a transaction to its commit being acknowledged.',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers: [this.#registry],
    })
    collectDefaultMetrics({ register: this.#registry, prefix: 'millrace_' })
    // Gauges of this name break Prometheus' rules; the same without the suffix are by type, which nobody needs here.
    for (const name of ['handles', 'requests', 'resources']) {
      this.#registry.removeSingleMetric(`millrace_nodejs_active_${name}_total`)
    }
  }

  /** A commit took this long. */
  committed(seconds: number): void {
    this.#commitSeconds.observe(seconds)
  }

  /** The text format of Prometheus. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }
}

function fill(metric: Counter | Gauge, samples: Iterable<Sample>): void {
  metric.reset()
  for (const { labels, value } of samples) metric.inc(labels, value)
}
