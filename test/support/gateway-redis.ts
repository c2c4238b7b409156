import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { eventually } from './eventually.ts'

/** A real redis-server that keeps nothing on disk. */
export interface TestRedis {
  readonly url: string
  /** Sends one inline command and returns the raw reply. */
  command(line: string): Promise<string>
  /** Stops answering without closing anything, or goes on. */
  pause(): void
  resume(): void
  close(): Promise<void>
}

/** The tests promise to need nothing but Node; what is about a real Redis runs where there is one. */
export const hasRedisServer = spawnSync('redis-server', ['--version']).status === 0

export async function startRedis(port?: number): Promise<TestRedis> {
  const chosen = port ?? (await freePort())
  const options = ['--port', String(chosen), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  const server = spawn('redis-server', options, { stdio: 'ignore' })
  const exited = once(server, 'exit')
  const command = (line: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(chosen, '127.0.0.1', () => socket.write(`${line}\r\n`))
      socket.once('data', reply => {
        socket.destroy()
        resolve(reply.toString())
      })
      socket.once('error', reject)
    })
  await eventually(async () => {
    if ((await command('PING')) !== '+PONG\r\n') throw new Error('redis-server is not ready')
  })
  return {
    url: `redis://127.0.0.1:${chosen}`,
    command,
    pause: () => void server.kill('SIGSTOP'),
    resume: () => void server.kill('SIGCONT'),
    async close() {
      server.kill('SIGKILL')
      await exited
    },
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return port
}
