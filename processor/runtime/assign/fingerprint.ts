import type { Compiled } from '../../../topology/compiled.ts'

/**
 * Names what processes that share tasks must agree on, as eight hex digits: which sub-topologies there are, what each
 * reads, and which stores it has. Code within the steps may differ, as it does while a new version is rolled out.
 */
export function fingerprintOf({ subTopologies }: Compiled): string {
  const text = JSON.stringify(
    subTopologies.map(({ inputs, repartitionInputs, stores }) => [
      inputs.toSorted(),
      repartitionInputs.toSorted(),
      stores.map(({ name, kind }) => `${kind} ${name}`).toSorted(),
    ]),
  )
  // FNV-1a.
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0
  return hash.toString(16).padStart(8, '0')
}
