import { TopologyError } from './errors.ts'
import type { Plan, PlanNode, Step } from './plan.ts'

/** A place in a plan. Each method of a handle adds steps behind it; nothing runs. */
export class Handle {
  readonly plan: Plan
  readonly node: PlanNode

  constructor(plan: Plan, node: PlanNode) {
    this.plan = plan
    this.node = node
  }

  protected extend(step: Step, ...also: readonly Handle[]): [Plan, PlanNode] {
    for (const other of also) {
      if (other.plan !== this.plan) {
        throw new TopologyError(
          `A ${step.kind} in the topology '${this.plan.name}' reads a handle of the topology '${other.plan.name}'. ` +
            'Make both from one topology.',
        )
      }
    }
    return [this.plan, this.plan.add(step, this.node, ...also.map(other => other.node))]
  }
}
