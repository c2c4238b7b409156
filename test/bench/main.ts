// `npm run bench -- <which>`: ratios of one run count; rates are this machine's.

interface Bench {
  flags: readonly string[]
  /** Resolves once it has printed what it measured, whatever that was; rejects when it could not be run. */
  run(flags: ReadonlySet<string>): Promise<void>
}

const BENCHES = new Map<string, Bench>([
  [
    'gateway',
    {
      flags: ['--peers', '--quick'],
      run: async flags =>
        (await import('./gateway.ts')).benchGateway({
          hasPeers: flags.has('--peers'),
          isQuick: flags.has('--quick'),
        }),
    },
  ],
  ['instructions', { flags: [], run: async () => (await import('./instructions.ts')).benchInstructions() }],
  ['failure', { flags: [], run: async () => (await import('./failure.ts')).benchFailure() }],
  [
    'soak',
    {
      flags: ['--quick'],
      run: async flags => (await import('./soak.ts')).benchSoak({ isQuick: flags.has('--quick') }),
    },
  ],
  [
    'proxy',
    {
      flags: ['--quick'],
      run: async flags => (await import('./proxy.ts')).benchProxy({ isQuick: flags.has('--quick') }),
    },
  ],
])

const COULD_NOT_RUN = 4

function refuse(message: string): void {
  process.stderr.write(`bench: ${message}\n`)
  process.exitCode = COULD_NOT_RUN
}

const words = process.argv.slice(2)
const name = words[0] === undefined || words[0].startsWith('-') ? 'gateway' : words.shift()!
const bench = BENCHES.get(name)
const unknown = words.find(word => !bench?.flags.includes(word))
if (bench === undefined) refuse(`there is no "${name}"; there is ${[...BENCHES.keys()].join(', ')}`)
else if (unknown !== undefined) {
  refuse(`${name} has no "${unknown}"; it has ${bench.flags.join(', ') || 'no flags'}`)
} else {
  await bench.run(new Set(words)).catch(error => refuse(error instanceof Error ? error.message : error))
}
