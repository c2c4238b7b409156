import { milliseconds, toxicKind } from '../../pipe.ts'
import { noop } from '../noop.ts'

/**
 * Keeps a new client waiting for `delay` ms before its upstream is dialled, whichever stream it is put on.
 * The client's own connect succeeds at once, for the kernel accepts before the proxy can: what is slow is all that follows.
 */
export const slowAccept = toxicKind({
  attributes: { delay: milliseconds },
  dialDelayMs: ({ delay }) => delay,
  run: pipe => noop.run(pipe, {}),
})
