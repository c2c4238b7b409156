// W3C Trace Context: the two fields by which a request is followed from service to service.
import { headerListOf, without } from './headers.ts'

const TRACE_FIELDS = new Set(['traceparent', 'tracestate'])

/** Version, trace, parent and flags; what a later version adds behind them is kept. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/
const FIRST_VERSION = '00-'
const FIRST_VERSION_LENGTH = 55

const MEMBER =
  /^[a-z0-9][a-z0-9_\-*/@]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/
const MOST_MEMBERS = 32

/** A request's fields, names in lower case, without a trace context that is not valid. */
export function withoutInvalidTrace(headers: string[]): string[] {
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]
    if (name === 'traceparent' || name === 'tracestate')
      return without(headers, TRACE_FIELDS).concat(traceContextOf(headers))
  }
  return headers
}

/**
 * The trace context among a request's fields, as a flat array, its values as they came.
 * What is not valid is left out, and a tracestate never goes without its traceparent.
 */
export function traceContextOf(headers: readonly string[]): string[] {
  const parent = headerListOf(headers, 'traceparent')
  if (parent === undefined || !isTraceparent(parent)) return []
  const state = headerListOf(headers, 'tracestate')
  if (state === undefined || !isTracestate(state)) return ['traceparent', parent]
  return ['traceparent', parent, 'tracestate', state]
}

/** The trace that a valid traceparent belongs to. */
export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35)
}

function isTraceparent(value: string): boolean {
  if (!TRACEPARENT.test(value)) return false
  return !value.startsWith(FIRST_VERSION) || value.length === FIRST_VERSION_LENGTH
}

function isTracestate(value: string): boolean {
  const members = value
    .split(',')
    .map(member => member.trim())
    .filter(member => member !== '')
  const names = new Set(members.map(member => member.slice(0, member.indexOf('='))))
  return (
    members.length > 0 &&
    members.length <= MOST_MEMBERS &&
    names.size === members.length &&
    members.every(member => MEMBER.test(member))
  )
}
