// The control for all the others: nothing is broken, so nothing may trip.
import { defineScenario } from './engine/scenario.ts'

export default defineScenario({
  name: 'baseline-steady',
  question: 'Do the guards leave a healthy upstream alone?',
  tests: ['rate-limit', 'bulkhead', 'breaker', 'retry'],
  phases: [
    { name: 'warm-up', role: 'warm-up', durationMs: 5_000, quickMs: 3_000 },
    { name: 'baseline', role: 'baseline', durationMs: 10_000, quickMs: 5_000 },
    { name: 'steady', role: 'steady', durationMs: 30_000, quickMs: 10_000 },
  ],
  hypotheses: [
    {
      claim: 'reads are answered from the start',
      phase: 'baseline',
      metric: 'goodput.read',
      bound: { atLeast: 0.99 },
    },
    {
      claim: 'reads go on being answered',
      phase: 'steady',
      metric: 'goodput.read',
      bound: { atLeast: 0.995 },
    },
    {
      claim: 'writes go on being accepted',
      phase: 'steady',
      metric: 'goodput.write',
      bound: { atLeast: 0.97 },
    },
    {
      claim: 'the breaker never opens on a healthy upstream',
      phase: 'steady',
      metric: 'breaker.opens',
      bound: { atMost: 0 },
    },
    {
      claim: 'nobody is shed',
      phase: 'steady',
      metric: 'shed.share',
      bound: { atMost: 0.005 },
    },
    {
      claim: 'the gateway adds no calls of its own',
      phase: 'steady',
      metric: 'amplification',
      bound: { atMost: 1.01 },
    },
    {
      claim: 'nobody is sent a damaged body',
      phase: 'steady',
      metric: 'corrupt',
      bound: { atMost: 0 },
    },
    {
      claim: 'no write is carried out twice',
      phase: 'steady',
      metric: 'duplicate.writes',
      bound: { atMost: 0 },
    },
    {
      claim: 'the gateway stays up',
      phase: 'steady',
      metric: 'gateway.exits',
      bound: { atMost: 0 },
      leastSamples: 1,
    },
  ],
})
