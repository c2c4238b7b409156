import { describe, expect, test } from 'vitest'
import { ReportReadError, readReport, toJson } from '../../../scenarios/report/json.ts'
import { sampleReport } from '../../support/sample-report.ts'

function problemWith(text: string): string {
  try {
    readReport(text)
  } catch (error) {
    if (error instanceof ReportReadError) return error.message
    throw error
  }
  throw new Error('it was read')
}

describe('report.json', () => {
  test('reads back as it was written', () => {
    expect(readReport(toJson(sampleReport()))).toEqual(sampleReport())
  })

  test('of another version is refused, naming both versions', () => {
    const text = toJson(sampleReport()).replace('"schemaVersion": 1', '"schemaVersion": 7')
    expect(problemWith(text)).toMatch(/schemaVersion 7 and this version reads 1/)
  })

  test.each([
    ['no JSON', '{"a":\n'],
    ['an empty file', ''],
    ['JSON that is no report', '[1, 2]'],
    ['a report that lost its arms', '{"schemaVersion": 1, "scenario": {}}'],
  ])('that is %s gives one clear line', (_, text) => {
    expect(problemWith(text)).toMatch(/^[^\n]+$/)
  })

  test.each([
    ['probes', null, /probes is no array/],
    ['differences', undefined, /it lacks differences/],
    ['cleanUp', [], /cleanUp is no object/],
    ['seed', '1', /seed is no number/],
    ['command', 1, /command is no string/],
  ])('whose %s is %j is refused, naming it', (key, value, problem) => {
    expect(problemWith(JSON.stringify({ ...sampleReport(), [key]: value }))).toMatch(problem)
  })
})
