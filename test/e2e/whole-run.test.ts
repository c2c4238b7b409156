// A run from its command to its report. How good the figures are is the machine's affair; that they agree is ours.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import type { Report } from '../../scenarios/report/report.ts'
import { scenario, temporaryFolder } from '../support/command.ts'

describe('a run of upstream-refused', () => {
  test('tells the same by its exit code, its summary and its files', { timeout: 60_000 }, async () => {
    const out = temporaryFolder()
    const run = scenario(['upstream-refused', '--quick', '--seed', '7', '--out', out])
    const exitCode = await run.ended

    const [time] = readdirSync(join(out, 'upstream-refused'))
    const folder = join(out, 'upstream-refused', time!)
    const read = (file: string) => readFileSync(join(folder, file), 'utf8')
    const report = JSON.parse(read('report.json')) as Report
    expect(report.verdict.exitCode).toBe(exitCode)
    // A busy machine may make it inconclusive, and then it says so; nothing else is acceptable.
    expect([0, 2]).toContain(exitCode)
    expect(run.stdout()).toContain(report.verdict.word.toUpperCase())
    expect(run.stdout()).toContain(join(folder, 'report.html'))
    expect(read('report.html')).toContain('Content-Security-Policy')
    expect(read('report.md')).toContain('### ')
    expect(read('junit.xml')).toContain('<testsuite')
    expect(report.command).toBe('npm run scenario -- upstream-refused --quick --seed 7')
    expect(report.cleanUp.proven).toBe(true)

    const fault = (arm: string) =>
      report.arms.find(({ name }) => name === arm)!.phases.find(({ phase }) => phase === 'fault')!
    expect(fault('guarded').goodput.read.value).toBeGreaterThan(0.5)
    expect(fault('bare').goodput.read.value).toBeLessThan(0.1)
    expect(report.arms[0]!.breaker.opens).toBeGreaterThan(0)
    const proof = report.probes.filter(({ phase }) => phase === 'fault')
    expect(proof.length).toBeGreaterThan(4)
    expect(proof.every(({ bit, observed }) => bit && observed.startsWith('refused'))).toBe(true)

    // Each arrival met both arms: the same storm.
    const rows = gunzipSync(readFileSync(join(folder, 'observations.csv.gz')))
      .toString()
      .trimEnd()
      .split('\n')
      .slice(1)
    const dueOf = (arm: string) =>
      rows
        .map(row => row.split(','))
        .filter(([name]) => name === arm)
        .map(([, index, due]) => `${index} ${due}`)
    expect(dueOf('guarded').length).toBe(
      report.arms[0]!.phases.reduce((sum, { scheduled }) => sum + scheduled, 0),
    )
    expect(dueOf('bare')).toEqual(dueOf('guarded'))
  })
})
