import { describe, expect, test } from 'vitest'
import { formatAddress, parseAddress, resolveAddress } from '../../../chaos/proxy/address.ts'

describe('an address', () => {
  test.each([
    ['', '', 0],
    [':80', '', 80],
    ['localhost:0', 'localhost', 0],
    ['[::1]:80', '::1', 80],
    ['127.0.0.1:', '127.0.0.1', 0],
  ])('%j is host %j, port %i', (text, host, port) => {
    expect(parseAddress(text)).toEqual({ host, port })
  })

  test.each([
    ['foo', 'address foo: missing port in address'],
    ['[::1]', 'address [::1]: missing port in address'],
    ['a:b:1', 'address a:b:1: too many colons in address'],
    ['::1', 'address ::1: too many colons in address'],
    ['127.0.0.1:99999', 'address 99999: invalid port'],
    ['127.0.0.1:-1', 'address -1: invalid port'],
    ['127.0.0.1:http', 'lookup tcp/http: unknown port'],
  ])('%j is none: %s', (text, problem) => {
    expect(() => parseAddress(text)).toThrow(problem)
  })

  test('a name becomes its IPv4 address', async () => {
    expect(formatAddress(await resolveAddress('localhost:80'))).toBe('127.0.0.1:80')
    expect(formatAddress(await resolveAddress('[::1]:80'))).toBe('[::1]:80')
  })
})
