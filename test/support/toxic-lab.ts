// Proxies with toxics, a server behind and clients in front, for tests over real sockets.
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import type { Toxic } from '../../chaos/toxic.ts'
import { connectToxiproxy, type Toxiproxy } from '../../chaos/toxiproxy.ts'
import { eventually } from './eventually.ts'
import { dialTcp, type End, listenTcp } from './tcp.ts'
import type { Subject, SubjectMaker } from './toxiproxy-subject.ts'

/** A delay may look shorter by this, since both ends read their own clock after the fact. */
export const EARLY_MS = 2
/** And longer by this, on a machine that does other things too. */
export const LATE_MS = 500
const UNANSWERED_AFTER_MS = 10_000

/** Opens the subject for the whole file; what a test laid is gone after it. */
export function useToxicLab(maker: SubjectMaker) {
  let subject: Subject
  let toxiproxy: Toxiproxy
  const opened: (() => unknown)[] = []

  beforeAll(async () => {
    subject = await maker.open()
    toxiproxy = await connectToxiproxy(subject.url)
  })
  afterEach(async () => {
    for (const close of opened.splice(0).reverse()) await close()
  })
  afterAll(() => subject.close())

  /** A proxy of its own in front of a server of its own. */
  async function lay(toxics: Toxic[] = [], onConnection?: (end: End) => void) {
    const server = await listenTcp(onConnection)
    opened.push(server.close)
    const name = `lab-${performance.now()}`
    const { listen } = await toxiproxy.createProxy({ name, listen: '127.0.0.1:0', upstream: server.address })
    opened.push(() => ask('DELETE', `/proxies/${name}`)) // the test may have deleted it
    for (const toxic of toxics) await toxiproxy.addToxic(name, toxic)

    const dial = async () => {
      const client = await dialTcp(listen)
      opened.push(() => client.socket.destroy())
      return client
    }
    /** Both ends of one connection. */
    const join = async () => {
      const before = server.ends.length
      const client = await dial()
      const upstream = await eventually(() => {
        expect(server.ends.length).toBeGreaterThan(before)
        return server.ends[before]!
      })
      return { client, upstream }
    }
    const post = (path: string, body: unknown) =>
      fetch(`${subject.url}/proxies/${name}${path}`, { method: 'POST', body: JSON.stringify(body) })
    return {
      name,
      listen,
      server,
      dial,
      join,
      add: (toxic: Toxic) => toxiproxy.addToxic(name, toxic),
      /** By the API itself, which takes any value. */
      addAsIs: (body: unknown) => post('/toxics', body),
      update: (toxic: string, body: unknown) => post(`/toxics/${toxic}`, body),
      remove: (toxic: string) => toxiproxy.removeToxic(name, toxic),
    }
  }

  /** Any call of the API; one that is not answered fails. */
  async function ask(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; text: string }> {
    const answer = await fetch(subject.url + path, {
      method,
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      signal: AbortSignal.timeout(UNANSWERED_AFTER_MS),
    })
    return { status: answer.status, text: await answer.text() }
  }

  return { lay, ask, toxiproxy: () => toxiproxy, url: () => subject.url }
}

/** When the end had received so many bytes. */
export function whenReceived(end: End, bytes: number, withinMs?: number): Promise<number> {
  return eventually(() => {
    expect(end.received().length).toBeGreaterThanOrEqual(bytes)
    return end.chunks.at(-1)!.at
  }, withinMs)
}

/** When the other side closed, and that it did so in this way. */
export function whenEnded(end: End, ending: 'fin' | 'rst', withinMs?: number): Promise<number> {
  return eventually(() => {
    expect(end.ending).toBe(ending)
    return end.endedAt!
  }, withinMs)
}

export function expectDelay(ms: number, asked: number): void {
  expect(ms).toBeGreaterThanOrEqual(asked - EARLY_MS)
  expect(ms).toBeLessThan(asked + LATE_MS)
}

/** That nothing happens can only be waited for. */
export function quiet(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}
