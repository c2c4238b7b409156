// The sample areas service as a process of its own.
import { makeOrigin } from './server.ts'
import { readOriginSettings } from './settings.ts'

try {
  const settings = readOriginSettings(process.env)
  const origin = makeOrigin(settings)
  const end = async () => {
    await origin.close()
    process.exit()
  }
  process.once('SIGTERM', end)
  process.once('SIGINT', end)
  process.once('disconnect', end)
  const address = await origin.listen({ host: settings.host, port: settings.port })
  if (process.send === undefined) process.stdout.write(`The sample areas service listens on ${address}\n`)
  else process.send({ ready: true, ports: { http: Number(new URL(address).port) } })
} catch (error) {
  const { message, code } = error as NodeJS.ErrnoException
  const advice = code?.startsWith('EADDR') ? '. Choose another with HOST and PORT' : ''
  process.stderr.write(`The sample areas service cannot start: ${message}${advice}\n`)
  process.exit(1)
}
