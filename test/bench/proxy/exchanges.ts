// One exchange after the other over one connection.

import { VoidError } from '../void-error.ts'
import { BODY_BYTES, isInPlace } from './body.ts'
import { withProbe } from './socket.ts'

/** Small enough to come in one piece, large enough to be a request. */
export const MESSAGE = Buffer.alloc(200, 'x')
const WITHIN_MS = 15_000

/**
 * Times of `count` round trips, in ms, after `warmUp` that are not counted.
 * Plain TCP: a parser of HTTP at both ends costs more than what is measured here, and varies more.
 */
export function roundTrips({ port, warmUp, count }: { port: number; warmUp: number; count: number }) {
  return withProbe<Float64Array>(port, WITHIN_MS, (probe, settle) => {
    const times = new Float64Array(count)
    let done = -warmUp
    let sentAt = 0
    let missingBytes = 0
    const send = () => {
      missingBytes = MESSAGE.length
      sentAt = performance.now()
      probe.socket.write(MESSAGE)
    }
    probe.onPiece = piece => {
      missingBytes -= piece.length
      if (missingBytes > 0) return
      if (missingBytes < 0) return settle(new VoidError('more came back than was sent'))
      if (done >= 0) times[done] = performance.now() - sentAt
      done += 1
      if (done === count) settle(times)
      else send()
    }
    send()
  })
}

/** Times of `count` bodies of 8 MiB, in ms, each asked for when the one before was whole; one more first, not counted. */
export function bodies({ port, count }: { port: number; count: number }) {
  return withProbe<Float64Array>(port, WITHIN_MS, (probe, settle) => {
    const times = new Float64Array(count)
    let done = -1
    let askedAt = 0
    let receivedBytes = 0
    const ask = () => {
      receivedBytes = 0
      askedAt = performance.now()
      probe.socket.write('b')
    }
    probe.onPiece = piece => {
      if (!isInPlace(piece, receivedBytes)) return settle(new VoidError('a body came back broken'))
      receivedBytes += piece.length
      if (receivedBytes < BODY_BYTES) return
      if (receivedBytes > BODY_BYTES) return settle(new VoidError('a body came back too long'))
      if (done >= 0) times[done] = performance.now() - askedAt
      done += 1
      if (done === count) settle(times)
      else ask()
    }
    ask()
  })
}
