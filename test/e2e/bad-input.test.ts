// Bad input gets one clear line and exit code 4, before anything is started.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { join, resolve } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { worstOf } from '../../scenarios/engine/command/exit-code.ts'
import { toJson } from '../../scenarios/report/json.ts'
import { scenario, temporaryFolder } from '../support/command.ts'
import { sampleReport } from '../support/sample-report.ts'

async function refused(args: string[], env: Record<string, string> = {}): Promise<string> {
  const run = scenario(args, env)
  expect(await run.ended).toBe(4)
  expect(run.stdout()).toBe('')
  expect(run.stderr().trimEnd().split('\n')).toHaveLength(1)
  return run.stderr()
}

/** A folder with this as its report.json. */
function reportFolder(text: string): string {
  const folder = join(temporaryFolder(), 'run')
  mkdirSync(folder)
  writeFileSync(join(folder, 'report.json'), text)
  return folder
}

/** Renders a report in a shell that does this with its stdout. */
function renderedTo(redirection: string) {
  const cli = resolve(import.meta.dirname, '../../scenarios/engine/cli.ts')
  const script = `{ "$0" "$1" report "$2"; echo "exit code $?" >&2; } ${redirection}`
  const words = [process.execPath, cli, reportFolder(toJson(sampleReport()))]
  return spawnSync('sh', ['-c', script, ...words], { encoding: 'utf8' })
    .stderr.trimEnd()
    .split('\n')
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createTcpServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

describe('the command line', () => {
  test('alone lists the scenarios with their questions', async () => {
    const run = scenario([])
    expect(await run.ended).toBe(0)
    expect(run.stdout()).toMatch(/slow-upstream +What do users see/)
    expect(run.stdout()).toMatch(/upstream-refused +What do users see/)
  })

  test('with an unknown scenario lists those there are', async () => {
    expect(await refused(['slow-upstraem'])).toMatch(/no scenario "slow-upstraem".*slow-upstream/)
  })

  test('with a misspelt flag says which it may have meant', async () => {
    expect(await refused(['slow-upstream', '--quik'])).toMatch(/unknown option '--quik'.*--quick/)
  })

  test('with a value that cannot be says what is accepted', async () => {
    expect(await refused(['slow-upstream', '--rate', 'fast'])).toMatch(/--rate.*fast.*up to 20000/)
    expect(await refused(['slow-upstream', '--upstream', 'localhost:80'])).toMatch(/--upstream.*http:\/\//)
    expect(await refused(['slow-upstream', '--cache', 'disk'])).toMatch(/off, memory, redis/)
  })

  test('with --cache redis but no address says which variable it wants', async () => {
    expect(await refused(['cache-benefit', '--cache', 'redis'], { REDIS_URL: '' })).toMatch(/REDIS_URL/)
  })

  test('with an upstream that is not there says so', async () => {
    const url = `http://127.0.0.1:${await freePort()}`
    expect(await refused(['slow-upstream', '--upstream', url])).toMatch(/nothing answers at .*ECONNREFUSED/)
  })

  test('asked for all goes on past a scenario that cannot run', async () => {
    const run = scenario(['all', '--upstream', `http://127.0.0.1:${await freePort()}`])
    expect(await run.ended).toBe(4)
    expect(run.stderr()).toMatch(/^baseline-steady: nothing answers at /m)
    expect(run.stderr()).toMatch(/^slow-upstream: nothing answers at /m)
  })

  test.each([
    [[0, 1, 2], 1],
    [[1, 3, 130], 130],
    [[130, 4], 4],
    [[4, 5, 0], 5],
    [[2, 0], 2],
  ])('after runs that ended with %j ends with %i', (exitCodes, worst) => {
    expect(worstOf(...exitCodes)).toBe(worst)
  })

  test('with a Toxiproxy that does not answer says so', async () => {
    const url = `http://127.0.0.1:${await freePort()}`
    expect(await refused(['slow-upstream', '--toxiproxy', url])).toMatch(/Toxiproxy.*ECONNREFUSED/)
  })

  test('with something else where the Toxiproxy should be says so', async () => {
    const server = createServer((_, response) => response.end('<h1>hello</h1>'))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    expect(await refused(['slow-upstream', '--toxiproxy', url])).toMatch(/not Toxiproxy's API/)
  })

  test('with a folder that cannot be written says so before the run', async () => {
    const file = join(temporaryFolder(), 'a-file')
    writeFileSync(file, '')
    expect(await refused(['slow-upstream', '--out', join(file, 'reports')])).toMatch(/cannot be written/)
  })

  test('with a gateway setting that cannot be says which', async () => {
    expect(await refused(['slow-upstream', '--quick'], { DEADLINE_MS: 'soon' })).toMatch(/DEADLINE_MS.*soon/)
  })

  test('with a report folder that is none says so', async () => {
    expect(await refused(['report', temporaryFolder()])).toMatch(/report\.json cannot be read/)
  })

  test('with a report that is broken inside says so, and renders nothing', async () => {
    const report = sampleReport()
    const arms = report.arms.map(arm => ({ ...arm, phases: null }))
    const folder = reportFolder(JSON.stringify({ ...report, arms }))
    expect(await refused(['report', folder])).toMatch(
      /run.report\.json: the report is damaged \(.*run the scenario/,
    )
    expect(readdirSync(folder)).toEqual(['report.json'])
  })

  test('whose reader has gone ends quietly with its own exit code', () => {
    expect(renderedTo('| true')).toEqual(['exit code 0'])
  })

  test('whose output cannot be written says so', () => {
    expect(renderedTo('> /dev/full')).toEqual([expect.stringMatching(/cannot write.*ENOSPC/), 'exit code 4'])
  })

  test('shows the flags of a run in its help', async () => {
    const run = scenario(['--help'])
    expect(await run.ended).toBe(0)
    expect(run.stdout()).toMatch(/--quick[\s\S]*--upstream <url>/)
  })

  test('with a reserved word that does nothing yet says so', async () => {
    expect(await refused(['calibrate'])).toMatch(/reserved/)
  })
})
