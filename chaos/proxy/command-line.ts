// The real server's command line: Go's flags, with one dash or two.
import { readInteger } from './json/json.ts'

export interface CommandLine {
  host: string
  port: number
  config: string
  /** Of every draw of toxicity and jitter; drawn itself when it is not given. */
  seed?: number | bigint
  proxyMetrics: boolean
  runtimeMetrics: boolean
  /** Values of toxics that make no sense are refused. */
  strictValues: boolean
  /** What the real server does not have is there, too. */
  extensions: boolean
  /** Print the version and end. */
  version: boolean
  /** Print the flags and end. */
  help: boolean
  /** What the API says its version is. */
  apiVersion: string
}

/** A flag that is wrong, in one line. */
export class CommandLineError extends Error {
  override name = 'CommandLineError'
}

type Value = string | number | bigint | boolean
type Flag = { key: keyof CommandLine; kind: 'text' | 'integer' | 'switch'; what: string }

const FLAGS: Record<string, Flag> = {
  host: { key: 'host', kind: 'text', what: 'where the API listens' },
  port: { key: 'port', kind: 'integer', what: "the API's port; 0 takes a free one" },
  config: { key: 'config', kind: 'text', what: 'a JSON file of proxies to start with' },
  seed: { key: 'seed', kind: 'integer', what: 'of every draw of toxicity and jitter' },
  'proxy-metrics': { key: 'proxyMetrics', kind: 'switch', what: 'count the bytes of each proxy in /metrics' },
  'runtime-metrics': { key: 'runtimeMetrics', kind: 'switch', what: 'tell of the process in /metrics' },
  'strict-values': { key: 'strictValues', kind: 'switch', what: "refuse toxics' values that make no sense" },
  extensions: { key: 'extensions', kind: 'switch', what: 'have what the real server does not have' },
  version: { key: 'version', kind: 'switch', what: 'print the version and end' },
  'api-version': { key: 'apiVersion', kind: 'text', what: 'what the API says its version is' },
  help: { key: 'help', kind: 'switch', what: 'print this and end' },
  h: { key: 'help', kind: 'switch', what: 'likewise' },
}

const DEFAULTS: CommandLine = {
  host: 'localhost',
  port: 8474,
  config: '',
  proxyMetrics: false,
  runtimeMetrics: false,
  strictValues: false,
  extensions: false,
  version: false,
  help: false,
  apiVersion: '2.12.0',
}

/** Go's spellings. */
const SWITCH = /^(?:[01tTfF]|true|TRUE|True|false|FALSE|False)$/

/** Reads `-port 1`, `-port=1`, `--port 1` and `--port=1`. */
export function readCommandLine(args: readonly string[]): CommandLine {
  const rest = [...args]
  const values: Record<string, Value> = { ...DEFAULTS }
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const [, name = '', inline] = /^--?([^=-][^=]*)(?:=(.*))?$/s.exec(arg) ?? []
    const flag = Object.hasOwn(FLAGS, name) ? FLAGS[name] : undefined
    if (flag === undefined) {
      throw new CommandLineError(`unknown flag "${arg}"; there is -${Object.keys(FLAGS).join(', -')}`)
    }
    const text = inline ?? (flag.kind === 'switch' ? 'true' : rest.shift())
    if (text === undefined) throw new CommandLineError(`flag -${name} needs a value`)
    values[flag.key] = readValue(name, flag.kind, text)
  }
  const line = values as unknown as CommandLine
  if (line.port < 0 || line.port > 65_535) {
    throw new CommandLineError(`flag -port must be 0 to 65535, got ${line.port}`)
  }
  return line
}

function readValue(name: string, kind: Flag['kind'], text: string): Value {
  if (kind === 'text') return text
  if (kind === 'integer') {
    const integer = readInteger(/^[-+]?0x[\da-f]+$/i.test(text) ? String(Number(text)) : text)
    if (integer !== undefined) return integer
    throw new CommandLineError(`flag -${name} must be a whole number of at most 64 bits, got "${text}"`)
  }
  if (!SWITCH.test(text)) throw new CommandLineError(`flag -${name} must be true or false, got "${text}"`)
  return /^[1t]/i.test(text)
}

/** The flags, one a line. */
export function usage(): string {
  return Object.entries(FLAGS)
    .map(([name, { key, what }]) => {
      const preset = DEFAULTS[key]
      return `  -${name.padEnd(16)} ${what}${preset ? ` (${preset})` : ''}\n`
    })
    .join('')
}
