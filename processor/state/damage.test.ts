import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { Damage, Trial } from './damage-testing.ts'

// What LevelDB makes of damage, and what we notice of it, in 420 trials (60 of each kind):
//
//   damage            refused at open   read fails   older, caught up   unharmed   keys missing   process dies
//   bit of data              23              6               8             15           2              6
//   cut data                  0             30              27              3           0              0
//   zeroed block             18              2              14              6           1             19
//   deleted data             25              0              28              7           0              0
//   bit of MANIFEST          60              0               0              0           0              0
//   cut MANIFEST             55              0               0              5           0              0
//   deleted CURRENT          60              0               0              0           0              0
//
// Noticed, wiped and restored: values that do not match their checksum; files that are cut or gone; a batch left out
// of the middle of LevelDB's log (its number is missing); a meta record that is damaged or gone; CURRENT gone.
// "Older" is a log that lost its tail together with the meta record of that tail: the changelog is replayed from
// there.
//
// Not noticed yet: keys that are gone from a table without a trace (3 of 420), for nothing says how many there should
// be.
//
// A process that dies does so while it reads, and the next one dies there too: after three the store is moved aside
// (unclosed.ts; in 14 of 14 such stores the process that read all of it died as well).

const trials = 42
const module = fileURLToPath(new URL('damage-testing.ts', import.meta.url))

/** All trials, over as many processes as it takes: a null is one that ended its process. */
function runAll(): (Trial | null)[] {
  const outcomes: (Trial | null)[] = []
  while (outcomes.length < trials) {
    const root = mkdtempSync(join(tmpdir(), 'millrace-damage-'))
    const call = `m.runTrials(${JSON.stringify(root)}, ${outcomes.length}, ${trials})`
    const script = `import(${JSON.stringify(module)}).then(m => ${call})`
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    const lines = stdout.split('\n').filter(line => line !== '')
    outcomes.push(...lines.map(line => JSON.parse(line) as Trial))
    if (outcomes.length < trials) outcomes.push(null)
    rmSync(root, { recursive: true, force: true })
  }
  return outcomes
}

test('whatever is damaged on disk, no wrong value is served, and what fails says so', { timeout: 60_000 }, () => {
  const outcomes = runAll()
  const survived = outcomes.filter(trial => trial !== null)
  expect(survived.filter(trial => trial.wrong > 0)).toEqual([])
  for (const { errors } of survived) for (const error of errors) expect(error).toBe('STATE_CORRUPT')
  const refused = (damage: Damage): Set<string | null> =>
    new Set(survived.filter(trial => trial.damage === damage).map(trial => trial.refused))
  expect(refused('deleted CURRENT')).toEqual(new Set(['STATE_CORRUPT']))
  expect(refused('bit of MANIFEST')).toEqual(new Set(['STATE_CORRUPT']))
  // Which files there are when the damage is done depends on LevelDB's own thread, and with it what each trial meets.
  const noticed = survived.filter(trial => trial.refused !== null || trial.errors.length > 0 || trial.isOlder)
  expect(new Set(noticed.map(trial => trial.damage)).size).toBeGreaterThan(4)
})
