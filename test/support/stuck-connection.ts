// A connection that is back-pressured: its reader does not read, and its writer has written all that will go.
import type { Stream } from '../../chaos/toxic.ts'
import type { End } from './tcp.ts'
import { quiet } from './toxic-lab.ts'

const FLOOD = Buffer.alloc(1024 * 1024)
const FULL_AFTER_QUIET_MS = 150
const MOST_FLOODS = 200

export interface StuckConnection {
  /** Does not read. */
  reader: End
  /** Has filled everything up to the reader. */
  writer: End
}

/** Fills the stream of the connection. @throws when it swallows 200 MiB */
export async function fill(stream: Stream, ends: { client: End; upstream: End }): Promise<StuckConnection> {
  const [writer, reader] = stream === 'upstream' ? [ends.client, ends.upstream] : [ends.upstream, ends.client]
  reader.socket.pause()
  for (let sent = 0; sent < MOST_FLOODS; sent++) {
    if (writer.socket.write(FLOOD)) continue
    const drained = new Promise<boolean>(resolve => writer.socket.once('drain', () => resolve(true)))
    if (!(await Promise.race([drained, quiet(FULL_AFTER_QUIET_MS).then(() => false)])))
      return { reader, writer }
  }
  throw new Error(`${MOST_FLOODS} MiB were swallowed`)
}
