// Text laid out for a terminal: wrapped and aligned inside its columns, measured before it is coloured.
import { styleText } from 'node:util'

/** How wide any line of a summary may be; prose keeps to a narrower terminal, tables need this. */
export const COLUMNS = 100

/** Colours a text, or leaves it as it is. */
export type Paint = (style: Parameters<typeof styleText>[0], text: string) => string

/** What a text is laid out for. */
export interface Page {
  paint: Paint
  /** How wide prose may be. */
  columns: number
}

/** A brush that colours, or one that does not. */
export function painter(hasColour: boolean): Paint {
  return hasColour ? (style, text) => styleText(style, text, { validateStream: false }) : (_, text) => text
}

/** True where colour reaches a person: a terminal, and nothing like NO_COLOR against it. */
export function wantsColour(stream: NodeJS.WriteStream): boolean {
  return styleText('bold', 'x', { stream }) !== 'x'
}

/** Text broken at spaces; a word longer than a line is cut. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/).flatMap(long => pieces(long, width))) {
    if (line === '') line = word
    else if (line.length + 1 + word.length <= width) line += ` ${word}`
    else {
      lines.push(line)
      line = word
    }
  }
  return line === '' ? lines : [...lines, line]
}

/** Text behind a bullet, with its further lines under the first. */
export function indented(text: string, bullet: string, columns: number): string[] {
  const room = columns - 2 - bullet.length
  return wrapped(text, room).map(
    (line, index) => `  ${index === 0 ? bullet : ' '.repeat(bullet.length)}${line}`,
  )
}

/** Rows under a dim heading row; `alignment` is a letter a column. What does not fit is taken from the first column. */
export function textTable(rows: string[][], alignment: string, paint: Paint, gap = 2): string[] {
  if (rows.length < 2) return []
  const widths = [...alignment].map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  const total = widths.reduce((sum, width) => sum + width, 2 + gap * (widths.length - 1))
  const [first = 0] = widths
  widths[0] = Math.max(4, first - Math.max(0, total - COLUMNS))
  return rows.map((row, index) => {
    const cells = widths.map((width, column) => {
      const text = clipped(row[column] ?? '', width)
      return alignment[column] === 'r' ? text.padStart(width) : text.padEnd(width)
    })
    const line = `  ${cells.join(' '.repeat(gap))}`.trimEnd()
    return index === 0 ? paint('dim', line) : line
  })
}

/** Text of at most `width` columns, with an ellipsis where something was cut off. */
export function clipped(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
}

function pieces(word: string, width: number): string[] {
  const parts: string[] = []
  for (let from = 0; from < word.length; from += width) parts.push(word.slice(from, from + width))
  return parts
}
