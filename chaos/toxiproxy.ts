// The control client: drives a Toxiproxy, embedded or real, and nothing above it knows which.
import { Toxiproxy as Client } from 'toxiproxy-node-client'
import { type ControlCall, sendControlCall } from './control-call.ts'
import { type HeldLease, keepLease, type LeaseTimes } from './lease.ts'
import type { Toxic } from './toxic.ts'

/** One entry of the server, as it stands now; `toxics` are their names. */
export interface ProxyEntry {
  name: string
  listen: string
  upstream: string
  enabled: boolean
  toxics: string[]
}

/** The control of one server. Every method throws `ToxiproxyError` and nothing else. */
export interface Toxiproxy {
  url: string
  version(): Promise<string>
  /** The types of toxic that it has beside Toxiproxy's eight; a real server has none. */
  extensions(): Promise<string[]>
  /** Answers with the address it really listens on: ask for port 0 and read `listen`. */
  createProxy(entry: {
    name: string
    listen: string
    upstream: string
  }): Promise<{ name: string; listen: string }>
  getProxy(name: string): Promise<ProxyEntry>
  listProxies(): Promise<ProxyEntry[]>
  deleteProxy(name: string): Promise<void>
  addToxic(proxyName: string, toxic: Toxic): Promise<void>
  removeToxic(proxyName: string, toxicName: string): Promise<void>
  setEnabled(proxyName: string, enabled: boolean): Promise<void>
  /**
   * Has the server undo whatever this control adds or switches off from now on, should we no longer renew.
   * Null where the server knows no leases, as the real one does not.
   */
  holdLease(times: LeaseTimes): Promise<HeldLease | null>
  /** The calls that take a fault back, as data for whoever outlives us. */
  undoToxic(proxyName: string, toxicName: string): ControlCall
  undoOutage(proxyName: string): ControlCall
  undoProxy(proxyName: string): ControlCall
}

/** A control call that failed: what was asked, the server's own words, what to do. `status` is null without an answer. */
export class ToxiproxyError extends Error {
  override name = 'ToxiproxyError'
  readonly status: number | null
  constructor(message: string, status: number | null, options?: ErrorOptions) {
    super(message, options)
    this.status = status
  }
}

/** For whoever wants something gone: gone is gone, whoever removed it. */
export function ignoreNotFound(error: unknown): void {
  if (!(error instanceof ToxiproxyError) || error.status !== 404) throw error
}

/**
 * Connects to the server at `url` and sees that it answers.
 * The probe lists the proxies, because a wedged real server still tells its version.
 * @throws ToxiproxyError when nothing that speaks Toxiproxy's API answers within `timeoutMs`
 */
export async function connectToxiproxy(url: string, { timeoutMs = 2_000 } = {}): Promise<Toxiproxy> {
  const toxiproxy = control(new Client(controlUrl(url)), timeoutMs)
  await toxiproxy.listProxies()
  return toxiproxy
}

function controlUrl(url: string): string {
  const parsed = URL.parse(url)
  if (parsed?.protocol !== 'http:') {
    throw new ToxiproxyError(
      `"${url}" is not the address of a Toxiproxy; expected one like http://localhost:8474`,
      null,
    )
  }
  return url.replace(/\/+$/, '')
}

interface Entry extends Omit<ProxyEntry, 'toxics'> {
  toxics: { name: string }[]
}

function toEntry(entry: Entry): ProxyEntry {
  if (!Array.isArray(entry?.toxics)) throw stranger(JSON.stringify(entry))
  const { name, listen, upstream, enabled, toxics } = entry
  return { name, listen, upstream, enabled, toxics: toxics.map(toxic => toxic.name) }
}

function stranger(said: string | undefined, cause?: unknown): ToxiproxyError {
  return new ToxiproxyError(
    `What answers is not Toxiproxy's API: ${said?.slice(0, 60)}. Is the address right?`,
    null,
    { cause },
  )
}

