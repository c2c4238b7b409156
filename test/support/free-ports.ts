import { once } from 'node:events'
import { createServer } from 'node:net'

/** Under these the system takes no ports of its own accord: nobody's outgoing connection will hold one. */
const FROM = 20_000
const TO = 32_000

/** Ports of loopback that are free, and stay so when they are given up for a while. */
export async function freePorts(count: number): Promise<number[]> {
  const free: number[] = []
  for (let port = FROM + (process.pid % (TO - FROM)); free.length < count; port++) {
    const server = createServer()
    const isFree = await Promise.race([
      once(server.listen(port, '127.0.0.1'), 'listening').then(() => true),
      once(server, 'error').then(() => false),
    ]).catch(() => false)
    if (isFree) free.push(port)
    if (server.listening) await once(server.close(), 'close')
  }
  return free
}
