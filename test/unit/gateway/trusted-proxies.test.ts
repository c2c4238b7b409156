import { describe, expect, test } from 'vitest'
import { ConfigError, loadConfig } from '../../../src/config.ts'
import { plainAddress, trustIn } from '../../../src/trusted-proxies.ts'

describe('trusted proxies', () => {
  const trusts = trustIn(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '::1'])

  test.each(['10.0.0.0', '10.255.255.255', '192.0.2.7', '2001:db8:ffff::1', '::1', '::ffff:10.1.2.3'])(
    '%s is one',
    address => {
      expect(trusts(address)).toBe(true)
    },
  )

  test.each(['11.0.0.0', '9.255.255.255', '192.0.2.8', '2001:db9::1', '::2', '::ffff:11.1.2.3', '127.0.0.1'])(
    '%s is none',
    address => {
      expect(trusts(address)).toBe(false)
    },
  )

  test.each(['', 'unknown', '10.0.0.1:80', '10.0.0', '_hidden', '[::1]', undefined])(
    'neither is %j',
    address => {
      expect(trusts(address)).toBe(false)
    },
  )

  test('without a list nobody is', () => {
    expect(trustIn([])('127.0.0.1')).toBe(false)
  })
})

test('an address is told as others write it', () => {
  expect(['::ffff:10.0.0.1', '::FFFF:10.0.0.1', 'fe80::1%eth0', '::1', undefined].map(plainAddress)).toEqual([
    ...['10.0.0.1', '10.0.0.1', 'fe80::1', '::1', ''],
  ])
})

describe('TRUSTED_PROXIES', () => {
  test('is a list of addresses and CIDRs', () => {
    const { trustedProxies } = loadConfig({ TRUSTED_PROXIES: '10.0.0.0/8, ::1 ,fd00::/8,192.0.2.1' })
    expect(trustedProxies).toEqual(['10.0.0.0/8', '::1', 'fd00::/8', '192.0.2.1'])
  })

  test.each([
    '1',
    'true',
    '10.0.0.0/33',
    '::/129',
    '10.0.0/8',
    'localhost',
    '10.0.0.0/',
    '*',
    '10.0.0.1-10.0.0.9',
  ])('%s is refused: a count of hops (numeric trustProxy) least of all', value => {
    expect(() => loadConfig({ TRUSTED_PROXIES: value })).toThrow(ConfigError)
  })
})
