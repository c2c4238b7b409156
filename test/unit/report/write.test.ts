import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readReport } from '../../../scenarios/report/json.ts'
import { ReportWriteError, writeReport, writeWhole } from '../../../scenarios/report/write.ts'
import { sampleReport } from '../../support/sample-report.ts'
import { interruptedReport } from '../../support/sample-variants.ts'

describe('writing a report', () => {
  let root = ''
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'leeward-report-'))
  })
  afterEach(() => rm(root, { recursive: true, force: true }))

  async function failureOf(folder: string): Promise<Error> {
    const outcome = await writeReport(sampleReport(), folder).catch((error: unknown) => error)
    expect(outcome).toBeInstanceOf(ReportWriteError)
    return outcome as ReportWriteError
  }

  test('makes the folder, puts four files there, and says where they are', async () => {
    const folder = join(root, 'slow-upstream', 'now')
    const paths = await writeReport(sampleReport(), folder)
    expect(Object.values(paths).sort()).toEqual(
      ['junit.xml', 'report.html', 'report.json', 'report.md'].map(name => join(folder, name)),
    )
    expect((await readdir(folder)).sort()).toEqual(['junit.xml', 'report.html', 'report.json', 'report.md'])
    expect(readReport(await readFile(paths.json, 'utf8'))).toEqual(sampleReport())
  })

  test('replaces an earlier report', async () => {
    await writeReport(interruptedReport(), root)
    const { markdown } = await writeReport(sampleReport(), root)
    expect(await readFile(markdown, 'utf8')).toContain('PASS')
  })

  test('gives one line with path, reason and what to do where a file is in the way', async () => {
    const folder = join(root, 'taken')
    await writeFile(folder, '')
    const { message } = await failureOf(join(folder, 'now'))
    expect(message).toMatch(/^cannot write the report to .*taken.now: .*ENOTDIR.*; move it out of the way$/)
  })

  test('leaves no partial file behind when the disk refuses half-way', async () => {
    await mkdir(join(root, 'report.html', 'occupied'), { recursive: true })
    const { message } = await failureOf(root)
    expect(message).toMatch(/^[^\n]+$/)
    expect((await readdir(root)).filter(name => name.includes('partial'))).toEqual([])
  })

  test('of several files leaves none where one is refused', async () => {
    const files: [string, string][] = [
      [join(root, 'first'), 'one'],
      [join(root, 'not-there', 'second'), 'two'],
    ]
    await expect(writeWhole(files)).rejects.toThrow(/ENOENT/)
    expect(await readdir(root)).toEqual([])
  })
})
