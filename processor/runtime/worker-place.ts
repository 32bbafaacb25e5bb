/** Where a worker is: the application, its process, and which worker of that it is. */
export interface WorkerPlace {
  readonly application: string
  /** Names the process. */
  readonly instance: string
  readonly worker: number
}

/** The worker's name in the group. */
export const memberName = ({ application, instance, worker }: WorkerPlace): string =>
  `${application}-${instance}-${worker}`

/** The worker's transactional id: stable over restarts as far as the name of its process is. */
export const transactionalIdOf = ({ application, instance, worker }: WorkerPlace): string =>
  `${transactionalIdPrefix(application)}${instance}/${worker}`

/**
 * What all transactional ids of an application begin with, and those of no other: the name of an application cannot
 * have a '/' in it, while one name may begin with another.
 */
export const transactionalIdPrefix = (application: string): string => `${application}/`
