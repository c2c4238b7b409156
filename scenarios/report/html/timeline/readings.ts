// What the timeline's tooltip says, second by second: made with the page, so that its script has nothing to compute.
import { hasBreaker } from '../../facts.ts'
import { type ArmReport, OUTCOMES, type Report } from '../../report.ts'
import { count, ms, NOT_MEASURED, percent } from '../../words.ts'
import { breakerSpells } from './arms.ts'

/** For each second of the run, blocks of lines; the first line of a block is its heading. */
export function readings(report: Report, endMs: number): string[][][] {
  const spells = report.arms.map(arm =>
    hasBreaker(arm) ? breakerSpells(arm.breaker.transitions, endMs) : null,
  )
  return Array.from({ length: Math.ceil(endMs / 1_000) }, (_, second) => {
    const [fromMs, toMs] = [second * 1_000, (second + 1) * 1_000]
    const overlaps = (a: number, b: number) => a < toMs && b > fromMs
    const phase = report.phases.find(({ startMs, endMs }) => overlaps(startMs, endMs))
    const faults = report.phases.flatMap(({ faults }) =>
      faults.filter(fault => overlaps(fault.injectedAtMs, fault.removedAtMs)).map(({ label }) => label),
    )
    const arms = report.arms.map((arm, index) => {
      const states = spells[index]
        ?.filter(spell => overlaps(spell.fromMs, spell.toMs))
        .map(({ state }) => state)
      return armLines(arm, fromMs, states === undefined ? null : [...new Set(states)])
    })
    const heading = [`${second} – ${second + 1} s`, phase?.name ?? 'after the run', ...faults].join(' · ')
    return [[heading], ...arms]
  })
}

function armLines(arm: ArmReport, atMs: number, states: string[] | null): string[] {
  const second = arm.seconds.find(entry => entry.atMs === atMs)
  const breaker = states === null ? [] : [`breaker ${states.join(', ')}`]
  if (second === undefined) return [`${arm.name}: ${NOT_MEASURED}`]
  const outcomes = OUTCOMES.filter(outcome => second.outcomes[outcome] > 0).map(
    outcome => `${outcome} ${count(second.outcomes[outcome])}`,
  )
  return [
    [`${arm.name}: reads good ${percent(second.goodputRead)}`, ...breaker].join(' · '),
    `p50 ${ms(second.p50)} · p95 ${ms(second.p95)} · p99 ${ms(second.p99)}`,
    outcomes.join(' · '),
  ]
}
