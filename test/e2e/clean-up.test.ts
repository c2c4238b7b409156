// However a run ends, its faults are undone and nothing of it is left running.
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startChild } from '../../chaos/supervise.ts'
import { connectToxiproxy } from '../../chaos/toxiproxy.ts'
import type { Report } from '../../scenarios/report/report.ts'
import { scenario, temporaryFolder } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'
import { commandOf, markedProcesses } from '../support/marked-processes.ts'

const root = resolve(import.meta.dirname, '../..')
/** From the death of the runner to the end of everything it started. */
const WITHIN_MS = 2_000
const MARK = 'LEEWARD_E2E'

/** A chaos proxy of somebody else's, which outlives the run and can be asked what was left in it. */
async function foreignToxiproxy() {
  const server = await startChild({
    name: 'toxiproxy',
    entry: join(root, 'chaos/proxy/main.ts'),
    args: ['-host', '127.0.0.1', '-port', '0'],
    readyWithinMs: 10_000,
  })
  onTestFinished(() => void server.stop({ withinMs: 1_000 }))
  return connectToxiproxy(`http://127.0.0.1:${server.ports.api}`)
}

/** A run that is in its fault phase, with the fault in. */
async function runInItsFault() {
  const toxiproxy = await foreignToxiproxy()
  const mark = randomUUID()
  const out = temporaryFolder()
  const run = scenario(['slow-upstream', '--quick', '--toxiproxy', toxiproxy.url, '--out', out], {
    [MARK]: mark,
  })
  await eventually(async () => {
    const toxics = (await toxiproxy.listProxies()).flatMap(proxy => proxy.toxics)
    expect(toxics).toEqual(['latency_downstream', 'latency_downstream'])
  }, 20_000)
  return { run, toxiproxy, out, processes: () => markedProcesses(MARK, mark) }
}

function onlyReportIn(out: string): Report {
  const [folder] = readdirSync(join(out, 'slow-upstream'))
  return JSON.parse(readFileSync(join(out, 'slow-upstream', folder!, 'report.json'), 'utf8'))
}

describe.each(['SIGINT', 'SIGTERM'] as const)('a run ended by %s', signal => {
  test('undoes its faults, writes a report that says it was cut short, and ends with 130', {
    timeout: 60_000,
  }, async () => {
    const { run, toxiproxy, out, processes } = await runInItsFault()
    run.kill(signal)
    expect(await run.ended).toBe(130)
    expect(await toxiproxy.listProxies()).toEqual([])
    expect(processes()).toEqual([])
    const report = onlyReportIn(out)
    expect(report.verdict).toMatchObject({ word: 'interrupted', exitCode: 130 })
    expect(report.cleanUp.proven).toBe(true)
    expect(report.caveats.map(({ code }) => code)).toContain('cut-short')
    expect(report.phases.map(({ name }) => name)).toEqual(['warm-up', 'baseline', 'fault'])
  })
})

describe('a runner killed with kill -9', () => {
  test('leaves no fault and no process behind', { timeout: 60_000 }, async () => {
    const { run, toxiproxy, processes } = await runInItsFault()
    expect(processes().length).toBeGreaterThan(5)
    const killedAt = performance.now()
    run.kill('SIGKILL')
    expect(await run.ended).toBe('SIGKILL')
    await eventually(async () => {
      expect(await toxiproxy.listProxies()).toEqual([])
      expect(processes()).toEqual([])
    }, 10_000)
    expect(performance.now() - killedAt).toBeLessThan(WITHIN_MS)
  })
})

describe('a runner killed with kill -9 together with its guardian', () => {
  test('leaves no fault and no entry in a chaos proxy that outlives them', { timeout: 60_000 }, async () => {
    const { run, toxiproxy, processes } = await runInItsFault()
    // Nobody is left to end what has not ended by itself.
    onTestFinished(() => {
      for (const pid of processes()) process.kill(pid, 'SIGKILL')
    })
    const [guardian] = processes().filter(pid => commandOf(pid).includes('chaos/guardian.ts'))
    process.kill(guardian!, 'SIGKILL')
    run.kill('SIGKILL')
    const killedAt = performance.now()
    await eventually(async () => expect(await toxiproxy.listProxies()).toEqual([]), 10_000)
    expect(performance.now() - killedAt).toBeLessThan(WITHIN_MS)
  })
})
