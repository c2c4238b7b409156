import { describe, expect, test } from 'vitest'
import { fieldsOf, parseJson, writeJson } from '../../../chaos/proxy/json/json.ts'

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
    ['-', 'unexpected EOF'],
    ['nul', 'unexpected EOF'],
    ['nope', "invalid character 'o' in literal null (expecting 'u')"],
    ['}', "invalid character '}' looking for beginning of value"],
    ['[1,,2]', "invalid character ',' looking for beginning of value"],
    ['[1 2]', "invalid character '2' after array element"],
    ["{'a':1}", "invalid character '\\'' looking for beginning of object key string"],
    ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
    ['{"a"}', "invalid character '}' after object key"],
    ['{"a":"b" "c"}', "invalid character '\"' after object key:value pair"],
    ['{"a":01}', "invalid character '1' after object key:value pair"],
    ['"\n"', "invalid character '\\n' in string literal"],
    ['"\u0001"', "invalid character '\\x01' in string literal"],
    ['"\\x"', "invalid character 'x' in string escape code"],
    ['"\\u00g0"', "invalid character 'g' in \\u hexadecimal character escape"],
    ['-a', "invalid character 'a' in numeric literal"],
    ['1.a', "invalid character 'a' after decimal point in numeric literal"],
    ['1e+a', "invalid character 'a' in exponent of numeric literal"],
    ['\u2603', "invalid character 'â' looking for beginning of value"],
    ['['.repeat(100_000), "invalid character '[' exceeded max depth"],
  ])('refuses %j: %s', (text, problem) => {
    expect(() => parseJson(text)).toThrow(problem)
  })

  test('takes a number or a word for a value that ends where it ends', () => {
    expect(fields('nullx').any('a')).toBeUndefined()
    expect(() => fields('1x')).toThrow('cannot unmarshal number into Go value of type Test')
  })

  test('takes half a surrogate pair for no character', () => {
    expect(fields('{"a":"\\ud800"}').string('a', 'Test.a')).toBe('\ufffd')
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
    expect(() => fields('{"t":1e40}').float32('t', 'Test.t')).toThrow(
      'cannot unmarshal number 1e40 into Go struct field Test.t of type float32',
    )
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
