import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { resetSocket } from '../../../chaos/proxy/reset-socket.ts'
import { eventually } from '../../support/eventually.ts'
import { listenTcp } from '../../support/tcp.ts'

async function socketAndServer() {
  const server = await listenTcp()
  const socket = connect(server.port, '127.0.0.1').on('error', () => {})
  await once(socket, 'connect')
  const end = await eventually(() => server.ends[0] ?? expect.fail('nobody came'))
  return { server, socket, end }
}

test('a socket is closed with an RST', async () => {
  const { server, socket, end } = await socketAndServer()
  resetSocket(socket)
  await eventually(() => expect(end.ending).toBe('rst'))
  await server.close()
})

test('a socket that is reset in the moment in which it closes is closed, and not left behind', async () => {
  const { server, socket, end } = await socketAndServer()
  const closed = once(socket, 'close')
  socket.end()
  await new Promise(resolve => process.nextTick(resolve)) // the system has been asked to close it, and has not yet
  resetSocket(socket)
  await closed
  await eventually(() => expect(end.ending).toBeDefined())
  await server.close()
})
