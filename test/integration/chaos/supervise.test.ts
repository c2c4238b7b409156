import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { processState } from '../../../chaos/process-state.ts'
import { type Child, startChild } from '../../../chaos/supervise.ts'
import { eventually } from '../../support/eventually.ts'

describe('a child', () => {
  let child: Child | undefined

  afterEach(async () => {
    await child?.kill()
    child = undefined
  })

  async function start(name: string, options: { readyWithinMs?: number; env?: NodeJS.ProcessEnv } = {}) {
    const entry = join(import.meta.dirname, `../../support/children/${name}.ts`)
    child = await startChild({ name: `the ${name} child`, entry, readyWithinMs: 10_000, ...options })
    return child
  }

  test('is handed over when it is ready, with its ports and its last lines', async () => {
    const plain = await start('plain')
    expect(plain.ports).toEqual({ http: 4242 })
    await eventually(() => expect(plain.outputTail()).toBe('plain child speaking\n'))
  })

  test('exchanges whatever can be cloned', async () => {
    const plain = await start('plain')
    const received: unknown[] = []
    const stopListening = plain.onMessage(message => received.push(message))
    plain.send({ at: new Map([[1, new Date(0)]]) })
    await eventually(() => expect(received).toEqual([{ at: new Map([[1, new Date(0)]]) }]))
    stopListening()
  })

  test('that dies before it is ready is an error with its last lines', async () => {
    await expect(start('failing')).rejects.toThrow(
      'the failing child did not start: it ended with code 3 before it was ready; it said: the disk is on fire',
    )
  })

  test('that is not ready in time is an error, and is not left running', async () => {
    await expect(start('silent', { readyWithinMs: 300 })).rejects.toThrow(
      'the silent child did not start: not ready within 300 ms; it said: nothing',
    )
  })

  test('whose file is not there is an error that says so', async () => {
    await expect(start('absent')).rejects.toThrow(/the absent child did not start: .*Cannot find module/s)
  })

  test('is paused and resumed, and the system shows it', async () => {
    const plain = await start('plain')
    await plain.pause()
    expect(processState(plain.pid)?.isPaused).toBe(true)
    await plain.resume()
    expect(processState(plain.pid)?.isPaused).toBe(false)
  })

  test('stops when asked, even while it is paused', async () => {
    const plain = await start('plain')
    await plain.pause()
    expect(await plain.stop()).toEqual({ code: 0, signal: null })
    expect(processState(plain.pid)).toBeNull()
  })

  test('that does not stop when asked is ended', async () => {
    const stubborn = await start('stubborn')
    expect(await stubborn.stop({ withinMs: 100 })).toEqual({ code: null, signal: 'SIGKILL' })
    expect(await stubborn.exited).toEqual({ code: null, signal: 'SIGKILL' })
  })

  test('that has gone takes messages and signals without a word, but cannot be paused', async () => {
    const plain = await start('plain')
    await plain.stop()
    plain.send('hello')
    await plain.resume()
    await expect(plain.pause()).rejects.toThrow('the plain child cannot be paused: it has ended')
    expect(await plain.stop()).toEqual({ code: 0, signal: null })
  })

  test('has the environment it is given and no other', async () => {
    const plain = await start('plain', { env: { LEEWARD_TEST: 'yes' } })
    const received: unknown[] = []
    plain.onMessage(message => received.push(message))
    plain.send('environment')
    await eventually(() => expect(received).toEqual([{ LEEWARD_TEST: 'yes' }]))
  })
})
