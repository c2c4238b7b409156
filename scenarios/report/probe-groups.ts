// Did the fault happen? Many probes, told as one line for each arm, phase and fault.
import type { Probe, Report } from './report.ts'

/** Probes about one fault of one arm, told together. */
export interface ProbeGroup {
  arm: string
  phase: string
  fault: string
  probes: Probe[]
  bites: number
  isProven: boolean
  /** "the probe saw 2,004 ms, expected at least 2,000 ms" */
  sentence: string
}

/** Whether probes of one fault, phase and arm show that it bit: one missed spoils it, unless it cannot bite every time. */
export function areProof(probes: readonly Probe[]): boolean {
  const bites = probes.filter(({ bit }) => bit).length
  const needs = probes[0]?.needs ?? 'all'
  const needed = { all: probes.length, half: probes.length / 2, one: 1 }[needs]
  return bites > 0 && bites >= needed
}

/** Probes by arm, phase and fault, in the order in which they were made. A miss tells for a group that proves nothing. */
export function probeGroups(report: Report): ProbeGroup[] {
  const groups = new Map<string, Probe[]>()
  for (const probe of report.probes) {
    const key = JSON.stringify([probe.arm, probe.phase, probe.fault, probe.expected])
    groups.set(key, [...(groups.get(key) ?? []), probe])
  }
  return [...groups.values()].flatMap(probes => {
    const isProven = areProof(probes)
    const told = probes.find(probe => probe.bit === isProven)
    if (told === undefined) return []
    const { arm, phase, fault } = told
    const bites = probes.filter(probe => probe.bit).length
    const sentence = `the probe saw ${told.observed}, expected ${told.expected}`
    return [{ arm, phase, fault, probes, bites, isProven, sentence }]
  })
}
