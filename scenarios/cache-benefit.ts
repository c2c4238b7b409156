// What the cache is worth, and what the gateway costs: the same arrivals with the cache, without it, and past the gateway.
import { defineScenario } from './engine/scenario.ts'

export default defineScenario({
  name: 'cache-benefit',
  question: 'How much faster are reads with the cache, and what does the gateway itself add?',
  tests: ['cache'],
  arms: [
    { name: 'cached' },
    {
      name: 'uncached',
      guards: ['rate-limit', 'single-flight', 'deadline', 'bulkhead', 'breaker', 'retry', 'attempt-limit'],
    },
    { name: 'direct', through: 'direct' },
  ],
  phases: [
    { name: 'warm-up', role: 'warm-up', durationMs: 5_000, quickMs: 3_000 },
    { name: 'baseline', role: 'baseline', durationMs: 10_000, quickMs: 5_000 },
    { name: 'steady', role: 'steady', durationMs: 30_000, quickMs: 10_000 },
  ],
  hypotheses: [
    {
      claim: 'reads are answered from the start',
      arm: 'cached',
      phase: 'baseline',
      metric: 'goodput.read',
      bound: { atLeast: 0.99 },
    },
    {
      claim: 'reads go on being answered',
      arm: 'cached',
      phase: 'steady',
      metric: 'goodput.read',
      bound: { atLeast: 0.99 },
    },
    {
      claim: 'the cache answers a good part of them',
      arm: 'cached',
      phase: 'steady',
      metric: 'cached.share',
      bound: { atLeast: 0.3 },
    },
    {
      claim: 'the cache lowers the p95 of reads',
      arm: 'cached',
      phase: 'steady',
      metric: 'cache.gain.p95',
      bound: { atLeast: 1.05 },
      leastSamples: 299,
    },
    {
      claim: 'the gateway adds little to a read that it does not cache',
      arm: 'uncached',
      phase: 'steady',
      metric: 'overhead.p95',
      bound: { atMost: 10 },
      leastSamples: 299,
    },
    {
      claim: 'nobody is sent a damaged body',
      arm: 'cached',
      phase: 'steady',
      metric: 'corrupt',
      bound: { atMost: 0 },
    },
  ],
})
