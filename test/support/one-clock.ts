// Fake timers replace the global `performance`, of which the gateway has hold by its module: there is one clock for both.
import { performance as ofTheModule } from 'node:perf_hooks'

const now = ofTheModule.now.bind(ofTheModule)

ofTheModule.now = () => (globalThis.performance === ofTheModule ? now() : globalThis.performance.now())
