// The flags of a run, and what they mean to it.
import { describesLab } from '../lab/attached.ts'
import type { RunOptions } from '../plan.ts'
import { RunError } from '../run-error.ts'

/** The flags of a run as the command line gives them. */
export interface RunFlags {
  quick: boolean
  oneArm: boolean
  control: boolean
  seed: number
  rate?: number
  cache?: 'off' | 'memory' | 'redis'
  upstream?: string
  path?: string
  toxiproxy?: string
  out: string
  json: boolean
  plain: boolean
}

/**
 * What a run is told.
 * @throws RunError when a flag wants something that is not there
 */
export function optionsOf(flags: RunFlags, env: Record<string, string | undefined>): RunOptions {
  const toxiproxy = flags.toxiproxy ?? (env.TOXIPROXY_URL || undefined)
  if (flags.cache === 'redis' && !env.REDIS_URL && !describesLab(env)) {
    throw new RunError('--cache redis needs REDIS_URL, such as REDIS_URL=redis://127.0.0.1:6379')
  }
  return {
    quick: flags.quick,
    oneArm: flags.oneArm,
    control: flags.control,
    seed: flags.seed,
    ...(flags.rate === undefined ? {} : { ratePerSecond: flags.rate }),
    ...(flags.cache === undefined ? {} : { cache: flags.cache }),
    ...(flags.upstream === undefined ? {} : { upstream: flags.upstream }),
    ...(flags.path === undefined ? {} : { path: flags.path }),
    ...(toxiproxy === undefined ? {} : { toxiproxy }),
  }
}

/** The line that runs the same again. */
export function commandOf(name: string, flags: RunFlags): string {
  const words = [
    ...(flags.quick ? ['--quick'] : []),
    ...(flags.oneArm ? ['--one-arm'] : []),
    ...(flags.control ? ['--control'] : []),
    ...(flags.rate === undefined ? [] : ['--rate', `${flags.rate}`]),
    ...(flags.cache === undefined ? [] : ['--cache', flags.cache]),
    ...(flags.upstream === undefined ? [] : ['--upstream', flags.upstream]),
    ...(flags.path === undefined ? [] : ['--path', `'${flags.path}'`]),
    ...(flags.toxiproxy === undefined ? [] : ['--toxiproxy', flags.toxiproxy]),
  ]
  return ['npm run scenario --', name, ...words, '--seed', `${flags.seed}`].join(' ')
}
