import { describe, expect, test } from 'vitest'
import { escapeMarkdown, markdown } from '../../../scenarios/report/markdown.ts'
import { sampleReport } from '../../support/sample-report.ts'
import {
  failedReport,
  inconclusiveReport,
  interruptedReport,
  longReport,
} from '../../support/sample-variants.ts'

const MEBIBYTE = 1_048_576

describe('the Markdown', () => {
  test('holds no HTML and no image, even where a report brings some', () => {
    const text = markdown(
      sampleReport(report => {
        report.scenario.question = '<script>x</script> ![a](b) | c?'
        report.caveats = [{ code: 'x', text: '<b>bold</b>' }]
      }),
    )
    expect(text.replaceAll(/\\[<>[\]|]/g, '')).not.toMatch(/<[a-z/!]|!\[/i)
  })

  test('has headings from the third level', () => {
    const headings = markdown(sampleReport()).match(/^#+ .*/gm) ?? []
    expect(headings.length).toBeGreaterThan(6)
    expect(headings.filter(heading => !heading.startsWith('### '))).toEqual([])
  })

  test('has as many cells in every row of a table as in its head', () => {
    const lines = markdown(sampleReport()).split('\n')
    const cells = (line: string) => line.replaceAll('\\|', '').split('|').length
    lines.forEach((line, index) => {
      if (line.startsWith('|') && lines[index - 1]?.startsWith('|')) {
        expect(cells(line)).toBe(cells(lines[index - 1] ?? ''))
      }
    })
  })

  test('shows every hypothesis, and a sparkline for each arm', () => {
    const report = sampleReport()
    const text = markdown(report)
    for (const { claim } of report.scenario.hypotheses) expect(text).toContain(claim)
    expect(text.match(/[▁▂▃▄▅▆▇█]{45}/g)).toHaveLength(report.arms.length)
  })

  test('stays far under the 1 MiB of a step summary for four arms and 10 minutes', () => {
    expect(Buffer.byteLength(markdown(longReport()))).toBeLessThan(MEBIBYTE / 10)
  })

  test('says what was cut short, and "not measured" for what was not', () => {
    expect(markdown(interruptedReport())).toContain('**Cut short:** fault ran 4 s of 15 s')
    expect(markdown(inconclusiveReport())).toContain('not measured')
    expect(markdown(inconclusiveReport())).not.toMatch(/NaN|null|undefined/)
  })

  test('tells a run that failed before its first request', () => {
    expect(markdown(failedReport())).toContain('### ! ERROR · slow-upstream')
  })

  test('keeps a text on one line and in its cell', () => {
    expect(escapeMarkdown('a | b\nc')).toBe('a \\| b c')
  })
})
