import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Guardian, startGuardian } from '../../../chaos/guard-run.ts'
import { processState } from '../../../chaos/process-state.ts'
import { type Child, startChild } from '../../../chaos/supervise.ts'
import { connectToxiproxy, type Toxiproxy } from '../../../chaos/toxiproxy.ts'
import { eventually } from '../../support/eventually.ts'
import { apiUrl, startEmbeddedProxy } from '../../support/toxiproxy-subject.ts'

/** What the design promises, and what the test allows for looking. */
const CLEAN_WITHIN_MS = 2_000

const children = join(import.meta.dirname, '../../support/children')

function isAlive(pid: number): boolean {
  return processState(pid) !== null
}

describe('when the runner is killed with SIGKILL', () => {
  let proxy: Child
  let toxiproxy: Toxiproxy
  let runner: ChildProcess
  let pids: { guardian: number; children: number[] }

  beforeEach(async () => {
    proxy = await startEmbeddedProxy()
    toxiproxy = await connectToxiproxy(apiUrl(proxy))
    await toxiproxy.createProxy({ name: 'areas', listen: '127.0.0.1:0', upstream: '127.0.0.1:9' })
    runner = fork(join(children, 'guarded-runner.ts'), [apiUrl(proxy), 'areas'], { execArgv: [] })
    const [message] = await once(runner, 'message')
    pids = message as typeof pids
  })
  afterEach(async () => {
    runner.kill('SIGKILL')
    await proxy.stop()
  })

  test('no child is left, a stubborn and a paused one included, no toxic, no outage, no guardian', async () => {
    const [, , paused = 0] = pids.children
    expect(pids.children.filter(isAlive)).toEqual(pids.children)
    expect(processState(paused)?.isPaused).toBe(true)
    expect(await toxiproxy.getProxy('areas')).toMatchObject({
      enabled: false,
      toxics: ['latency_downstream'],
    })

    runner.kill('SIGKILL')
    const killedAt = performance.now()
    await eventually(
      () => expect([...pids.children, pids.guardian].filter(isAlive)).toEqual([]),
      CLEAN_WITHIN_MS,
    )
    expect(await toxiproxy.getProxy('areas')).toMatchObject({ enabled: true, toxics: [] })
    expect(performance.now() - killedAt).toBeLessThan(CLEAN_WITHIN_MS)
  })

  test('a signal to the guardian does not make it leave its post', async () => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pids.guardian, signal)
    runner.kill('SIGKILL')
    await eventually(
      () => expect([...pids.children, pids.guardian].filter(isAlive)).toEqual([]),
      CLEAN_WITHIN_MS,
    )
    expect(await toxiproxy.getProxy('areas')).toMatchObject({ enabled: true, toxics: [] })
  })
})

describe('a guardian', () => {
  let guardian: Guardian
  let child: Child

  beforeEach(async () => {
    guardian = startGuardian()
    await guardian.ready
    child = await startChild({
      name: 'plain',
      entry: join(children, 'plain.ts'),
      readyWithinMs: 10_000,
      guardian,
    })
  })
  afterEach(async () => {
    await guardian.dismiss()
    await child.kill()
  })

  test('that is dismissed ends and leaves everything as it is', async () => {
    await guardian.dismiss()
    expect(isAlive(guardian.pid)).toBe(false)
    expect(isAlive(child.pid)).toBe(true)
  })

  test('that has died lets nothing more be broken', async () => {
    process.kill(guardian.pid, 'SIGKILL')
    await eventually(() => expect(() => guardian.watch(child.pid)).toThrow('The guardian has died'))
    expect(() => guardian.remember({ method: 'DELETE', url: 'http://127.0.0.1:9/' })).toThrow()
    guardian.forget(child.pid)
    guardian.done(1)
  })
})
