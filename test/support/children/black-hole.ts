// A child that listens with the shortest of backlogs; paused, it lets connections hang once that is full.
import { createServer } from 'node:net'

const server = createServer(socket => socket.on('error', () => {}).write('hello'))
server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
  process.send?.({ ready: true, ports: { tcp: (server.address() as { port: number }).port } })
})
process.on('disconnect', () => process.exit(0))
