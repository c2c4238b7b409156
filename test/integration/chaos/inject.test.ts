import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ControlCall } from '../../../chaos/control-call.ts'
import { sendControlCall } from '../../../chaos/control-call.ts'
import { outage, pause, toxic } from '../../../chaos/fault.ts'
import { inject } from '../../../chaos/inject.ts'
import { processState } from '../../../chaos/process-state.ts'
import { type Child, startChild } from '../../../chaos/supervise.ts'
import { latency } from '../../../chaos/toxic.ts'
import { connectToxiproxy, type Toxiproxy } from '../../../chaos/toxiproxy.ts'
import { apiUrl, startEmbeddedProxy } from '../../support/toxiproxy-subject.ts'

let server: Child
let toxiproxy: Toxiproxy
const remembered = new Map<number, ControlCall>()
const guardian = {
  remember(call: ControlCall) {
    remembered.set(remembered.size + 1, call)
    return remembered.size
  },
  done: (id: number) => void remembered.delete(id),
}
const areas = { name: 'areas', listen: '127.0.0.1:0', upstream: '127.0.0.1:9' }
const target = () => ({ toxiproxy, proxyName: 'areas', guardian })
const entry = () => toxiproxy.getProxy('areas')
const slow = toxic(latency({ latencyMs: 100 }))

beforeAll(async () => {
  server = await startEmbeddedProxy()
  toxiproxy = await connectToxiproxy(apiUrl(server))
})
beforeEach(async () => {
  await toxiproxy.createProxy(areas)
})
afterEach(async () => {
  await toxiproxy.deleteProxy('areas')
  remembered.clear()
})
afterAll(() => server.stop())

describe('a fault', () => {
  test('of a toxic is in when it is acknowledged, and gone when it is undone, however often', async () => {
    const before = performance.timeOrigin + performance.now()
    const { acknowledgedAt, undo } = await inject(slow, target())
    expect(acknowledgedAt).toBeGreaterThan(before)
    expect((await entry()).toxics).toEqual(['latency_downstream'])
    await Promise.all([undo(), undo()])
    await undo()
    expect((await entry()).toxics).toEqual([])
    expect(remembered.size).toBe(0)
  })

  test('of an outage switches the entry off, and on again', async () => {
    const { undo } = await inject(outage(), target())
    expect((await entry()).enabled).toBe(false)
    await undo()
    expect((await entry()).enabled).toBe(true)
  })

  test('can be undone by the call that the guardian was given', async () => {
    await inject(slow, target())
    await inject(outage(), target())
    for (const call of remembered.values()) await sendControlCall(call, 1_000)
    expect(await entry()).toMatchObject({ enabled: true, toxics: [] })
  })

  test('that somebody else has removed is undone all the same', async () => {
    const { undo } = await inject(slow, target())
    await toxiproxy.removeToxic('areas', 'latency_downstream')
    await undo()
  })

  test.each([slow, outage()])('of $kind is gone with its proxy', async fault => {
    const { undo } = await inject(fault, target())
    await toxiproxy.deleteProxy('areas')
    await undo()
    expect(remembered.size).toBe(0)
    await toxiproxy.createProxy(areas)
  })

  test('that cannot be undone says so, stays remembered, and can be tried again', async () => {
    const { listen } = await entry()
    const { undo } = await inject(outage(), target())
    const squatter = createServer().listen(Number(listen.split(':')[1]), '127.0.0.1')
    await once(squatter, 'listening')
    await expect(undo()).rejects.toThrow('address already in use')
    expect(remembered.size).toBe(1)
    squatter.close()
    await once(squatter, 'close')
    await undo()
    expect(remembered.size).toBe(0)
  })

  test('that the server refuses is an error, and nothing is left to undo', async () => {
    const { undo } = await inject(slow, target())
    await expect(inject(slow, target())).rejects.toThrow('toxic already exists')
    expect(remembered.size).toBe(1)
    await undo()
  })

  test('of a pause stops the process and sets it going again', async () => {
    const entryFile = join(import.meta.dirname, '../../support/children/plain.ts')
    const origin = await startChild({ name: 'origin', entry: entryFile, readyWithinMs: 10_000 })
    const { undo } = await inject(pause('origin'), { ...target(), processes: { origin } })
    expect(processState(origin.pid)?.isPaused).toBe(true)
    await undo()
    expect(processState(origin.pid)?.isPaused).toBe(false)
    await origin.stop()
  })

  test('of a pause is refused where nobody owns the process', async () => {
    await expect(inject(pause('gateway'), target())).rejects.toThrow('does not own the gateway process')
  })
})
