// How long requests and calls took, by what became of them. Every histogram is made once, none per request.
import { ROUTES, type Route } from '../guards/request.ts'
import { createDurationHistogram, type DurationHistogram } from './duration-histogram.ts'
import { OUTCOME_CLASSES, type OutcomeClass } from './outcome.ts'

export interface Durations {
  /** From arrival to the last byte sent. */
  readonly request: Readonly<Record<Route, Readonly<Record<OutcomeClass, DurationHistogram>>>>
  /** From the start of a call to the upstream to the last byte of its answer. */
  readonly upstreamCall: Readonly<Record<OutcomeClass, DurationHistogram>>
}

export function createDurations(): Durations {
  return {
    request: recordOf(ROUTES, () => recordOf(OUTCOME_CLASSES, createDurationHistogram)),
    upstreamCall: recordOf(OUTCOME_CLASSES, createDurationHistogram),
  }
}

function recordOf<Name extends string, Value>(
  names: readonly Name[],
  make: () => Value,
): Record<Name, Value> {
  return Object.fromEntries(names.map(name => [name, make()])) as Record<Name, Value>
}
