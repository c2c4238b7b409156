// Where the embedded proxy differs from the real server on purpose. The suite reads this table, and nothing else excuses it.

export interface Deviation {
  name: string
  reason: string
  /** Rows of the recording which show it: what the real server says there, and what ours says instead. */
  rows: Record<number, { real: string; ours: string }>
}

export const DEVIATIONS = [
  {
    name: 'partial updates are atomic',
    reason:
      'An update that is refused has changed nothing; the real server keeps what it read before the mistake.',
    rows: {
      110: {
        real: '"attributes":{"latency":33,"jitter":7},"name":"n4"',
        ours: '"attributes":{"latency":9,"jitter":7},"name":"n4"',
      },
      111: {
        real: '"attributes":{"latency":33,"jitter":7},"name":"n4"',
        ours: '"attributes":{"latency":9,"jitter":7},"name":"n4"',
      },
    },
  },
  {
    name: 'no value ends the process',
    reason:
      'A slicer without a size and a negative rate kill the real server; here they pass data and stall.',
    rows: {},
  },
  {
    name: 'no control call waits for a connection',
    reason:
      'A client that stops reading, a dial that hangs or a reset under way wedge the real server for good or for long.',
    rows: {},
  },
  {
    name: 'an RST is sent only when reset_peer fires',
    reason:
      'The real server turns every close into one on connections that start under the toxic, whatever its toxicity.',
    rows: {},
  },
  {
    name: 'there are leases',
    reason:
      'The real server answers /leases with 404 and knows no X-Lease-Id; here they undo faults whose owner has died, for those who ask.',
    rows: {},
  },
  {
    name: 'there are no go_* metrics',
    reason:
      'Under -runtime-metrics the real server also tells of its Go runtime, and of the Go module it was built from; here is neither.',
    rows: {},
  },
  {
    name: 'HTTP is framed by Node',
    reason:
      'Answers say HTTP/1.1 to everyone and name their keep-alive, fields have small letters; methods that nobody registered, folded fields and bare line feeds are refused with 400.',
    rows: {},
  },
  {
    name: 'a command line that cannot be meant ends the process',
    reason:
      'The real server lives on without an API when its port is taken or is none, and leaves out whatever follows the first word that is no flag.',
    rows: {},
  },
  {
    name: 'a body is at most 256 KiB long',
    reason:
      'The real server reads any; here nobody else is answered while a body is taken apart, so a longer one gets 413.',
    rows: {},
  },
  {
    name: 'a connection to the API carries at most 100 calls',
    reason:
      'The last of them says Connection: close. Whoever pipelines more without waiting is cut off, since working them off would keep everybody else waiting.',
    rows: {},
  },
] as const satisfies Deviation[]

export type DeviationName = (typeof DEVIATIONS)[number]['name']
