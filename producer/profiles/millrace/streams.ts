/** Which draws belong together: the second part of a draw's address. A number is never given a new meaning. */
export const streams = {
  customer: 201,
  merchant: 211,
  /** Gap before background payment i. */
  arrival: 220,
  /** Everything about background payment i. */
  payment: 221,
  /** Where in block b the episodes and faults of kind k start. */
  plan: 222,
  /** Victim, merchant and amounts of episode e. */
  episode: 223,
  /** Details of the fault at background payment i. */
  fault: 224,
} as const
