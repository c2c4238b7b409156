// Where the first JSON value of a text ends, or what is wrong with it in the real server's words.
import { badBody } from './api-error.ts'

/** No body needs it; the real server takes ten times that. */
const MOST_NESTING = 1_000
const KEY = 'looking for beginning of object key string'

/**
 * The first value, as text that is JSON; what follows it is ignored.
 * @throws ApiError 400
 */
export function firstValue(text: string): string {
  const start = skipSpace(text, 0)
  if (start === text.length) throw badBody('EOF')
  const closers: string[] = []
  let at = start
  let expected: 'value' | 'element or end' | 'key' | 'key or end' | 'colon' | 'more' = 'value'
  do {
    at = skipSpace(text, at)
    const char = text[at]
    const closer = closers.at(-1)
    const mayClose = expected === 'more' || expected.endsWith('or end')
    if (char !== undefined && mayClose && char === closer) {
      closers.pop()
      expected = 'more'
      at++
    } else if (expected === 'more') {
      if (char !== ',') fail(text, at, closer === '}' ? 'after object key:value pair' : 'after array element')
      expected = closer === '}' ? 'key' : 'value'
      at++
    } else if (expected === 'colon') {
      if (char !== ':') fail(text, at, 'after object key')
      expected = 'value'
      at++
    } else if (expected.startsWith('key')) {
      if (char !== '"') fail(text, at, KEY)
      expected = 'colon'
      at = endOfString(text, at)
    } else if (char === '{' || char === '[') {
      if (closers.push(char === '{' ? '}' : ']') > MOST_NESTING) fail(text, at, 'exceeded max depth')
      expected = char === '{' ? 'key or end' : 'element or end'
      at++
    } else {
      expected = 'more'
      at = endOfScalar(text, at)
    }
  } while (closers.length > 0)
  return text.slice(start, at)
}

function skipSpace(text: string, at: number): number {
  while (text[at] !== undefined && ' \t\r\n'.includes(text[at]!)) at++
  return at
}

function endOfScalar(text: string, start: number): number {
  const char = text[start] ?? ''
  if (char === '"') return endOfString(text, start)
  if (/[-\d]/.test(char)) return endOfNumber(text, start)
  const word = ['true', 'false', 'null'].find(literal => literal[0] === char)
  if (word === undefined) return fail(text, start, 'looking for beginning of value')
  for (let index = 1; index < word.length; index++) {
    if (text[start + index] === word[index]) continue
    fail(text, start + index, `in literal ${word} (expecting '${word[index]}')`)
  }
  return start + word.length
}

function endOfString(text: string, start: number): number {
  let at = start + 1
  while (text[at] !== '"') {
    if ((text[at] ?? '') < ' ') fail(text, at, 'in string literal')
    at = text[at] === '\\' ? endOfEscape(text, at + 1) : at + 1
  }
  return at + 1
}

function endOfEscape(text: string, at: number): number {
  if (text[at] !== 'u')
    return /["\\/bfnrt]/.test(text[at] ?? '') ? at + 1 : fail(text, at, 'in string escape code')
  for (let digit = 1; digit <= 4; digit++) {
    if (!/[\da-f]/i.test(text[at + digit] ?? ''))
      fail(text, at + digit, 'in \\u hexadecimal character escape')
  }
  return at + 5
}

function endOfNumber(text: string, start: number): number {
  const first = text[start] === '-' ? start + 1 : start
  let at = text[first] === '0' ? first + 1 : endOfDigits(text, first, 'in numeric literal')
  if (text[at] === '.') at = endOfDigits(text, at + 1, 'after decimal point in numeric literal')
  if (!/e/i.test(text[at] ?? '')) return at
  const hasSign = /[+-]/.test(text[at + 1] ?? '')
  return endOfDigits(text, at + (hasSign ? 2 : 1), 'in exponent of numeric literal')
}

function endOfDigits(text: string, start: number, where: string): number {
  let at = start
  while (/\d/.test(text[at] ?? '')) at++
  return at === start ? fail(text, at, where) : at
}

function fail(text: string, at: number, where: string): never {
  const char = text.codePointAt(at)
  if (char === undefined) throw badBody('unexpected EOF')
  throw badBody(`invalid character ${quote(String.fromCodePoint(char))} ${where}`)
}

/** Of what is no ASCII, Go tells the first byte. */
function quote(char: string): string {
  if (char === '"') return `'"'`
  if (char === "'") return `'\\''`
  const escaped = JSON.stringify(String.fromCharCode(Buffer.from(char)[0]!)).slice(1, -1)
  return `'${escaped.replace('\\u00', '\\x').replace('\x7f', '\\x7f')}'`
}
