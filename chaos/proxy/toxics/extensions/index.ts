// The kinds of toxic that the real server does not have, by their names in the API: there are none without -extensions.
import type { ToxicKind } from '../../pipe.ts'
import { bandwidthShared } from './bandwidth-shared.ts'
import { closeAfter } from './close-after.ts'
import { latencyLogNormal } from './latency-log-normal.ts'
import { latencyNormal } from './latency-normal.ts'
import { latencyPareto } from './latency-pareto.ts'
import { latencyRecorded } from './latency-recorded.ts'
import { slowAccept } from './slow-accept.ts'

export const EXTENSION_KINDS: ReadonlyMap<string, ToxicKind> = new Map([
  ['latency_normal', latencyNormal],
  ['latency_log_normal', latencyLogNormal],
  ['latency_pareto', latencyPareto],
  ['latency_recorded', latencyRecorded],
  ['bandwidth_shared', bandwidthShared],
  ['slow_accept', slowAccept],
  ['close_after', closeAfter],
])
