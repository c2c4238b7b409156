// Scenario files that are not valid: each is named with its place, and none keeps the others away.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { findScenario, listScenarios } from '../../../scenarios/engine/registry.ts'

const good = resolve(import.meta.dirname, '../../../scenarios/baseline-steady.ts')

function folderWith(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'leeward-scenarios-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

describe('a folder with a broken scenario', () => {
  test('still gives the good ones, and one line for each bad file', async () => {
    const folder = folderWith({
      'baseline-steady.ts': `export { default } from '${good}'\n`,
      'empty.ts': 'export {}\n',
      'misnamed.ts': `export { default } from '${good}'\n`,
      'three.ts': 'export default 3\n',
    })
    const problems: string[] = []
    const scenarios = await listScenarios(problem => problems.push(problem), folder)
    expect(scenarios.map(({ name }) => name)).toEqual(['baseline-steady'])
    expect(problems).toEqual([
      expect.stringMatching(/^scenarios\/empty\.ts: no default export.*$/),
      expect.stringMatching(/^scenarios\/misnamed\.ts: its scenario is named "baseline-steady".*$/),
      expect.stringMatching(/^scenarios\/three\.ts: .*is not valid.*$/),
    ])
  })

  test('refuses the bad one by name, and the list where nobody listens for problems', async () => {
    const folder = folderWith({ 'three.ts': 'export default 3\n' })
    await expect(findScenario('three', folder)).rejects.toThrow(/^scenarios\/three\.ts: /)
    await expect(listScenarios(undefined, folder)).rejects.toThrow(/^scenarios\/three\.ts: /)
  })

  test('names the line where one throws while it is read', async () => {
    const folder = folderWith({ 'boom.ts': "\n\nthrow new Error('boom')\n" })
    await expect(findScenario('boom', folder)).rejects.toThrow(/^scenarios\/boom\.ts:3: boom$/)
  })
})
