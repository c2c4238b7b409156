// One slice of one subject: a load, what came of it, and the proof that it was what the row says.

import { setTimeout as sleep } from 'node:timers/promises'
import { VoidError } from '../void-error.ts'
import { type Figures, shoot } from './load.ts'
import { cpuSeconds, halt } from './machine.ts'
import type { Served } from './subjects.ts'
import { BODY, PRIVATE, type Upstream } from './upstream.ts'

/** What requests lead to: a stored answer, or a call to the upstream each. */
export type Way = 'stored' | 'passed on'

export interface Slice extends Figures {
  perSecond: number
  /** CPU time of the subject's process for each request, in microseconds. */
  cpuMicros: number
}

export interface SliceOptions {
  way: Way
  connections: number
  seconds: number
}

/** The path whose answer is stored. */
export const STORED_PATH = '/areas/stored'
/** Share of requests that may reach the upstream, though the answer is stored: it has to come from somewhere. */
const MOST_REFILLS = 0.001

const SETTLE_MS = 100
/** Who wakes up may take that for a stall of its event loop, for a few turns. */
const AWAKE_MS = 200

let slices = 0

/** @throws VoidError where the answers, or the calls that the upstream counted, are not what they ought to be */
export async function measure(
  subject: Served,
  upstream: Upstream,
  { way, connections, seconds }: SliceOptions,
): Promise<Slice> {
  slices += 1
  halt(subject.pid, false)
  try {
    return await measureAwake(subject, upstream, { way, connections, seconds })
  } finally {
    halt(subject.pid, true)
  }
}

async function measureAwake(
  subject: Served,
  upstream: Upstream,
  { way, connections, seconds }: SliceOptions,
): Promise<Slice> {
  await sleep(AWAKE_MS)
  const base = new URL(subject.url)
  // Never asked before, however many rounds there are.
  const folder = subject.folder ?? PRIVATE
  const prefix = way === 'passed on' ? `${base.pathname}${folder}/${process.pid}-${slices}-` : undefined
  await checkBody(subject.url + (prefix === undefined ? STORED_PATH : `${folder}/${slices}`))
  const askedBefore = await settled(upstream)
  const cpuBefore = cpuSeconds(subject.pid)
  const figures = await shoot({
    url: subject.url + STORED_PATH,
    connections,
    seconds,
    ...(prefix !== undefined && { prefix }),
  })
  const cpu = cpuSeconds(subject.pid) - cpuBefore
  const asked = (await settled(upstream)) - askedBefore
  checkCalls(way, figures.requests, asked, connections)
  return {
    ...figures,
    perSecond: figures.requests / figures.seconds,
    cpuMicros: (cpu / figures.requests) * 1e6,
  }
}

async function checkBody(url: string): Promise<void> {
  const response = await fetch(url)
  const body = await response.text()
  if (response.status !== 200 || body !== BODY)
    throw new VoidError(`a request was answered with ${response.status} and ${body.length} bytes`)
}

/** What the upstream has counted once nothing more comes: a load leaves requests behind that nobody waits for. */
async function settled(upstream: Upstream): Promise<number> {
  let before = await upstream.requests()
  for (;;) {
    await sleep(SETTLE_MS)
    const now = await upstream.requests()
    if (now === before) return now
    before = now
  }
}

function checkCalls(way: Way, requests: number, asked: number, connections: number): void {
  const isAsItOught = way === 'stored' ? asked <= requests * MOST_REFILLS : asked >= requests
  // Those that were under way at the end reached the upstream, and were not waited for.
  if (!isAsItOught || (way === 'passed on' && asked > requests + connections))
    throw new VoidError(`${requests} requests led to ${asked} calls of the upstream`)
}
