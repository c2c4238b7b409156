// Tables as the page shows them: a region that scrolls by itself, numbers to the right, what was not measured in words.
import { NOT_MEASURED } from '../words.ts'
import { type Markup, markup } from './markup.ts'

type Cell = string | Markup

/** A column's heading; `number` sets it to the right. */
export interface Column {
  title: string
  kind: 'text' | 'number' | 'claim'
}

/** Columns from words: a trailing `#` marks a number. */
export function columns(...titles: string[]): Column[] {
  return titles.map(title =>
    title.endsWith('#') ? { title: title.slice(0, -1), kind: 'number' } : { title, kind: 'text' },
  )
}

/** A table under a name for those who do not see it; null without rows. */
export function table(name: string, heads: Column[], rows: Cell[][]): Markup | null {
  if (rows.length === 0) return null
  const head = heads.map(({ title, kind }) => markup`<th scope="col" class="${kind}">${title}</th>`)
  const body = rows.map(
    row =>
      markup`<tr>${row.map((cell, index) => markup`<td class="${heads[index]?.kind ?? 'text'}">${shown(cell)}</td>`)}</tr>\n`,
  )
  return markup`<div class="scroll" tabindex="0" role="region" aria-label="${name}"><table><thead><tr>${head}</tr></thead><tbody>\n${body}</tbody></table></div>`
}

/** Two lines in one cell: a figure, and what it rests on. */
export function cell(main: string, sub: string): Markup {
  return markup`${shown(main)}${sub === '' ? null : markup`<span class="sub">${sub}</span>`}`
}

function shown(value: Cell): Cell {
  return value === NOT_MEASURED ? markup`<span class="unmeasured">${value}</span>` : value
}
