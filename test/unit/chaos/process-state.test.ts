import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { processState } from '../../../chaos/process-state.ts'

test('a live process has a state, and the same start time each time it is asked', () => {
  const state = processState(process.pid)
  expect(state?.isPaused).toBe(false)
  expect(processState(process.pid)).toEqual(state)
})

test('two processes are told apart by their start time, on a system that has /proc', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  await once(child, 'spawn')
  const [ours, theirs] = [processState(process.pid), processState(child.pid!)]
  if (process.platform === 'linux') expect(theirs?.startedAt).not.toBe(ours?.startedAt)
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(processState(child.pid!)).toBeNull()
})
