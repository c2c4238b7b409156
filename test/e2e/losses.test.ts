// A part of the lab that dies in mid-run: the run goes on to a report, and the report says what was lost.
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Report } from '../../scenarios/report/report.ts'
import { scenario, temporaryFolder } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'
import { commandOf, environmentValueOf, markedProcesses } from '../support/marked-processes.ts'
import { apiUrl, startEmbeddedProxy } from '../support/toxiproxy-subject.ts'

const MARK = 'LEEWARD_E2E'

/** Runs `upstream-refused --quick`, takes something from it once the baseline has begun, and returns how it ended. */
async function runLosing(lose: (processes: number[]) => unknown, ...flags: string[]) {
  const mark = randomUUID()
  const out = temporaryFolder()
  const run = scenario(['upstream-refused', '--quick', '--plain', '--out', out, ...flags], { [MARK]: mark })
  await eventually(() => expect(run.stderr()).toContain('baseline'), 20_000)
  await lose(markedProcesses(MARK, mark))
  const exitCode = await run.ended
  expect(markedProcesses(MARK, mark)).toEqual([])
  const [folder] = readdirSync(join(out, 'upstream-refused'))
  const text = readFileSync(join(out, 'upstream-refused', folder!, 'report.json'), 'utf8')
  return { exitCode, report: JSON.parse(text) as Report }
}

const runWithout = (isVictim: (pid: number) => boolean) =>
  runLosing(processes => process.kill(processes.find(isVictim)!, 'SIGKILL'))

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
  test('whose faults end before their time, because their lease does, ends in error, at once', {
    timeout: 60_000,
  }, async () => {
    const toxiproxy = await startEmbeddedProxy()
    onTestFinished(async () => void (await toxiproxy.stop()))
    const url = apiUrl(toxiproxy)
    const endLease = async () => {
      const [lease] = (await (await fetch(`${url}/leases`)).json()) as { id: string }[]
      await fetch(`${url}/leases/${lease!.id}`, { method: 'DELETE' })
    }
    const { exitCode, report } = await runLosing(endLease, '--toxiproxy', url)
    expect(exitCode).toBe(4)
    expect(report.verdict.reasons).toEqual([
      expect.stringMatching(
        /^the lab lost its lease at Toxiproxy, and with it whatever it had put in \(it had ended/,
      ),
    ])
    expect(report.phases.map(({ name }) => name)).not.toContain('fault')
    expect(report.cleanUp.proven).toBe(true)
    expect(await (await fetch(`${url}/leases`)).json()).toEqual([])
  })
})
