// The commands and their flags; what each does stands in commands.ts and run-command.ts.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { lineOf } from '../run-error.ts'
import { lintAll, listAll, renderAgain, showOne } from './commands.ts'
import { EXIT_ERROR } from './exit-code.ts'
import { runAll, runOne } from './run-command.ts'
import type { RunFlags } from './run-flags.ts'

type Environment = Record<string, string | undefined>

/**
 * Runs one command.
 * @returns the exit code: 0 pass · 1 fail · 2 inconclusive · 3 aborted · 4 error · 5 clean-up not proven · 130 interrupted
 */
export async function run(args: string[], env: Environment): Promise<number> {
  let exitCode = 0
  const program = commandLine(env, code => {
    exitCode = code
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0
    process.stderr.write(`${lineOf(error).replace(/^error: /, '')}\n`)
    return EXIT_ERROR
  }
}

function commandLine(env: Environment, done: (exitCode: number) => void): Command {
  const program = new Command('npm run scenario --')
    .description('Storms for a gateway: load, a fault, a verdict.')
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .helpCommand(false)
  const inherit = (name: string) =>
    program
      .command(name)
      .exitOverride()
      .configureOutput({ writeErr: () => {} })

  const runCommand = withRunFlags(program.command('run', { isDefault: true }).argument('[name]'))
    .description('run a scenario; without a name, list them')
    .action(async (name: string | undefined, flags: RunFlags) => {
      done(name === undefined ? await listAll() : await runOne(name, flags, env))
    })
  program.addHelpText('after', () => `\n${flagsOf(runCommand)}`)
  inherit('list')
    .description('every scenario with its question')
    .action(async () => done(await listAll()))
  inherit('show')
    .argument('<name>')
    .description('a scenario as data')
    .action(async (name: string) => done(await showOne(name)))
  inherit('lint')
    .description('check every scenario')
    .action(async () => done(await lintAll()))
  inherit('report')
    .argument('<folder>')
    .description('render a report again from its report.json')
    .action(async (folder: string) => done(await renderAgain(folder)))
  withRunFlags(inherit('all'))
    .description('run every scenario; the worst exit code wins')
    .action(async (flags: RunFlags) => done(await runAll(flags, env)))
  for (const name of ['compare', 'calibrate']) {
    inherit(name)
      .allowExcessArguments()
      .allowUnknownOption()
      .description('reserved: not there yet')
      .action(() => {
        throw new CommanderError(EXIT_ERROR, 'reserved', `"${name}" is a reserved word and not there yet`)
      })
  }
  return program
}

/** The flags of a command as its own help shows them. */
function flagsOf(command: Command): string {
  const help = command.createHelp()
  help.prepareContext({ helpWidth: process.stdout.columns ?? 80 })
  const width = help.longestOptionTermLength(command, help)
  const lines = help
    .visibleOptions(command)
    .map(option => help.formatItem(help.optionTerm(option), width, help.optionDescription(option), help))
  return help.formatItemList(`Flags of ${command.name()} and all:`, lines, help).join('\n').trimEnd()
}

function withRunFlags(command: Command): Command {
  return command
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .option('--quick', '18 s instead of 45', false)
    .option('--one-arm', 'only the guarded gateway, without the bare one beside it', false)
    .option('--seed <number>', 'of arrivals, keys and service times', wholeNumber, 1)
    .option('--rate <perSecond>', 'requests a second', positiveNumber)
    .addOption(
      new Option('--cache <where>', 'where the gateways keep their cache').choices([
        'off',
        'memory',
        'redis',
      ]),
    )
    .option('--upstream <url>', 'your own service: reads only, one arm', httpUrl)
    .option('--path <path>', 'what to read there; {key} stands for a number from 1 to 200')
    .option('--control', 'both arms, even in front of your own service', false)
    .option('--toxiproxy <url>', 'a real Toxiproxy (or TOXIPROXY_URL)', httpUrl)
    .option('--out <folder>', 'where reports go', 'reports')
    .option('--json', 'the report as JSON on stdout, instead of the summary', false)
    .option('--plain', 'progress as lines, not drawn in place', false)
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('A whole number from 0 to 999999999 is wanted.')
  return Number(text)
}

function positiveNumber(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value <= 20_000))
    throw new InvalidArgumentError('A number over 0, up to 20000, is wanted.')
  return value
}

function httpUrl(text: string): string {
  const url = URL.parse(text)
  if (url?.protocol !== 'http:' || url.pathname !== '/' || url.search !== '' || url.username !== '') {
    throw new InvalidArgumentError(
      'An http:// address without a path is wanted, such as http://localhost:8080.',
    )
  }
  return url.origin
}
