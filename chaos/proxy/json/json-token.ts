// JSON's strings, numbers and words: where each ends, or what is wrong with it in the real server's words.
import { badBody } from '../api/api-error.ts'

/** Where the string, number or word ends that begins there. */
export function endOfScalar(text: string, start: number): number {
  const char = text[start] ?? ''
  if (char === '"') return endOfString(text, start)
  if (/[-\d]/.test(char)) return endOfNumber(text, start)
  const word = ['true', 'false', 'null'].find(literal => literal[0] === char)
  if (word === undefined) return refuse(text, start, 'looking for beginning of value')
  for (let index = 1; index < word.length; index++) {
    if (text[start + index] === word[index]) continue
    refuse(text, start + index, `in literal ${word} (expecting '${word[index]}')`)
  }
  return start + word.length
}

/** Likewise for what is known to be a string. */
export function endOfString(text: string, start: number): number {
  let at = start + 1
  while (text[at] !== '"') {
    if ((text[at] ?? '') < ' ') refuse(text, at, 'in string literal')
    at = text[at] === '\\' ? endOfEscape(text, at + 1) : at + 1
  }
  return at + 1
}

function endOfEscape(text: string, at: number): number {
  if (text[at] !== 'u')
    return /["\\/bfnrt]/.test(text[at] ?? '') ? at + 1 : refuse(text, at, 'in string escape code')
  for (let digit = 1; digit <= 4; digit++) {
    if (!/[\da-f]/i.test(text[at + digit] ?? ''))
      refuse(text, at + digit, 'in \\u hexadecimal character escape')
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
  return at === start ? refuse(text, at, where) : at
}

/** @throws ApiError 400 that names the character there, or says that there is none */
export function refuse(text: string, at: number, where: string): never {
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
