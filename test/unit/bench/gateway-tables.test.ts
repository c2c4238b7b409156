import { describe, expect, test } from 'vitest'
import type { Slice } from '../../bench/gateway/measure.ts'
import { PEER_NAMES } from '../../bench/gateway/peers.ts'
import { GATEWAY } from '../../bench/gateway/subjects.ts'
import { crowdedSection, passedOnSection, storedSection } from '../../bench/gateway/tables.ts'
import type { Row } from '../../bench/rounds.ts'
import { sectionText, targetText } from '../../bench/section.ts'

const slice = (perSecond: number, more: Partial<Slice> = {}): Slice => ({
  perSecond,
  requests: perSecond,
  seconds: 1,
  p50Ms: 1,
  p99Ms: 5,
  statuses: 0,
  errors: 0,
  // Busy all the time.
  cpuMicros: 1e6 / perSecond,
  ...more,
})
const row = (name: string, rounds: Slice[], reason = ''): Row<Slice> => ({
  subject: { name },
  rounds,
  void: reason,
})
const targetsOf = ({ targets }: { targets: readonly Parameters<typeof targetText>[0][] }) =>
  targets.map(targetText)

describe('stored answers', () => {
  test('are held against the bare server of the same round, by the middle of the rounds', () => {
    const rows = [
      row('bare', [slice(100), slice(200), slice(100)]),
      row('memory', [slice(80), slice(150), slice(70)]),
    ]
    expect(targetsOf(storedSection(rows))).toEqual([
      '✓ a stored answer with all guards, requests a second to bare node:http, at least 0.75: 0.75 (0.70–0.80)',
    ])
    expect(sectionText(storedSection(rows))).toContain('| memory | 80 | 0.75 (0.70–0.80) |')
  })

  test('are not judged where the load was too little for one of the servers', () => {
    const rows = [row('bare', [slice(100, { cpuMicros: 7_900 })]), row('memory', [slice(95)])]
    expect(targetsOf(storedSection(rows))[0]).toMatch(
      /^– .*: not judged: the load kept bare busy for 79 % of the time$/,
    )
  })

  test('a void row says why, and nothing is judged by it', () => {
    const rows = [row('bare', [slice(100)]), row('memory', [], '3 unexpected statuses')]
    expect(sectionText(storedSection(rows))).toContain('| memory | void: 3 unexpected statuses |')
    expect(targetsOf(storedSection(rows))[0]).toMatch(/^– .*: not measured$/)
  })
})

describe('what is passed on', () => {
  const rows = [
    row(GATEWAY.guarded, [slice(130, { p99Ms: 6 })]),
    row(GATEWAY.storing, [slice(90)]),
    row(GATEWAY.bare, [slice(169)]),
    row(PEER_NAMES['fastify-http-proxy'], [slice(100, { p99Ms: 6 })]),
    row(PEER_NAMES.nginx, [slice(300)]),
  ]

  test('meets each target or misses it', () => {
    expect(targetsOf(passedOnSection(rows))).toEqual([
      '✓ passed on with all guards, to @fastify/http-proxy, at least 1.3: 1.30 (1.30–1.30)',
      '✓ passed on with all guards, to nginx, at least 0.42: 0.43 (0.43–0.43)',
      '✗ passed on with all guards, every answer stored, to @fastify/http-proxy, at least 1.3: 0.90 (0.90–0.90)',
      '✗ passed on with all guards, every answer stored, to nginx, at least 0.42: 0.30 (0.30–0.30)',
      '✗ passed on with no guards, to @fastify/http-proxy, at least 1.7: 1.69 (1.69–1.69)',
      '✓ passed on with no guards, to nginx, at least 0.55: 0.56 (0.56–0.56)',
      '✗ all guards together, CPU a request, at most 10 µs: 1775.1 (1775.1–1775.1) µs',
    ])
  })

  test('is held against nobody where nobody is there, and says so', () => {
    expect(targetsOf(passedOnSection(rows.slice(0, 3))).map(text => text[0])).toEqual([
      ...['–', '–', '–', '–', '–', '–', '✗'],
    ])
    expect(crowdedSection(rows.slice(0, 3))).toEqual([])
  })

  test('is no later at p99 in a crowd than the peer', () => {
    expect(crowdedSection(rows).flatMap(targetsOf)).toEqual([
      "✓ p99 at 100 connections with all guards, no worse than @fastify/http-proxy's: 1.00 (1.00–1.00) of it",
    ])
  })
})
