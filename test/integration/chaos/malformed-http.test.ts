// Anything at all on the port of the API: bytes that are no HTTP, HTTP that is no call, calls that make no sense.
import { request } from 'node:http'
import { connect } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyBody, anyMethod, anyPath } from '../../support/odd-calls.ts'
import { quiet } from '../../support/toxic-lab.ts'
import { useWatchedProxy } from '../../support/watched-proxy.ts'
import { piecesOfHttp } from '../../support/wrong-http.ts'

const SEED = 20_261_123
/** Long enough for an answer, short enough for hundreds that get none. */
const PATIENCE_MS = 10

const { url, expectSound } = useWatchedProxy()

type Ending = 'end' | 'destroy' | 'reset'

/** Sends the pieces one by one, hears what comes, and hangs up in the way asked for. */
async function send(pieces: Uint8Array[], ending: Ending): Promise<string> {
  const { hostname, port } = new URL(url())
  const socket = connect(Number(port), hostname)
  let heard = ''
  let isOver = false
  socket.setEncoding('latin1').on('data', text => {
    heard += text
  })
  socket
    .on('error', () => {})
    .on('close', () => {
      isOver = true
    })
  for (const piece of pieces) {
    socket.write(piece)
    await new Promise(resolve => setImmediate(resolve))
  }
  if (ending === 'end') socket.end()
  const until = performance.now() + PATIENCE_MS
  while (!isOver && performance.now() < until) await quiet(2)
  if (ending === 'reset') socket.resetAndDestroy()
  socket.destroy()
  return heard
}

const anyEnding = fc.constantFrom<Ending>('end', 'destroy', 'reset')

interface Answer {
  status: number
  text: string
}

/** The path as it is: other clients would tidy it up. */
function call(method: string, path: string, content?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = content === undefined ? {} : { 'content-length': Buffer.byteLength(content) }
    const outgoing = request(url(), { method, path, headers, agent: false }, async answer => {
      let text = ''
      for await (const chunk of answer.setEncoding('utf8')) text += chunk
      resolve({ status: answer.statusCode ?? 0, text })
    })
    outgoing.on('error', reject).end(content)
  })
}

/** In the words of the API, and never a fault. */
function expectProperAnswer(method: string, { status, text }: Answer): void {
  expect([200, 201, 204, 301, 400, 404, 405, 409, 500]).toContain(status)
  if (status === 500) expect(text).toMatch(/"error":"(listen tcp|address |lookup )/)
  if (status < 400 || status === 405 || method === 'HEAD' || text === '404 page not found\n') return
  if (text.startsWith('{')) expect(JSON.parse(text)).toMatchObject({ status, error: expect.any(String) })
  else expect(text).toBe('400 Bad Request')
}

describe('the API', () => {
  test('survives whatever is no HTTP, or wrong, or half, or hangs up', async () => {
    const whatever = fc.asyncProperty(piecesOfHttp, anyEnding, async (parts, ending) => {
      const heard = await send(parts, ending)
      if (heard !== '') expect(heard).toMatch(/^HTTP\/1\.1 [1-5]\d\d /)
      expect(heard).not.toMatch(/^HTTP\/1\.1 500 /m)
      await expectSound()
    })
    await fc.assert(whatever, { seed: SEED, numRuns: 100 })
  })

  test('answers any call in its own words, and what is created so can be deleted by its name', async () => {
    const whatever = fc.asyncProperty(
      fc.array(fc.tuple(anyMethod, anyPath, anyBody), { maxLength: 20 }),
      async calls => {
        for (const [method, path, content] of calls) {
          expectProperAnswer(method, await call(method, path, content))
        }
        const { text } = await call('GET', '/proxies')
        for (const name of Object.keys(JSON.parse(text))) {
          expect((await call('DELETE', `/proxies/${encodeURIComponent(name)}`)).status, name).toBe(204)
        }
        await expectSound()
      },
    )
    await fc.assert(whatever, { seed: SEED, numRuns: 50 })
  })
})
