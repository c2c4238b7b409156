// The last link: the upstream, through undici.
import type { GatewayResponse, Tell } from './guards/guard.ts'
import type { GatewayRequest } from './guards/request.ts'
import type { Durations } from './telemetry/durations.ts'
import { createMaxTracker, type MaxReader } from './telemetry/max-tracker.ts'
import type { Outcome } from './telemetry/outcome.ts'
import { type CallOptions, UpstreamCall } from './upstream/call.ts'
import { type ConnectionOptions, createConnections } from './upstream/connections.ts'
import type { SocketTunnel } from './upstream/socket-tunnel.ts'

export interface UpstreamOptions extends ConnectionOptions, CallOptions {}

/** The upstream, and what is going on with it right now. */
export interface Upstream {
  call(request: GatewayRequest): Promise<GatewayResponse>
  /** Goes by these options from the next call on, but for those of the connections. */
  adopt(options: UpstreamOptions): void
  /** Calls begun since the start. */
  readonly calls: number
  /** Calls under way; a tunnel is one until it ends. */
  readonly inFlight: number
  /** A reader of its own: each reads the most calls in flight since it last asked. */
  inFlightReader(): MaxReader
  /** Ends the tunnels that are open, in good order. */
  endTunnels(): void
  close(): Promise<void>
}

export function createUpstream(
  options: UpstreamOptions,
  tell: Tell,
  durations: Durations['upstreamCall'],
): Upstream {
  const connections = createConnections(options)
  const tunnels = new Set<SocketTunnel>()
  let current = options
  let calls = 0
  let inFlight = 0
  const most = createMaxTracker(() => inFlight)
  const ended = (outcome: Outcome, tookMs: number) => {
    inFlight -= 1
    tell(outcome.what)
    durations[outcome.class].observe(tookMs)
  }
  const endTunnels = () => {
    for (const tunnel of tunnels) tunnel.close()
  }
  return {
    call: request =>
      new Promise((answered, refused) => {
        calls += 1
        inFlight += 1
        most.note(inFlight)
        const listener = { answered, refused, ended, isFree: connections.giveBack, tunnels }
        new UpstreamCall(request, current, connections.take(), listener).start()
      }),
    adopt(next) {
      current = next
    },
    get calls() {
      return calls
    },
    get inFlight() {
      return inFlight
    },
    inFlightReader: most.reader,
    endTunnels,
    async close() {
      endTunnels()
      await connections.close()
    },
  }
}
