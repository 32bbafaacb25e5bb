import type { Serde } from '../schemas/serde.ts'
import type { SessionStep, SlidingStep, WindowedStep } from './compiled.ts'
import type { Plan, PlanNode, Step } from './plan.ts'

/** What runs for a windowed aggregate. It speaks as it is read: `final()` anywhere, or else every change. */
export function windowStep(
  plan: Plan,
  node: PlanNode,
  key: Serde<any>,
  merges: boolean,
): WindowedStep | SessionStep | SlidingStep {
  const { store, spec, window } = node.step as Extract<Step, { kind: 'aggregate' }>
  const isFinal = plan.nodes.some(
    ({ step, from }) => from[0] === node.id && step.kind === 'emit' && step.emit === 'final',
  )
  const emit = isFinal ? 'final' : 'changes'
  if (window!.kind === 'session') return { kind: 'session', store, key, window: window!, spec, emit }
  if (window!.kind === 'sliding') return { kind: 'sliding', store, key, window: window!, spec, emit }
  const { sizeMs, advanceMs, graceMs } = window!
  return { kind: 'windowed', store, key, window: { sizeMs, advanceMs, graceMs }, spec, emit, merges }
}
