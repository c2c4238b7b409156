import { describe, expect, test } from 'vitest'
import { formatAddress, parseAddress, resolveAddress } from '../../../chaos/proxy/address.ts'

describe('an address', () => {
  test.each([
    ['', '', 0],
    [':80', '', 80],
    ['localhost:0', 'localhost', 0],
    ['[::1]:80', '::1', 80],
    ['127.0.0.1:', '127.0.0.1', 0],
    ['127.0.0.1:http', '127.0.0.1', 80],
    ['127.0.0.1:HTTPS', '127.0.0.1', 443],
    ['127.0.0.1:+80', '127.0.0.1', 80],
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
    ['127.0.0.1:nosuch', 'lookup tcp/nosuch: unknown port'],
    ['[::1', "address [::1: missing ']' in address"],
    ['[::1]x:5', 'address [::1]x:5: missing port in address'],
    ['[::1]:1:2', 'address [::1]:1:2: too many colons in address'],
    ['a[:0', "address a[:0: unexpected '[' in address"],
    [']:0', "address ]:0: unexpected ']' in address"],
  ])('%j is none: %s', (text, problem) => {
    expect(() => parseAddress(text)).toThrow(problem)
  })

  test.each(['127.1:80', '127.000.000.001:80'])('%s is not read as 127.0.0.1', async text => {
    await expect(resolveAddress(text)).rejects.toThrow(`lookup ${text.slice(0, -3)}: no such host`)
  })

  test('a name becomes its IPv4 address', async () => {
    expect(formatAddress(await resolveAddress('localhost:80'))).toBe('127.0.0.1:80')
    expect(formatAddress(await resolveAddress('[::1]:80'))).toBe('[::1]:80')
  })
})
