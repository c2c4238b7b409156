// The tests behind cache-tests.fyi: brought here by npm, run against a gateway in front of their own origin.
import { type SpawnOptions, spawn } from 'node:child_process'
import { join } from 'node:path'
import { startEntry } from '../support/entry-process.ts'
import { installOnce } from '../support/install-once.ts'

const FOLDER = import.meta.dirname
const PACKAGE = join(FOLDER, 'node_modules/http-cache-tests')
const RUN_MS = 80_000

/** The cache as it is shipped; raised is only what the suite's failing, slow and silent origin would set off. */
export const SETTINGS: Record<string, string> = {
  RATE_LIMIT_MAX: '1000000',
  BULKHEAD_MAX: '1000',
  BREAKER_LEAST_CALLS: '1000000',
  RETRY_ATTEMPTS: '0',
  DEADLINE_MS: '10000',
  ATTEMPT_LIMIT_MS: '10000',
  BREAKER_RESET_MS: '10000',
  // One answer never ends.
  STREAM_IDLE_MS: '2000',
  // A machine that does other things at the same time is none of the cache's faults.
  SHED_LAG_MS: '0',
}

interface SuiteTest {
  id: string
  kind?: 'required' | 'optimal' | 'check'
  /** About a private cache: it cannot be asked of a proxy, and counts as not passed on the board. */
  browser_only?: boolean
}

/** What became of each test by its id: true, or the kind and the text of what was wrong. */
export type Results = Record<string, true | [kind: string, text: string]>

/** @returns why the suite is not there, in one line, or undefined */
export function installSuite(): Promise<string | undefined> {
  return installOnce(FOLDER, 'http-cache-tests')
}

/** The tests that count, by their kind. */
export async function suiteTests(): Promise<SuiteTest[]> {
  const suites = (await import(join(PACKAGE, 'tests/index.mjs'))).default as { tests: SuiteTest[] }[]
  return suites.flatMap(({ tests }) => tests)
}

/** Runs all of it against a gateway's `/proxy`: origin, gateway and client are processes of their own. */
export async function runSuite(): Promise<Results> {
  const origin = await startEntry('test/cache-tests/origin.ts')
  try {
    return await runAgainst(`http://127.0.0.1:${origin.ports.http}`)
  } finally {
    await origin.close()
  }
}

async function runAgainst(upstream: string): Promise<Results> {
  const env = { ...SETTINGS, PORT: '0', ADMIN_PORT: '0', LOG_LEVEL: 'warn', UPSTREAM_URL: upstream }
  const gateway = await startEntry('src/main.ts', { env })
  try {
    return await runClient(`http://127.0.0.1:${gateway.ports.http}/proxy`)
  } finally {
    await gateway.close()
  }
}

/** Its own client takes its settings as npm would hand them over. */
async function runClient(base: string): Promise<Results> {
  const env = { npm_config_base: base, npm_package_config_id: '' }
  const client = ['--no-warnings', join(PACKAGE, 'cli.mjs')]
  const { code, output } = await run(process.execPath, client, { env, timeout: RUN_MS, cwd: PACKAGE })
  if (code !== 0) throw new Error(`the client of http-cache-tests ended with ${code}: ${output.slice(-500)}`)
  return JSON.parse(output)
}

function run(command: string, args: string[], options: SpawnOptions) {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const collect = (chunk: Buffer) => {
    output += chunk
  }
  child.stdout?.on('data', collect)
  child.stderr?.on('data', collect)
  return new Promise<{ code: number | null; output: string }>(resolve => {
    child.on('error', error => resolve({ code: null, output: String(error) }))
    child.on('close', code => resolve({ code, output }))
  })
}
