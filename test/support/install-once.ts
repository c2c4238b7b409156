import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join, relative, resolve } from 'node:path'

const INSTALL_MS = 120_000
const ROOT = resolve(import.meta.dirname, '../..')

/**
 * Installs what a folder with a package.json of its own needs, from its lock file, where `packageName` is not there yet.
 * @returns why it could not be, in one line, or undefined
 */
export async function installOnce(folder: string, packageName: string): Promise<string | undefined> {
  if (existsSync(join(folder, 'node_modules', packageName, 'package.json'))) return undefined
  // The npm of whoever runs this, on its own Node: not the one that runs us.
  const folders = (process.env.PATH ?? '')
    .split(delimiter)
    .filter(path => !path.endsWith(join('node_modules', '.bin')))
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--fetch-retries=0']
  const child = spawn('npm', ['ci', '--prefix', folder, ...flags], {
    env: { ...process.env, PATH: folders.join(delimiter) },
    timeout: INSTALL_MS,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const code = await new Promise<number | null>(done => {
    child.once('error', () => done(null))
    child.once('close', done)
  })
  if (code === 0) return undefined
  const reason = /npm (?:error|ERR!) code (\S+)/.exec(output)?.[1] ?? `exit code ${code}`
  const name = relative(ROOT, folder)
  return `what ${name} needs cannot be installed (${reason}): go online and run \`npm ci --prefix ${name}\``
}
