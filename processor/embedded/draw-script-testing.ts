import { manualWorld } from './manual-world.ts'
import type { Step } from './script-testing.ts'

const stepsPerScript = 18

/** A script of transactional requests, right and wrong ones: the same seed is the same script. */
export function drawScript(seed: number): Step[] {
  const { random } = manualWorld({ seed })
  for (let turn = 0; turn < 8; turn++) random.next()
  const pick = <Value>(...values: readonly Value[]): Value => values[Math.floor(random.next() * values.length)] as Value
  const draw = (): Step => {
    const who = pick('latest', 'latest', 'latest', 'latest', 'latest', 'older', 'first', 'future', 'unknown')
    const partition = pick(0, 1)
    switch (
      pick(
        'init',
        'produce',
        'produce',
        'produce',
        'produce',
        'end',
        'end',
        'end',
        'resend',
        'add',
        'addOffsets',
        'offsets',
      )
    ) {
      case 'init':
        return { kind: 'init', who: pick('nobody', 'nobody', who) }
      case 'produce': {
        const transactional = pick(true, true, true, true, true, false)
        const sequence = pick('next', 'next', 'next', 'same', 'gap')
        // A plain batch of an epoch that the coordinator never gave out stops the markers of a real broker for ever.
        const from = transactional || who !== 'future' ? who : 'latest'
        return { kind: 'produce', who: from, partition, version: pick(12, 12, 12, 11), sequence, transactional }
      }
      case 'end':
        return { kind: 'end', who, committed: pick(true, false), version: pick(5, 5, 5, 3) }
      case 'resend':
        return { kind: 'resend', opposite: pick(false, true) }
      case 'add':
        return { kind: 'add', who, partition }
      case 'addOffsets':
        return { kind: 'addOffsets', who }
      default:
        return { kind: 'offsets', who, version: pick(5, 5, 4, 3), generation: pick(-1, -1, 3) }
    }
  }
  return [{ kind: 'init', who: 'nobody' }, ...Array.from({ length: stepsPerScript }, draw)]
}
