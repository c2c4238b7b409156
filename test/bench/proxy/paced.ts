// Round trips at a fixed rate to several ports at once, so that all of them meet the same moments of the machine.
import { MESSAGE } from './exchanges.ts'
import { openProbe, type ProbeSocket } from './socket.ts'

/** Enough that none is busy when its turn comes, unless answers take five times as long as they should. */
const CONNECTIONS = 20
const LEAST_SHARE_SENT = 0.9
const LAST_ANSWER_WITHIN_MS = 1_000

interface Stream {
  idle: ProbeSocket[]
  all: ProbeSocket[]
  times: number[]
  sent: number
  problem: string
}

/** What came of one port: times in ms, and why they count for nothing, empty when they do. */
export interface PacedTimes {
  times: Float64Array
  problem: string
}

/** Sends `perSecond` small messages a second to each port, evenly, no two ports at the same moment. */
export async function paced(settings: {
  ports: number[]
  perSecond: number
  seconds: number
}): Promise<PacedTimes[]> {
  const { ports, perSecond, seconds } = settings
  const streams = await Promise.all(ports.map(openStream))
  const total = perSecond * seconds * ports.length
  await sendEvenly(total, 1_000 / perSecond / ports.length, at => send(streams[at % streams.length]!))
  const end = performance.now() + LAST_ANSWER_WITHIN_MS
  const isAnswered = () => streams.every(({ idle, all }) => idle.length === all.length)
  while (!isAnswered() && performance.now() < end) await new Promise(resolve => setTimeout(resolve, 10))
  for (const { all } of streams) for (const { socket } of all) socket.destroy()
  return streams.map(stream => resultOf(stream, perSecond * seconds))
}

async function openStream(port: number): Promise<Stream> {
  const stream: Stream = { idle: [], all: [], times: [], sent: 0, problem: '' }
  const lose = (reason: string) => {
    stream.problem ||= `a connection was lost: ${reason}`
  }
  for (let opened = 0; opened < CONNECTIONS && stream.problem === ''; opened++) {
    const probe = await openProbe(port, { bufferBytes: 4_096 }).catch(error => lose(error.message))
    if (probe === undefined) break
    probe.onLost = lose
    stream.all.push(probe)
    stream.idle.push(probe)
  }
  return stream
}

/** Calls `act` for 0 to `total` - 1, each when it is due; late timers do not add up. */
function sendEvenly(total: number, intervalMs: number, act: (at: number) => void): Promise<void> {
  const startedAt = performance.now()
  let next = 0
  return new Promise(resolve => {
    const tick = () => {
      const due = Math.min(total, Math.floor((performance.now() - startedAt) / intervalMs) + 1)
      while (next < due) act(next++)
      if (next === total) resolve()
      else setTimeout(tick, Math.max(0, startedAt + next * intervalMs - performance.now()))
    }
    tick()
  })
}

function send(stream: Stream): void {
  const probe = stream.idle.shift()
  if (probe === undefined) return
  stream.sent += 1
  const sentAt = performance.now()
  let missingBytes = MESSAGE.length
  probe.onPiece = piece => {
    missingBytes -= piece.length
    if (missingBytes > 0) return
    if (missingBytes < 0) stream.problem ||= 'more came back than was sent'
    stream.times.push(performance.now() - sentAt)
    stream.idle.push(probe)
  }
  probe.socket.write(MESSAGE)
}

function resultOf({ times, sent, problem }: Stream, wanted: number): PacedTimes {
  const missing = sent - times.length
  const reason =
    problem ||
    (missing > 0 ? `${missing} of ${sent} answers are missing` : '') ||
    (sent < wanted * LEAST_SHARE_SENT ? `${sent} of ${wanted} sent, the others found no idle connection` : '')
  return { times: Float64Array.from(times), problem: reason }
}
