import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { traceContextOf, traceIdOf, withoutInvalidTrace } from '../../../src/trace-context.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'
const VALID = `00-${TRACE}-${PARENT}-01`
const MEMBERS = (count: number) => Array.from({ length: count }, (_, index) => `k${index}=v`).join(',')

describe('a traceparent', () => {
  test.each([VALID, `00-${TRACE}-${PARENT}-00`, `00-${TRACE}-${PARENT}-ff`, `cc-${TRACE}-${PARENT}-01`])(
    'is passed on as it came: %s',
    value => {
      expect(traceContextOf(['traceparent', value])).toEqual(['traceparent', value])
      expect(traceIdOf(value)).toBe(TRACE)
    },
  )

  test('of a later version keeps what that version added', () => {
    const value = `cc-${TRACE}-${PARENT}-01-what-the-future-adds`
    expect(traceContextOf(['traceparent', value])).toEqual(['traceparent', value])
  })

  test.each([
    ['', 'is empty'],
    [VALID.toUpperCase(), 'is in upper case'],
    [`ff-${TRACE}-${PARENT}-01`, 'is of the version that cannot be'],
    [`00-${'0'.repeat(32)}-${PARENT}-01`, 'names no trace'],
    [`00-${TRACE}-${'0'.repeat(16)}-01`, 'names no parent'],
    [`${VALID}-more`, 'has more than its version knows'],
    [`cc-${TRACE}-${PARENT}-01.more`, 'goes on without a dash'],
    [VALID.slice(0, -1), 'is too short'],
    [`${VALID}, ${VALID}`, 'came twice'],
    [`00-${TRACE.replace('a', 'g')}-${PARENT}-01`, 'is not hexadecimal'],
  ])('%s is dropped, for it %s, and its tracestate with it', value => {
    expect(traceContextOf(['traceparent', value, 'tracestate', 'a=1'])).toEqual([])
  })

  test('sent in two fields is dropped', () => {
    expect(traceContextOf(['traceparent', VALID, 'traceparent', VALID])).toEqual([])
  })
})

describe('a tracestate', () => {
  test.each([
    'a=1',
    'a=1,b=2',
    'a=1, b=2',
    'tenant@system=x',
    'a=with space',
    '1a/b*c_d-e=~!',
    MEMBERS(32),
    ', a=1',
  ])('is passed on as it came: %s', value => {
    expect(traceContextOf(['traceparent', VALID, 'tracestate', value]).slice(2)).toEqual([
      'tracestate',
      value,
    ])
  })

  test('in several fields becomes one', () => {
    const headers = ['tracestate', 'a=1', 'traceparent', VALID, 'tracestate', 'b=2']
    expect(traceContextOf(headers)).toEqual(['traceparent', VALID, 'tracestate', 'a=1, b=2'])
  })

  test.each([
    '',
    'a',
    '=1',
    'a=',
    'A=1',
    'a=1=2',
    'a=1,a=2',
    MEMBERS(33),
    `${'k'.repeat(257)}=v`,
    `a=${'v'.repeat(257)}`,
  ])('that is not one is dropped alone: %s', value => {
    expect(traceContextOf(['traceparent', VALID, 'tracestate', value])).toEqual(['traceparent', VALID])
  })
})

describe('the fields of a request', () => {
  test('are left as they are where there is no trace context', () => {
    const headers = ['accept', '*/*', 'x-note', 'traceparent']
    expect(withoutInvalidTrace(headers)).toBe(headers)
  })

  test('keep everything but what is invalid', () => {
    const headers = ['a', '1', 'traceparent', 'nonsense', 'b', '2', 'tracestate', 'x=1']
    expect(withoutInvalidTrace(headers)).toEqual(['a', '1', 'b', '2'])
  })

  test('never let through what the pattern of the standard does not take, whatever is sent', () => {
    const pieces = fc.constantFrom('00', 'ff', 'cc', TRACE, PARENT, '01', '-', '--', 'x', ' ', '0'.repeat(32))
    const values = fc.array(pieces, { maxLength: 8 }).map(parts => parts.join(''))
    const STANDARD = /^(?!ff)[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}/
    fc.assert(
      fc.property(values, value => {
        const [, kept] = withoutInvalidTrace(['traceparent', value])
        expect(kept === undefined || (kept === value && STANDARD.test(kept))).toBe(true)
      }),
      { seed: 42, numRuns: 500 },
    )
  })
})
