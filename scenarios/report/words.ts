// How every rendering says a number: one spelling for milliseconds, shares and counts, and one for "not measured".
import type { Finding, Proportion, Report } from './report.ts'

/** What stands where nothing was measured; never a 0. */
export const NOT_MEASURED = 'not measured'

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const oneDigit = new Intl.NumberFormat('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 })

const twoDigits = new Intl.NumberFormat('en-US', { maximumFractionDigits: 2 })

/** "9,012". */
export function count(value: number | null): string {
  return value === null ? NOT_MEASURED : whole.format(value)
}

/** Milliseconds without their unit, to a precision that means something: "3.8", "212", "2,004". */
export function bareMs(value: number): string {
  return Math.abs(value) < 9.95 ? oneDigit.format(value) : whole.format(value)
}

/** "3.8 ms", "212 ms", "2,004 ms". */
export function ms(value: number | null): string {
  return value === null ? NOT_MEASURED : `${bareMs(value)} ms`
}

/** A stretch of time for people: "420 ms", "2.25 s", "45 s", "10 min", "10 min 5 s". */
export function duration(valueMs: number | null): string {
  if (valueMs === null) return NOT_MEASURED
  if (valueMs === 0) return '0 s'
  if (valueMs < 1_000) return ms(valueMs)
  const seconds = valueMs / 1_000
  if (seconds < 10) return `${twoDigits.format(seconds)} s`
  if (seconds < 119.5) return `${whole.format(seconds)} s`
  const rounded = Math.round(seconds)
  const rest = rounded % 60
  return `${whole.format((rounded - rest) / 60)} min${rest === 0 ? '' : ` ${rest} s`}`
}

/** "97.9 %". What is not all never reads as 100 %, and what is not nothing never as 0 %. */
export function percent(share: number | null): string {
  if (share === null) return NOT_MEASURED
  if (share === 0) return '0 %'
  if (share === 1) return '100 %'
  const text = oneDigit.format(share * 100)
  if (text === '100.0') return '> 99.9 %'
  if (text === '0.0') return '< 0.1 %'
  return `${text} %`
}

/** "1.02×". */
export function times(value: number | null): string {
  if (value === null) return NOT_MEASURED
  if (value > 0 && value < 0.005) return '< 0.01×'
  return `${value < 99.5 ? value.toFixed(2) : whole.format(value)}×`
}

/** "97.9 % of 2,703". */
export function proportion({ value, of }: Proportion): string {
  return value === null ? NOT_MEASURED : `${percent(value)} of ${count(of)}`
}

/** "97.3 – 98.4 %", or nothing where there is no interval. */
export function interval(range: [number, number] | null): string {
  if (range === null) return ''
  return `${oneDigit.format(range[0] * 100)} – ${oneDigit.format(range[1] * 100)} %`
}

/** "23 Nov 2026, 12:31 UTC"; a text that is no date is given back as it came. */
export function moment(iso: string): string {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return iso
  const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: 'UTC' }).format(date)
  return `${day}, ${iso.slice(11, 16)} UTC`
}

/** Two metrics are plain ratios; every other ratio is a share. */
export function isFactor(metric: string): boolean {
  return metric === 'amplification' || metric === 'cache.gain.p95'
}

// Latencies compare best in one unit; stretches of a run read best in seconds.
function isStretch(metric: string): boolean {
  return metric === 'detect' || metric === 'recover' || metric === 'stale.age.max'
}

/** A metric's value in its own unit: "97.9 %", "1.02×", "212 ms", "1.25 s", "3". */
export function measure(value: number | null, unit: Finding['unit'], metric: string): string {
  if (unit === 'ms') return isStretch(metric) ? duration(value) : ms(value)
  if (unit === 'count') return count(value)
  return isFactor(metric) ? times(value) : percent(value)
}

/** Text whose numbers stay on one line with their units. */
export function unbroken(text: string): string {
  return text.replaceAll(/(?<=\d) (?=(?:%|ms|s|min|MB)(?!\w))|(?<=[<>≤≥]) (?=\d)/g, '\u00a0')
}

/** "1 request", "2 requests". */
export function plural(number: number, one: string, many = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : many}`
}

export const VERDICT_MARKS = {
  pass: '✓',
  fail: '✗',
  inconclusive: '?',
  aborted: '■',
  interrupted: '■',
  error: '!',
} as const satisfies Record<Report['verdict']['word'], string>

/** What a process's exit code says to whoever reads only that. */
export function exitCodeMeaning(code: number): string {
  const meanings: Record<number, string> = {
    0: 'every hypothesis held',
    1: 'at least one hypothesis did not hold',
    2: 'inconclusive, neither pass nor fail: the measurement or its data was not good enough',
    3: 'a stop condition ended the run',
    4: 'the run could not be made',
    5: 'it is not proven that every fault was undone',
    130: 'interrupted before its end',
  }
  return meanings[code] ?? 'a code this version does not know'
}
