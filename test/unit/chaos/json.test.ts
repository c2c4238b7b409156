import { describe, expect, test } from 'vitest'
import { fieldsOf, parseJson, writeJson } from '../../../chaos/proxy/json.ts'

const fields = (text: string) => fieldsOf(parseJson(text), 'value of type Test')

describe('reading a body', () => {
  test.each(['{"a":"}"} rest', ' {"A":"}"}{', '{"a":"x","a":"}"}'])('takes the first value of %s', text => {
    expect(fields(text).string('a', 'Test.a')).toBe('}')
  })

  test.each([
    ['', 'EOF'],
    ['  \n', 'EOF'],
    ['{"a":', 'unexpected EOF'],
    ['"abc', 'unexpected EOF'],
    ['nope', "invalid character 'n' looking for beginning of value"],
    ['}', "invalid character '}' looking for beginning of value"],
    ['[1,,2]', "invalid character ',' looking for beginning of value"],
    ['[1 2]', "invalid character '2' after array element"],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b"}', "invalid character '\"' after object key:value pair"],
    ['"a\nb"', 'control character'],
    [`${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'exceeded max depth'],
  ])('refuses %j: %s', (text, problem) => {
    expect(() => parseJson(text)).toThrow(problem)
  })

  test('a null is no field, and a null body has none', () => {
    expect(fields('{"a":null}').string('a', 'Test.a')).toBeUndefined()
    expect(fields('null').boolean('a', 'Test.a')).toBeUndefined()
  })

  test('integers are exact to 64 bits, and nothing else is one', () => {
    expect(fields('{"n":9223372036854775807}').int64('n', 'Test.n')).toBe(9223372036854775807n)
    expect(fields('{"n":-3}').int64('n', 'Test.n')).toBe(-3)
    for (const text of ['1.0', '1e3', '9223372036854775808']) {
      expect(() => fields(`{"n":${text}}`).int64('n', 'Test.n')).toThrow(
        `cannot unmarshal number ${text} into Go struct field Test.n of type int64`,
      )
    }
  })

  test('a toxicity is a 32-bit float in its fewest digits', () => {
    expect(fields('{"t":0.3333333333333333}').float32('t', 'Test.t')).toBe(0.33333334)
    expect(fields('{"t":0.1}').float32('t', 'Test.t')).toBe(0.1)
    expect(fields('{"t":-80}').float32('t', 'Test.t')).toBe(-80)
    expect(() => fields('{"t":1e40}').float32('t', 'Test.t')).toThrow('of type float32')
  })

  test('names that every object has are ordinary fields', () => {
    expect(fields('{"__proto__":"x"}').string('__proto__', 'Test')).toBe('x')
    expect(fields('{}').any('constructor')).toBeUndefined()
  })
})

test('writing escapes what the real server escapes, and keeps 64 bits', () => {
  expect(writeJson({ a: '<&>\u2028', n: 2n ** 63n - 1n })).toBe(
    '{"a":"\\u003c\\u0026\\u003e\\u2028","n":9223372036854775807}',
  )
})
