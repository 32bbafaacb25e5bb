import { endPid, isProcess } from './child.ts'
import { removeContainers } from './docker.ts'
import { deleteState, workFolder, type UpState } from './up-state.ts'

/**
 * Ends what `state` names, and nothing else: an id whose command line does not lie in our work folder belongs to
 * others.
 */
export const stopServices = async (state: UpState): Promise<void> => {
  const ours = state.pids.filter(pid => isProcess(pid, workFolder))
  await Promise.all(ours.map(pid => endPid(pid, 'SIGTERM')))
  if (state.containers.length > 0) await removeContainers(state.containers)
  deleteState()
}