function control(client: Client, timeoutMs: number): Toxiproxy {
  const at = (...path: string[]) => [client.host, ...path.map(encodeURIComponent)].join('/')
  const underLease = (id?: string) => {
    const headers = id === undefined ? {} : { 'x-lease-id': id }
    // The client's own HTTP layer drops the server's error text and waits for ever.
    client.api = boundedHttp(timeoutMs, headers) as typeof client.api
  }
  underLease()
  const free = client.api

  return {
    url: client.host,
    async version() {
      const text = await client.getVersion()
      return /"version":\s*"([^"]*)"/.exec(text)?.[1] ?? text.trim()
    },
    async extensions() {
      const answer = await client.api
        .get<{ toxics?: { type: string }[] }>(at('extensions'))
        .catch(ignoreNotFound)
      if (!answer) return []
      if (!Array.isArray(answer.data?.toxics)) throw stranger(JSON.stringify(answer.data))
      return answer.data.toxics.map(({ type }) => type)
    },
    async createProxy(entry) {
      const { name, listen } = await client.createProxy(entry)
      return { name, listen }
    },
    async getProxy(name) {
      const { data } = await client.api.get<Entry>(at('proxies', name))
      return toEntry(data)
    },
    async listProxies() {
      const { data } = await client.api.get<Record<string, Entry>>(at('proxies'))
      if (typeof data !== 'object' || data === null) throw stranger(String(data ?? 'nothing'))
      return Object.values(data).map(toEntry)
    },
    deleteProxy: name => client.api.delete(at('proxies', name)),
    async addToxic(proxyName, toxic) {
      // Not through the client's own method, whose types know no noop.
      await client.api.post(at('proxies', proxyName, 'toxics'), toxic)
    },
    removeToxic: (proxyName, toxicName) => client.api.delete(at('proxies', proxyName, 'toxics', toxicName)),
    async setEnabled(proxyName, enabled) {
      // Switching on takes a fault back: no lease has to undo that, nor may a lost one hinder it.
      const api = enabled ? free : client.api
      // POST and not PATCH: servers older than 2.6 know no other.
      await api.post(at('proxies', proxyName), { enabled })
    },
    async holdLease(times) {
      const answer = await free.post(at('leases'), { ttl_ms: times.ttlMs }).catch(ignoreNotFound)
      if (!answer) return null
      const { id } = answer.data as { id: string }
      const call = (method: 'POST' | 'DELETE') =>
        askServer({ method, url: at('leases', id) }, times.renewEveryMs)
      underLease(id)
      return keepLease(times, {
        renew: async () => (await call('POST').catch(ignoreNotFound)) !== undefined,
        end() {
          underLease()
          return call('DELETE')
        },
      })
    },
    undoToxic: (proxyName, toxicName) => ({
      method: 'DELETE',
      url: at('proxies', proxyName, 'toxics', toxicName),
    }),
    undoOutage: proxyName => ({ method: 'POST', url: at('proxies', proxyName), body: '{"enabled":true}' }),
    undoProxy: proxyName => ({ method: 'DELETE', url: at('proxies', proxyName) }),
  }
}

/** The client's HTTP layer, every call of which ends in time; `headers` go with what adds or changes something. */
function boundedHttp(
  timeoutMs: number,
  headers: Record<string, string>,
): Pick<Client['api'], 'get' | 'post' | 'delete' | 'getText'> {
  const text = (call: ControlCall) => askServer(call, timeoutMs)
  const json = async (call: ControlCall) => ({ data: parseAnswer(await text(call)) })
  const post = (url: string, body?: unknown): ControlCall =>
    body === undefined
      ? { method: 'POST', url, headers }
      : { method: 'POST', url, headers, body: JSON.stringify(body) }
  return {
    get: url => json({ method: 'GET', url }),
    post: (url, body) => json(post(url, body)),
    getText: url => text({ method: 'GET', url }),
    async delete(url) {
      await text({ method: 'DELETE', url })
    },
  }
}

async function askServer(call: ControlCall, timeoutMs: number): Promise<string> {
  const { status, text } = await sendControlCall(call, timeoutMs).catch(cause => {
    throw new ToxiproxyError(
      `Toxiproxy did not answer ${call.method} ${call.url}: ${cause.message || cause.code}. ${adviceWithoutAnswer(cause)}`,
      null,
      { cause },
    )
  })
  if (status >= 200 && status < 300) return text
  throw new ToxiproxyError(
    `Toxiproxy refused ${call.method} ${call.url} with ${status}: ${serverWords(text)}. ${adviceFor(status)}`,
    status,
  )
}

function adviceWithoutAnswer(cause: NodeJS.ErrnoException): string {
  return cause.code === 'ECONNREFUSED' || cause.code === 'ENOTFOUND'
    ? 'Is it running there? `npm run toxiproxy` starts one'
    : 'It may be wedged: restart it, or try another'
}

function adviceFor(status: number): string {
  if (status === 404) return 'Somebody else may have removed it, or restarted the server'
  if (status === 409) return 'Remove the old one, or choose another name'
  if (status >= 500) return 'Free that address, or choose another'
  return 'Is this a Toxiproxy of version 2?'
}

function serverWords(text: string): string {
  try {
    return String(JSON.parse(text).error)
  } catch {
    return text.trim() || 'no text'
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the client's own signature leaves the type of the data to its caller
function parseAnswer(text: string): any {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw stranger(text, cause)
  }
}
