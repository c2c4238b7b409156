// The plainest failure: nothing listens any more. Failing fast is easy here; answering is not.
import { outage } from '../chaos/fault.ts'
import { defineScenario, usualPhases } from './engine/scenario.ts'

export default defineScenario({
  name: 'upstream-refused',
  question: 'What do users see when the upstream refuses every connection?',
  tests: ['cache', 'breaker', 'retry'],
  phases: usualPhases([outage()]),
  hypotheses: [
    {
      claim: 'before the fault, reads are answered',
      phase: 'baseline',
      metric: 'goodput.read',
      bound: { atLeast: 0.99 },
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
      bound: { atLeast: 0.97 },
    },
    {
      claim: 'without them, most reads fail: the fault is one that hurts',
      arm: 'bare',
      phase: 'fault',
      metric: 'goodput.read',
      bound: { atMost: 0.5 },
    },
    {
      claim: 'the answers come at once: there is nobody to wait for',
      phase: 'fault',
      metric: 'latency.served.p95',
      bound: { atMost: 50 },
    },
    {
      claim: 'writes are refused quickly',
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
      claim: 'once the upstream is well, users are too',
      phase: 'recovery',
      metric: 'recover',
      bound: { atMost: 4_000 },
      leastSamples: 1,
    },
    {
      claim: 'no write is carried out twice',
      phase: 'recovery',
      metric: 'duplicate.writes',
      bound: { atMost: 0 },
      leastSamples: 50,
    },
    {
      claim: 'the gateway stays up',
      phase: 'recovery',
      metric: 'gateway.exits',
      bound: { atMost: 0 },
      leastSamples: 1,
    },
  ],
  references: ['https://github.com/fastify/fastify-http-proxy/issues/460'],
})
