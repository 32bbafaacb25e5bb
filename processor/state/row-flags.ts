// A row's life in a cache. `dirty`: changed by the open transaction. `frozen`: written to the changelog by the
// transaction that is being committed. `pending`: committed, and waiting for a batch to the disk. `flushing`: in the
// batch under way. Only a row that is none of these may be evicted, so what is not on disk yet is always here.
//
// `used`: asked for since the clock passed. `cool`: there is no decoded value, but bytes: the frozen ones, else the
// committed ones that wait for the disk, else a copy that is held for this.
export const dirty = 1
export const frozen = 2
export const pending = 4
export const flushing = 8
export const used = 16
export const cool = 32
export const pinned = dirty | frozen | pending | flushing
