// `npm run scenario -- …`: the one command line.
import { reasonOf } from '../report/write.ts'
import { run } from './command/command-line.ts'
import { EXIT_ERROR } from './command/exit-code.ts'

let isOutputLost = false

function onOutputError(error: NodeJS.ErrnoException): void {
  // A reader that has read enough, such as `head`, is no failure.
  if (error.code === 'EPIPE' || isOutputLost) return
  isOutputLost = true
  process.exitCode = EXIT_ERROR
  process.stderr.write(`cannot write the output: ${reasonOf(error)}\n`)
}

process.stdout.on('error', onOutputError)
process.stderr.on('error', onOutputError)

const exitCode = await run(process.argv.slice(2), process.env)
if (!isOutputLost) process.exitCode = exitCode
