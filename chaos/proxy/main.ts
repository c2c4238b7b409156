// The embedded chaos proxy as a process: a drop-in for toxiproxy-server.
import './young-generation.ts'
import { randomInt } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { flushCompileCache } from 'node:module'
import { resolveAddress } from './address.ts'
import { createApi } from './api/api-server.ts'
import { type CommandLine, CommandLineError, readCommandLine, usage } from './command-line.ts'
import { parseJson } from './json/json.ts'
import { Leases } from './leases/leases.ts'
import { createLog } from './log.ts'
import { Metrics } from './metrics/metrics.ts'
import { Proxies } from './proxies.ts'

// Four threads, two of them for names, are soon taken by names that do not resolve; then no other does either.
process.env.UV_THREADPOOL_SIZE ??= '64'

const log = createLog(process.env.LOG_LEVEL)

/** One line, whatever stands in it, and the end. */
function refuse(message: string): never {
  process.stderr.write(`toxiproxy: ${message.replace(/\p{Cc}/gu, ' ')}\n`)
  process.exit(1)
}

function commandLine(): CommandLine {
  try {
    return readCommandLine(process.argv.slice(2))
  } catch (error) {
    if (error instanceof CommandLineError) refuse(error.message)
    throw error
  }
}

/** A configuration that cannot be read is logged, and the server goes on without it, as the real one does. */
async function populateFrom(config: string, proxies: Proxies): Promise<void> {
  let text: string
  try {
    text = await readFile(config, 'utf8')
  } catch (error) {
    return log('error', 'Error reading config file', { error: (error as Error).message, config })
  }
  try {
    const { proxies: done, error } = await proxies.populate(parseJson(text))
    if (error !== undefined) throw error
    log('info', 'Populated proxies from file', { proxies: done.length })
  } catch (error) {
    log('error', 'Failed to populate proxies from file', { error: (error as Error).message, config })
  }
}

const REASONS: Record<string, string> = {
  EADDRINUSE: 'the port is in use; stop what holds it, or choose another with -port',
  EADDRNOTAVAIL: 'this machine has no such address; choose another with -host',
}

const line = commandLine()
if (line.help || line.version) {
  process.stdout.write(line.help ? usage() : `toxiproxy-server version ${line.apiVersion}\n`)
  process.exit(0)
}

const seed = line.seed ?? randomInt(2 ** 32)
const metrics = new Metrics(line)
const proxies = new Proxies({
  seed,
  isStrict: line.strictValues,
  hasExtensions: line.extensions,
  log,
  countLink: (proxy, stream, count) => metrics.count(proxy, stream, count),
})
const leases = new Leases({ proxies, log })
const api = createApi({
  proxies,
  leases,
  metrics,
  log,
  version: line.apiVersion,
  hasExtensions: line.extensions,
})

// Whoever read the log may have gone; that is no reason to end.
process.stdout.on('error', () => {})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(0))
process.on('disconnect', () => process.exit(0))
process.on('unhandledRejection', error => log('error', `This is a fault of the proxy: ${error}`))

if (line.config !== '') await populateFrom(line.config, proxies)
try {
  const { host } = await resolveAddress(`${line.host.includes(':') ? `[${line.host}]` : line.host}:0`)
  await api.listen({ host: host || '::', port: line.port })
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException
  const reason = REASONS[code ?? ''] ?? message
  refuse(`cannot listen on ${line.host}:${line.port}: ${reason}`)
}
const { port } = api.server.address() as { port: number }
log('info', 'Starting Toxiproxy', { version: line.apiVersion })
log('info', 'Starting Toxiproxy HTTP server', { address: `${line.host}:${port}` })
log('info', `Draws come from seed ${seed}; -seed ${seed} repeats them`)
// For the next start, even when this process is killed: with it a start takes half the time, and much less memory.
flushCompileCache()
process.send?.({ ready: true, ports: { api: port } })
