// Slow is worse than dead: a dead upstream fails at once, a slow one holds every caller for as long as it is allowed to.
import { toxic } from '../chaos/fault.ts'
import { latency } from '../chaos/toxic.ts'
import { defineScenario, usualPhases } from './engine/scenario.ts'

export default defineScenario({
  name: 'slow-upstream',
  question: 'What do users see when every answer of the upstream takes two seconds longer?',
  tests: ['cache', 'deadline', 'attempt-limit', 'breaker'],
  phases: usualPhases([toxic(latency({ latencyMs: 2_000 }))]),
  hypotheses: [
    {
      claim: 'before the fault, reads are answered',
      phase: 'baseline',
      metric: 'goodput.read',
      bound: { atLeast: 0.99 },
    },
    {
      claim: 'before the fault, reads are quick',
      phase: 'baseline',
      metric: 'latency.served.p95',
      bound: { atMost: 150 },
    },
    {
      claim: 'before the fault, writes are accepted',
      phase: 'baseline',
      metric: 'goodput.write',
      bound: { atLeast: 0.9 },
      leastSamples: 50,
    },
    {
      claim: 'before the fault, the breaker stays closed',
      phase: 'baseline',
      metric: 'breaker.opens',
      bound: { atMost: 0 },
    },
    {
      claim: 'with the guards, reads go on being answered',
      phase: 'fault',
      metric: 'goodput.read',
      bound: { atLeast: 0.95 },
    },
    {
      claim: 'without them, most reads fail: the fault is one that hurts',
      arm: 'bare',
      phase: 'fault',
      metric: 'goodput.read',
      bound: { atMost: 0.5 },
    },
    {
      claim: 'the answers that come, come in time',
      phase: 'fault',
      metric: 'latency.served.p95',
      bound: { atMost: 450 },
    },
    {
      claim: 'writes, which no cache can answer, fail fast',
      phase: 'fault',
      metric: 'latency.write.p95',
      bound: { atMost: 450 },
      leastSamples: 59,
    },
    {
      claim: 'the breaker opens soon',
      phase: 'fault',
      metric: 'detect',
      bound: { atMost: 2_000 },
      leastSamples: 1,
    },
    {
      claim: 'the upstream is not buried under waiting calls',
      phase: 'fault',
      metric: 'upstream.in-flight.max',
      bound: { atMost: 64 },
      leastSamples: 1,
    },
    {
      claim: 'once the upstream is well, users are too',
      phase: 'recovery',
      metric: 'recover',
      bound: { atMost: 4_000 },
      leastSamples: 1,
    },
    {
      claim: 'writes come back, too',
      phase: 'recovery',
      metric: 'goodput.write',
      bound: { atLeast: 0.5 },
      leastSamples: 50,
    },
    {
      claim: 'nobody is sent a damaged body',
      phase: 'fault',
      metric: 'corrupt',
      bound: { atMost: 0 },
    },
    {
      claim: 'the gateway stays up',
      phase: 'recovery',
      metric: 'gateway.exits',
      bound: { atMost: 0 },
      leastSamples: 1,
    },
  ],
  references: [
    'https://slack.engineering/slacks-outage-on-january-4th-2021/',
    'M. Nygard, Release It!, 2nd edition, chapter "Slow Responses"',
  ],
})
