// Replays what a real server answered, strictly: status, content type, request id, body to the last byte.
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectToxiproxy } from '../../chaos/toxiproxy.ts'
import { SUBJECTS, type Subject } from '../support/toxiproxy-subject.ts'
import { DEVIATIONS, type Deviation } from './deviations.ts'

interface Recorded {
  n: number
  req: string
  status: number
  ct: string | null
  rid: boolean
  body: string
}

type Answer = Omit<Recorded, 'n' | 'req'>

const fixture = join(import.meta.dirname, 'fixtures/recorded-http-api.jsonl')
const recording: Recorded[] = readFileSync(fixture, 'utf8')
  .trim()
  .split('\n')
  .map(line => JSON.parse(line))

const deviations: readonly Deviation[] = DEVIATIONS

/** A request is written as `METHOD path body headers`, the last two where there are any. */
function parseRequest(text: string) {
  const [, method = '', path = '', rest = ''] = /^(\S+) (\S+)(?: (.*))?$/s.exec(text) ?? []
  const [, body = '', headers = '{}'] = /^(.*?) ?(\{"(?:Content-Type|User-Agent)":"[^"]*"\})$/s.exec(
    rest,
  ) ?? ['', rest]
  return { method, path, body, headers: JSON.parse(headers) as Record<string, string> }
}

/** Puts back what the recording masks: the port of the API, and the one port that was no port. */
function unmask(text: string, apiPort: string): string {
  return text.replace('127.0.0.1:API', `127.0.0.1:${apiPort}`).replace('127.0.0.1:EPH', '127.0.0.1:99999')
}

/** Masks the ports that were not asked for. */
function mask(text: string, apiPort: string): string {
  return text
    .replaceAll(`127.0.0.1:${apiPort}`, '127.0.0.1:API')
    .replace(/("listen":"[^"]*):(?!210\d\d")\d{4,5}"/g, '$1:EPH"')
}

function ask(url: string, text: string): Promise<Answer> {
  const { method, path, body, headers } = parseRequest(text)
  return new Promise((resolve, reject) => {
    const outgoing = request(url + path, { method, headers, agent: false }, async answer => {
      const chunks: Buffer[] = []
      for await (const chunk of answer) chunks.push(chunk)
      resolve({
        status: answer.statusCode ?? 0,
        ct: answer.headers['content-type'] ?? null,
        rid: answer.headers['x-toxiproxy-request-id'] !== undefined,
        body: Buffer.concat(chunks).toString(),
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

function expected({ n, status, ct, rid, body }: Recorded, kind: Subject['kind']): Answer {
  const excused = kind === 'embedded' ? deviations.flatMap(({ rows }) => rows[n] ?? []) : []
  const ours = excused.reduce((text, deviation) => text.replace(deviation.real, deviation.ours), body)
  return { status, ct, rid, body: ours }
}

describe.each(SUBJECTS)('the recorded control API, on $name', ({ open }) => {
  let subject: Subject

  const deleteProxies = async () => {
    const toxiproxy = await connectToxiproxy(subject.url)
    for (const { name } of await toxiproxy.listProxies()) await toxiproxy.deleteProxy(name)
  }

  beforeAll(async () => {
    subject = await open()
    await deleteProxies()
  })
  afterAll(async () => {
    await deleteProxies() // a real server outlives us, and would keep the recording's ports
    await subject.close()
  })

  test('the recording is whole', () => {
    expect(recording.map(({ n }) => n)).toEqual(Array.from({ length: 170 }, (_value, index) => index))
  })

  test('every deviation is about something that was recorded', () => {
    for (const [n, { real }] of deviations.flatMap(({ rows }) => Object.entries(rows))) {
      expect(recording[Number(n)]?.body).toContain(real)
    }
  })

  test.each(recording)('$n: $req', async recorded => {
    const apiPort = new URL(subject.url).port
    const answer = await ask(subject.url, unmask(recorded.req, apiPort))
    const body =
      subject.kind === 'real'
        ? answer.body.replace(/^\{"version": "[^"]*"\}/, '{"version": "git"}')
        : answer.body
    expect({ ...answer, body: mask(body, apiPort) }).toEqual(expected(recorded, subject.kind))
  })
})
