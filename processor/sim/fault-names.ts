/** Kinds of faults, with their names in the reliability plan. */
export const faultNames = [
  /** F-P1: a replica is killed at any time. */
  'kill',
  /** F-P2: at a step of a commit (K1 to K9). */
  'kill at step',
  /** F-P2: at any call through a port. */
  'kill at port',
  /** F-P3, F-P4: stopped for longer than its session, then it goes on. */
  'zombie',
  /** F-P5, F-G1: stopped by SIGTERM and started again; replicas come and go. */
  'restart',
  /** A replica comes back under another name, as a new container does. */
  'rename',
  /** Its state folder is deleted while it is down. */
  'state deleted',
  /** F-N1: nothing passes between a replica and the brokers, in one direction or both. */
  'partition',
  /** F-N2: connections break, and what was on them is lost. */
  'loss',
  /** F-N3: messages take long. */
  'delay',
  /** All connections are reset at once. */
  'reset',
  /** F-TX1: the answer to one request of a transaction is lost. */
  'answer lost',
  /** F-TX3: a request arrives after its sender gave it up. */
  'request late',
  /** F-B1, F-B4: all brokers go away and come back with their log. */
  'broker restart',
  /** F-B2, F-B3: one node is away, and with it the partitions that it leads. */
  'node down',
  /** Coordinators move, load, or are not there. */
  'coordinator',
  /** F-TX6: the markers of the last transaction are still under way. */
  'concurrent',
  /** The same for real: what is decided is written to partitions and groups late, in any order. */
  'late markers',
  /** No leader for a while. */
  'leaderless',
  /** F-TX4: the broker has lost count of a producer. */
  'sequence',
  /** F-TX7: a producer's epochs run out. */
  'epochs',
  /** F-C1: the wall clock jumps. */
  'clock',
  /** F-T7: changelogs are compacted; when a day has passed, tombstones and markers go too. */
  'compaction',
] as const

export type FaultName = (typeof faultNames)[number]
