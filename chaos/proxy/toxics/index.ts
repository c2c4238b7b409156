// Every kind of toxic by the name it has in the API. To add one, add its file and its line here.
import type { ToxicKind } from '../pipe.ts'
import { bandwidth } from './bandwidth.ts'
import { latency } from './latency.ts'
import { limitData } from './limit-data.ts'
import { noop } from './noop.ts'
import { resetPeer } from './reset-peer.ts'
import { slicer } from './slicer.ts'
import { slowClose } from './slow-close.ts'
import { timeout } from './timeout.ts'

export const TOXIC_KINDS: ReadonlyMap<string, ToxicKind> = new Map([
  ['latency', latency],
  ['bandwidth', bandwidth],
  ['slow_close', slowClose],
  ['timeout', timeout],
  ['reset_peer', resetPeer],
  ['slicer', slicer],
  ['limit_data', limitData],
  ['noop', noop],
])
