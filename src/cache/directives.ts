import { joinedOf } from '../headers.ts'
import { recalling } from './recall.ts'

/** The directives of a Cache-Control field by lower-case name; '' where one has no argument. */
export type Directives = ReadonlyMap<string, string>

/** Longest time that a directive can name, in seconds; more means the same (RFC 9111, 1.2.2). */
export const MOST_SECONDS = 2 ** 31

const NONE: Directives = new Map()
/** Members of a list; a comma inside quotes is none that parts them, and a quote never closed is a plain letter. */
const MEMBERS = /(?:"(?:[^"\\]|\\.)*"|[^,"]|"(?=[^"]*$))+/g
const DIGITS = /^\d+$/
const QUOTED = /="(?:[^"\\]|\\.)*"\s*$/
/** What must be read however it is mangled: parted by semicolons, behind a quote that is closed nowhere or elsewhere. */
const STRICTEST = /(?<![\w-])(?:no-store|private)(?![\w-])/gi
const BETWEEN_LINES = '\n'

/** The Cache-Control of an answer, each line for itself: what is quoted in one does not end in another. */
export function cacheControlOf(headers: readonly string[]): string | undefined {
  return joinedOf(headers, 'cache-control', BETWEEN_LINES)
}

/** Reads a Cache-Control field, as `cacheControlOf` gives it. A directive given twice counts with its smaller number. */
export function directivesOf(value: string | undefined): Directives {
  return value === undefined ? NONE : recent(value)
}

const recent = recalling(read)

function read(value: string): Directives {
  const directives = new Map<string, string>()
  for (const line of value.split(BETWEEN_LINES))
    for (const [member] of line.matchAll(MEMBERS)) readMember(directives, member)
  return directives
}

function readMember(directives: Map<string, string>, member: string): void {
  const equals = member.indexOf('=')
  const name = (equals === -1 ? member : member.slice(0, equals)).trim().toLowerCase()
  const argument = equals === -1 ? '' : unquoted(member.slice(equals + 1).trim())
  const before = directives.get(name)
  if (name !== '') directives.set(name, before === undefined ? argument : least(before, argument))
  for (const [strictest] of member.replace(QUOTED, '').matchAll(STRICTEST)) {
    const hidden = strictest.toLowerCase()
    if (!directives.has(hidden)) directives.set(hidden, '')
  }
}

/** A directive's time in ms, or undefined where it is not given; what is not a whole number of seconds is 0. */
export function directiveMs(directives: Directives, name: string): number | undefined {
  const argument = directives.get(name)
  if (argument === undefined) return undefined
  return DIGITS.test(argument) ? Math.min(Number(argument), MOST_SECONDS) * 1000 : 0
}

function unquoted(argument: string): string {
  return /^".*"$/.test(argument) ? argument.slice(1, -1) : argument
}

function least(one: string, other: string): string {
  if (!DIGITS.test(one) || !DIGITS.test(other)) return ''
  return Number(one) <= Number(other) ? one : other
}
