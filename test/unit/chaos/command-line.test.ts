import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CommandLineError, readCommandLine, usage } from '../../../chaos/proxy/command-line.ts'

describe('the command line', () => {
  test('has the real defaults', () => {
    expect(readCommandLine([])).toMatchObject({
      host: 'localhost',
      port: 8474,
      config: '',
      apiVersion: '2.12.0',
    })
  })

  test.each([['-port', '1'], ['--port', '1'], ['-port=1'], ['--port=1']])(
    'takes one dash or two: %s %s',
    (...args) => {
      expect(readCommandLine(args).port).toBe(1)
    },
  )

  test('takes switches with and without a value, and negative seeds', () => {
    const line = readCommandLine([
      '-proxy-metrics',
      '-runtime-metrics=false',
      '-seed',
      '-5',
      '-host',
      '0.0.0.0',
    ])
    expect(line).toMatchObject({ proxyMetrics: true, runtimeMetrics: false, seed: -5, host: '0.0.0.0' })
  })

  test('has no extensions unless they are asked for', () => {
    expect(readCommandLine([]).extensions).toBe(false)
    expect(readCommandLine(['-extensions']).extensions).toBe(true)
  })

  test.each(['-h', '-help', '--help'])('takes %s, and its answer names every flag and its default', flag => {
    expect(readCommandLine([flag]).help).toBe(true)
    expect(usage()).toMatch(/^ {2}-host +where the API listens \(localhost\)$/m)
    expect(usage()).toMatch(/^ {2}-seed +of every draw of toxicity and jitter$/m)
  })

  test('takes any seed of 64 bits, to the last of them', () => {
    expect(readCommandLine(['-seed', '1700000000000000001']).seed).toBe(1700000000000000001n)
  })

  test.each([
    [['-x'], 'unknown flag "-x"'],
    [['--'], 'unknown flag "--"'],
    [['serve'], 'unknown flag "serve"'],
    [['-constructor'], 'unknown flag "-constructor"'],
    [['-port'], 'flag -port needs a value'],
    [['-port', ''], 'flag -port must be a whole number of at most 64 bits, got ""'],
    [['-seed', '9223372036854775808'], 'flag -seed must be a whole number of at most 64 bits, got'],
    [['-version=maybe'], 'flag -version must be true or false, got "maybe"'],
  ])('refuses %j', (args, problem) => {
    expect(() => readCommandLine(args)).toThrow(problem)
  })

  test('is read or refused, whatever it is', () => {
    const flag = fc.constantFrom(
      '-host',
      '--port',
      '-seed=',
      '--config',
      '-version',
      '-strict-values=',
      '-',
      '--',
      '-=',
    )
    const value = fc.oneof(
      fc.constantFrom('0', '-1', '8474', '9'.repeat(400), '1e3', 'true', ''),
      fc.string({ unit: 'binary' }),
    )
    const argument = fc.oneof(
      flag,
      value,
      fc.tuple(flag, value).map(([name, text]) => name + text),
    )
    const whatever = fc.property(fc.array(argument, { maxLength: 6 }), args => {
      try {
        const { port } = readCommandLine(args)
        expect(port).toBeGreaterThanOrEqual(0)
        expect(port).toBeLessThan(65_536)
      } catch (error) {
        expect(error).toBeInstanceOf(CommandLineError)
      }
    })
    fc.assert(whatever, { seed: 20_261_123, numRuns: 500 })
  })
})
