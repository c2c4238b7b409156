// A lab that somebody else runs, such as the one in docker-compose.yml: the environment says where it is.
import { join, resolve } from 'node:path'
import { startGuardian } from '../../../chaos/guard-run.ts'
import { startChild } from '../../../chaos/supervise.ts'
import { connectToxiproxy } from '../../../chaos/toxiproxy.ts'
import type { Plan } from '../plan.ts'
import { lineOf, RunError } from '../run-error.ts'
import type { Arm } from '../scenario.ts'
import { Closers, type Lab, type LabArm } from './lab.ts'

type Environment = Record<string, string | undefined>

/** Whether the environment describes a lab to attach to. */
export function describesLab(env: Environment): boolean {
  return Object.keys(env).some(name => /^LAB_.+_(GATEWAY|ENTRY)$/.test(name))
}

/**
 * Attaches to the lab that the environment describes, for each arm by its name in capitals:
 * LAB_<ARM>_GATEWAY, _ADMIN and _ENTRY (URLs), _PROXY (the entry's name in Toxiproxy), _ORIGIN (URL, optional);
 * TOXIPROXY_URL and ADMIN_TOKEN for all.
 * @throws RunError naming every variable that is missing, or what such a lab cannot do
 */
export async function attachLab(plan: Plan, env: Environment): Promise<Lab> {
  const arms = readArms(plan, env)
  const { toxiproxy } = plan.options
  if (toxiproxy === undefined)
    throw new RunError('an attached lab needs TOXIPROXY_URL, such as http://toxiproxy:8474')
  const closers = new Closers()
  try {
    const control = await connectToxiproxy(toxiproxy)
    await assertEntries(control, arms)
    const guardian = startGuardian()
    closers.add('guardian', 'guardian', () => guardian.dismiss())
    await guardian.ready
    const load = await startChild({
      name: 'load generator',
      entry: join(resolve(import.meta.dirname, '..'), 'load/main.ts'),
      args: [],
      env,
      readyWithinMs: 10_000,
      guardian,
    })
    closers.add('processes', 'load generator', () => load.stop({ withinMs: 2_000 }))
    return {
      kind: 'attached',
      toxiproxy: control,
      toxiproxyKind: 'server',
      toxiproxyVersion: await control.version(),
      ...(env.ADMIN_TOKEN === undefined ? {} : { adminToken: env.ADMIN_TOKEN }),
      guardian,
      load,
      arms,
      close: () => closers.run(),
    }
  } catch (error) {
    await closers.run()
    throw error instanceof RunError ? error : new RunError(lineOf(error), { cause: error })
  }
}

function readArms(plan: Plan, env: Environment): LabArm[] {
  const { scenario } = plan
  const paused = scenario.phases.flatMap(phase => phase.faults).find(fault => fault.kind === 'pause')
  if (paused !== undefined) {
    throw new RunError(
      `${scenario.name} pauses a process, which an attached lab cannot do: run it without LAB_* variables`,
    )
  }
  const missing: string[] = []
  const arms = scenario.arms.map(arm => readArm(arm, env, missing))
  if (missing.length > 0)
    throw new RunError(`this lab has no ${missing.join(', ')}: set them, or choose another scenario`)
  return arms
}

function readArm(arm: Arm, env: Environment, missing: string[]): LabArm {
  const prefix = `LAB_${arm.name.toUpperCase().replaceAll('-', '_')}`
  const need = (name: string) => {
    const value = env[`${prefix}_${name}`]
    if (value === undefined || value === '') missing.push(`${prefix}_${name}`)
    return value ?? ''
  }
  const originUrl = env[`${prefix}_ORIGIN`]
  const shared = {
    arm,
    entry: need('PROXY'),
    entryUrl: need('ENTRY'),
    ...(originUrl === undefined ? {} : { originUrl }),
  }
  if (arm.through === 'direct') return { ...shared, loadUrl: shared.entryUrl }
  return { ...shared, loadUrl: need('GATEWAY'), adminUrl: need('ADMIN') }
}

/** A wedged or foreign server is told before the load starts, and so is a fault that somebody left in. */
async function assertEntries(control: Lab['toxiproxy'], arms: LabArm[]): Promise<void> {
  const proxies = await control.listProxies()
  for (const { entry } of arms) {
    const found = proxies.find(proxy => proxy.name === entry)
    if (found === undefined) {
      const names = proxies.map(proxy => proxy.name).join(', ') || 'none'
      throw new RunError(`the Toxiproxy has no proxy "${entry}"; it has ${names}`)
    }
    if (!found.enabled || found.toxics.length > 0) {
      throw new RunError(
        `proxy "${entry}" is not clean (a fault was left in): POST /reset to the Toxiproxy first`,
      )
    }
  }
}
