// What the embedded proxy writes to stdout of its proxies and their clients.
import { expect, test } from 'vitest'
import { connectToxiproxy } from '../../../chaos/toxiproxy.ts'
import { eventually } from '../../support/eventually.ts'
import { dialTcp, listenTcp } from '../../support/tcp.ts'
import { whenEnded } from '../../support/toxic-lab.ts'
import { apiUrl, startEmbeddedProxy } from '../../support/toxiproxy-subject.ts'

test('the log tells of proxies started and terminated, of clients, and of an upstream that is not there', async () => {
  const child = await startEmbeddedProxy()
  const logged = () =>
    child
      .outputTail()
      .split('\n')
      .flatMap(line => (line.startsWith('{') ? [JSON.parse(line) as Record<string, unknown>] : []))
  const toxiproxy = await connectToxiproxy(apiUrl(child))
  const server = await listenTcp()
  const upstream = server.address
  const { listen } = await toxiproxy.createProxy({ name: 'web', listen: '127.0.0.1:0', upstream })
  const served = await dialTcp(listen)
  await server.close()
  const unserved = await dialTcp(listen)
  await whenEnded(unserved, 'fin')
  const client = `127.0.0.1:${unserved.socket.localPort}`
  await toxiproxy.deleteProxy('web')
  const common = { name: 'web', listen, upstream }
  await eventually(() =>
    expect(logged()).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ level: 'info', message: 'Started proxy', ...common }),
        expect.objectContaining({ level: 'info', message: 'Accepted client', ...common, client }),
        expect.objectContaining({
          level: 'error',
          message: 'Unable to open connection to upstream',
          ...common,
          client,
        }),
        expect.objectContaining({ level: 'info', message: 'Terminated proxy', ...common }),
      ]),
    ),
  )
  for (const end of [served, unserved]) end.socket.destroy()
  await child.stop()
})
