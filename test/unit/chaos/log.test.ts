import { afterEach, expect, test, vi } from 'vitest'
import { createLog } from '../../../chaos/proxy/log.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

test('the log leaves out what is under its level', () => {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  const log = createLog('warn')
  log('info', 'small talk')
  log('error', 'trouble')
  expect(write.mock.calls.map(([line]) => JSON.parse(String(line)).message)).toEqual(['trouble'])
})

test('the log keeps no more than a mebibyte for a reader that has stopped reading', () => {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
  const backlog = vi.spyOn(process.stdout, 'writableLength', 'get')
  const log = createLog()
  backlog.mockReturnValue(1024 * 1024)
  log('info', 'kept')
  backlog.mockReturnValue(1024 * 1024 + 1)
  log('info', 'lost')
  expect(write).toHaveBeenCalledTimes(1)
})
