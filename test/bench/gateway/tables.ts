// The tables of the gateway's bench, and the targets that their figures meet or miss. Pure functions.
import { against, type Row, spreadOf } from '../rounds.ts'
import { rowCells, type Section, spreadText, type Target, target } from '../section.ts'
import type { Slice } from './measure.ts'
import { PEER_NAMES } from './peers.ts'
import { GATEWAY } from './subjects.ts'

const LEAST_OF_BARE = 0.75
const LEAST = { guarded: { fastify: 1.3, nginx: 0.42 }, bare: { fastify: 1.7, nginx: 0.55 } }
const MOST_GUARD_MICROS = 10
const LEAST_BUSY = 0.8

const rate = (own: Slice, base: Slice) => own.perSecond / base.perSecond
const cpuOver = (own: Slice, base: Slice) => own.cpuMicros - base.cpuMicros
const named = (rows: readonly Row<Slice>[], name: string) => rows.find(({ subject }) => subject.name === name)

/** Stored answers, beside a bare server that sends the same bytes; the first row is that server. */
export function storedSection(rows: readonly Row<Slice>[]): Section {
  const [bare, memory] = rows
  return {
    title: 'Stored answers, 1.8 kB of JSON, 50 connections',
    head: ['row', 'requests/s', 'to bare node:http', 'CPU µs a request', 'p50 ms', 'p99 ms'],
    rows: rows.map(row => cells(row, bare)),
    targets: [
      atLeast(
        'a stored answer with all guards, requests a second to bare node:http',
        memory,
        bare,
        LEAST_OF_BARE,
      ),
    ],
  }
}

/** Answers that are fetched for each request, beside other gateways where there are any. */
export function passedOnSection(rows: readonly Row<Slice>[]): Section {
  const fastify = named(rows, PEER_NAMES['fastify-http-proxy'])
  const nginx = named(rows, PEER_NAMES.nginx)
  const guarded = named(rows, GATEWAY.guarded)
  const storing = named(rows, GATEWAY.storing)
  const bare = named(rows, GATEWAY.bare)
  const base = fastify ?? bare
  const guards = guarded && against(guarded, bare, cpuOver)
  const held = (row: Row<Slice> | undefined, what: 'guarded' | 'bare', words: string) => [
    atLeast(`passed on ${words}, to @fastify/http-proxy`, row, fastify, LEAST[what].fastify),
    atLeast(`passed on ${words}, to nginx`, row, nginx, LEAST[what].nginx),
  ]
  return {
    title: 'Passed on, 1.8 kB of JSON, every request at a path of its own, 50 connections',
    head: ['row', 'requests/s', `to ${base?.subject.name ?? '–'}`, 'CPU µs a request', 'p50 ms', 'p99 ms'],
    rows: rows.map(row => cells(row, base)),
    targets: [
      ...held(guarded, 'guarded', 'with all guards'),
      ...held(storing, 'guarded', 'with all guards, every answer stored'),
      ...held(bare, 'bare', 'with no guards'),
      target(
        `all guards together, CPU a request, at most ${MOST_GUARD_MICROS} µs`,
        guards?.median,
        micros => micros <= MOST_GUARD_MICROS,
        `${spreadText(guards, 1)} µs`,
      ),
    ],
  }
}

/** The same where a queue shows, in as far as it was measured. */
export function crowdedSection(rows: readonly Row<Slice>[]): Section[] {
  const fastify = named(rows, PEER_NAMES['fastify-http-proxy'])
  const guarded = named(rows, GATEWAY.guarded)
  if (fastify === undefined || guarded === undefined) return []
  const slower = against(guarded, fastify, (own, base) => own.p99Ms / base.p99Ms)
  return [
    {
      title: 'The same with 100 connections',
      head: ['row', 'requests/s', `to ${fastify.subject.name}`, 'CPU µs a request', 'p50 ms', 'p99 ms'],
      rows: rows.map(row => cells(row, fastify)),
      targets: [
        target(
          "p99 at 100 connections with all guards, no worse than @fastify/http-proxy's",
          slower?.median,
          ratio => ratio <= 1,
          `${spreadText(slower, 2)} of it`,
        ),
      ],
    },
  ]
}

function cells(row: Row<Slice>, base: Row<Slice> | undefined): string[] {
  const of = (slices: Slice[], key: keyof Slice) => spreadOf(slices.map(slice => slice[key]))
  return rowCells(row, slices => [
    Math.round(of(slices, 'perSecond').median).toLocaleString('en-US'),
    spreadText(against(row, base, rate), 2),
    spreadText(of(slices, 'cpuMicros'), 1),
    spreadText(of(slices, 'p50Ms'), 2),
    spreadText(of(slices, 'p99Ms'), 1),
  ])
}

/** A rate against another, where both are the servers' own: of one that had time to spare it is the load's. */
function atLeast(
  claim: string,
  own: Row<Slice> | undefined,
  base: Row<Slice> | undefined,
  least: number,
): Target {
  const whole = `${claim}, at least ${least}`
  const spared = [own, base].find(row => row !== undefined && busyShare(row) < LEAST_BUSY)
  if (spared !== undefined) {
    const share = `${(100 * busyShare(spared)).toFixed(0)} %`
    return {
      claim: whole,
      figure: `not judged: the load kept ${spared.subject.name} busy for ${share} of the time`,
      isMet: undefined,
    }
  }
  const ratio = own && against(own, base, rate)
  return target(whole, ratio?.median, value => value >= least, spreadText(ratio, 2))
}

/** Share of a core that a server was busy for; NaN where the system does not tell. */
function busyShare({ rounds }: Row<Slice>): number {
  return spreadOf(rounds.map(({ cpuMicros, perSecond }) => (cpuMicros * perSecond) / 1e6)).median
}
