// A part of the lab that dies in mid-run: the run goes on to a report, and the report says what was lost.
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Report } from '../../scenarios/report/report.ts'
import { scenario, temporaryFolder } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'
import { commandOf, environmentValueOf, markedProcesses } from '../support/marked-processes.ts'

const MARK = 'LEEWARD_E2E'

/** Runs `upstream-refused --quick`, kills a process of it once the baseline has begun, and returns how it ended. */
async function runWithout(isVictim: (pid: number) => boolean) {
  const mark = randomUUID()
  const out = temporaryFolder()
  const run = scenario(['upstream-refused', '--quick', '--plain', '--out', out], { [MARK]: mark })
  await eventually(() => expect(run.stderr()).toContain('baseline'), 20_000)
  const [victim] = markedProcesses(MARK, mark).filter(isVictim)
  process.kill(victim!, 'SIGKILL')
  const exitCode = await run.ended
  expect(markedProcesses(MARK, mark)).toEqual([])
  const [folder] = readdirSync(join(out, 'upstream-refused'))
  const text = readFileSync(join(out, 'upstream-refused', folder!, 'report.json'), 'utf8')
  return { exitCode, report: JSON.parse(text) as Report }
}

const isGateway = (pid: number) => commandOf(pid).includes('src/main.ts')
const isGuarded = (pid: number) => environmentValueOf(pid, 'GUARDS') !== 'none'

describe('a run', () => {
  test('whose guarded gateway dies ends with a report that counts it', { timeout: 60_000 }, async () => {
    const { exitCode, report } = await runWithout(pid => isGateway(pid) && isGuarded(pid))
    expect(report.arms[0]?.exits).toBe(1)
    expect(report.findings.find(({ hypothesis }) => hypothesis.metric === 'gateway.exits')?.verdict).toBe(
      'fail',
    )
    expect([1, 2]).toContain(exitCode)
  })

  test('whose bare gateway dies is no proof of the guarded one', { timeout: 60_000 }, async () => {
    const { exitCode, report } = await runWithout(pid => isGateway(pid) && !isGuarded(pid))
    expect(exitCode).toBe(2)
    expect(report.verdict.reasons.join()).toContain('the lab lost its gateway bare (SIGKILL)')
  })

  test('that loses an origin proves nothing', { timeout: 60_000 }, async () => {
    const { exitCode, report } = await runWithout(pid => commandOf(pid).includes('origin/main.ts'))
    expect(exitCode).toBe(2)
    expect(report.verdict.reasons.join()).toMatch(/the lab lost its origin of (guarded|bare) \(SIGKILL\)/)
  })

  test('whose chaos proxy dies ends in error, at once', { timeout: 60_000 }, async () => {
    const { exitCode, report } = await runWithout(pid => commandOf(pid).includes('chaos/proxy/main.ts'))
    expect(exitCode).toBe(4)
    expect(report.verdict.reasons).toEqual(['the lab lost its chaos proxy (SIGKILL)'])
    expect(report.cleanUp.proven).toBe(true)
  })
})
