import { isEndMark } from '../operators/source.ts'
import type { Kafka, PartitionOffset } from '../ports.ts'

/** The mark is the last record of its partition; behind it there may be the marker of its transaction. */
const lookBackOffsets = 2

/**
 * Of the committed `positions`, those just behind a mark of the end, set back to it: who goes on from there is to hear
 * that the partition has ended, which the offset alone does not tell.
 */
export async function beforeEndMarks(
  positions: readonly PartitionOffset[],
  kafka: Kafka,
  signal: AbortSignal,
): Promise<PartitionOffset[]> {
  const admin = kafka.admin()
  const ends = offsetsByName(await admin.offsets(positions, 'latest', 'read_uncommitted'))
  const starts = offsetsByName(await admin.offsets(positions, 'earliest', 'read_uncommitted'))
  const atEnd = positions.filter(at => at.offset === ends.get(nameOf(at))! && at.offset > starts.get(nameOf(at))!)
  if (atEnd.length === 0) return []
  const open = new Map(atEnd.map(at => [nameOf(at), at]))
  const marks: PartitionOffset[] = []
  const fetcher = kafka.fetcher({ isolation: 'read_uncommitted' })
  try {
    fetcher.assign(atEnd.map(at => ({ ...at, offset: Math.max(starts.get(nameOf(at))!, at.offset - lookBackOffsets) })))
    while (open.size > 0 && !signal.aborted) {
      for (const { topic, partition, records, nextOffset, error } of await fetcher.poll(500)) {
        const at = open.get(nameOf({ topic, partition }))
        if (at === undefined) continue
        for (let row = 0; row < records.length; row++) {
          const offset = records.offset[row]!
          // What was written since is still to be read, whatever it is.
          if (offset < at.offset && isEndMark(records, row)) marks.push({ topic, partition, offset })
        }
        // An error is for whoever reads the input: it will meet it again.
        if (error !== null || nextOffset >= at.offset) open.delete(nameOf(at))
      }
    }
  } finally {
    await fetcher.close()
  }
  return marks
}

const nameOf = (at: { readonly topic: string; readonly partition: number }): string => `${at.topic} ${at.partition}`

const offsetsByName = (offsets: readonly PartitionOffset[]): ReadonlyMap<string, number> =>
  new Map(offsets.map(at => [nameOf(at), at.offset]))
