// What Node's sockets say of a reset, and so what a test can ask of one.
import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { eventually } from '../../../support/eventually.ts'
import { listenTcp, recordEnd } from '../../../support/tcp.ts'
import { quiet } from '../../../support/toxic-lab.ts'

/** A client that reads nothing while the server sends this and resets the connection, then reads. */
async function resetWith(data: string) {
  const server = await listenTcp()
  const client = recordEnd(connect(server.port, '127.0.0.1'))
  await once(client.socket, 'connect')
  const { socket } = await eventually(() => server.ends[0] ?? expect.fail('nobody came'))
  client.socket.pause()
  if (data !== '') socket.write(data)
  socket.resetAndDestroy()
  await quiet(50)
  client.socket.resume()
  await eventually(() => expect(client.ending).toBeDefined())
  await server.close()
  return { received: String(client.received()), ending: client.ending }
}

test('a Node client that gets data and an RST together reports a clean `end`, or loses the data: never both', async () => {
  // Node 20 does the one, Node 26 the other.
  expect([
    { received: 'begun', ending: 'fin' },
    { received: '', ending: 'rst' },
  ]).toContainEqual(await resetWith('begun'))
})

test('an RST that no data precedes is always told: only there can a test insist on one', async () => {
  for (let round = 0; round < 5; round += 1)
    expect(await resetWith('')).toEqual({ received: '', ending: 'rst' })
})
