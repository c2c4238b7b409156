import type { Account } from '../telemetry/account.ts'

/** Counts what a route outside the chain answers, and no more: who asks for it asks often. */
export function countedAs(account: Account, what: string) {
  return {
    onResponse(_request: unknown, reply: { statusCode: number }, done: () => void) {
      account.settled({ what, class: 'fresh', status: reply.statusCode })
      done()
    },
  }
}
