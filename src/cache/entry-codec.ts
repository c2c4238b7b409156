// A stored answer as one value of bytes, so that several gateways can share it.
import { Buffer } from 'node:buffer'
import { epochNow } from '../epoch-now.ts'
import type { Audience, CacheEntry } from './store.ts'

/** Stands first in every value: what another version wrote is not read. */
const VERSION = 'leeward-4'
const LENGTH_BYTES = 4
/** By so much clocks of gateways differ that are kept in time. */
const CLOCK_TOLERANCE_MS = 500
const AUDIENCES: readonly Audience[] = ['anonymous', 'labelled', 'everyone']

/** Length of the header block, the header block (lines), the body as it is. */
export function encodeEntry(entry: CacheEntry): Buffer {
  const { status, storedAt, initialAgeMs, freshUntil, staleWhileRevalidateUntil } = entry
  const { staleIfErrorUntil, staleUntil, keepUntil } = entry
  const numbers = [
    ...[status, storedAt, initialAgeMs, freshUntil, staleWhileRevalidateUntil],
    ...[staleIfErrorUntil, staleUntil, keepUntil],
  ]
  const { isFresh, isStaleWhileRevalidate, isStaleIfError } = entry.byRule
  const byRule = [isFresh, isStaleWhileRevalidate, isStaleIfError].map(Number).join('')
  const words = [VERSION, numbers.join(' '), byRule, entry.audience, entry.generation, entry.varyOn.join(' ')]
  // Neither a field name nor a value can hold a line feed.
  const block = Buffer.from([...words, ...entry.headers].join('\n'), 'latin1')
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(block.length)
  return Buffer.concat([length, block, entry.body])
}

/** The entry that was encoded, or undefined where the value is not one of ours. */
export function decodeEntry(value: Buffer): CacheEntry | undefined {
  if (value.length < LENGTH_BYTES) return undefined
  const end = LENGTH_BYTES + value.readUInt32BE()
  if (end > value.length) return undefined
  const lines = value.toString('latin1', LENGTH_BYTES, end).split('\n')
  const [version, numbers = '', byRule = '', audienceName, generation = '', varyOn = '', ...headers] = lines
  const [status = 0, storedAt = 0, initialAgeMs = 0, freshUntil = 0, ...ends] = numbers.split(' ').map(Number)
  const [staleWhileRevalidateUntil = 0, staleIfErrorUntil = 0, staleUntil = 0, keepUntil = Number.NaN] = ends
  const audience = AUDIENCES.find(name => name === audienceName)
  const isOurs = version === VERSION && headers.length % 2 === 0 && !Number.isNaN(keepUntil)
  if (!isOurs || audience === undefined) return undefined
  return onThisClock({
    status,
    headers,
    body: copyOf(value.subarray(end)),
    storedAt,
    initialAgeMs,
    freshUntil,
    byRule: {
      isFresh: byRule[0] === '1',
      isStaleWhileRevalidate: byRule[1] === '1',
      isStaleIfError: byRule[2] === '1',
    },
    staleWhileRevalidateUntil,
    staleIfErrorUntil,
    staleUntil,
    keepUntil,
    audience,
    varyOn: varyOn === '' ? [] : varyOn.split(' '),
    generation,
  })
}

/**
 * What was stored later than now was stored by a clock that is ahead, as is every time in it. By more than a little, nobody
 * can tell how old it is: then it is not fresh, here.
 */
function onThisClock(entry: CacheEntry): CacheEntry {
  const now = epochNow()
  const aheadMs = entry.storedAt - now
  if (aheadMs <= 0) return entry
  const freshUntil = entry.freshUntil - aheadMs
  return {
    ...entry,
    storedAt: now,
    freshUntil: aheadMs <= CLOCK_TOLERANCE_MS ? freshUntil : Math.min(freshUntil, now),
    staleWhileRevalidateUntil: entry.staleWhileRevalidateUntil - aheadMs,
    staleIfErrorUntil: entry.staleIfErrorUntil - aheadMs,
    staleUntil: entry.staleUntil - aheadMs,
    keepUntil: entry.keepUntil - aheadMs,
  }
}

/** What Redis answers is a window on a far larger buffer, which the near store would keep alive uncounted. */
function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  copy.set(bytes)
  return copy
}
