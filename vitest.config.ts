import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/nothing-left.ts'],
    setupFiles: ['test/support/one-clock.ts'],
    // Real sockets and processes on two cores: a few files at once keep the clocks honest.
    maxWorkers: 2,
    // One real Toxiproxy serves every file, and a reset reaches the proxies of all of them.
    fileParallelism: !process.env.TOXIPROXY_URL,
    testTimeout: 60_000,
    hookTimeout: 15_000,
    allowOnly: false,
    passWithNoTests: false,
  },
})
