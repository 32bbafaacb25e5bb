/** The kinds of entries in a store with kinds: the first byte of each key, on disk and in the changelog. */
export const kinds = { root: 0, directory: 1, entry: 2, header: 3 } as const

const known = new Set<number | undefined>(Object.values(kinds))

export const isKind = (byte: number | undefined): boolean => known.has(byte)
