// HTML and SVG by template: what is put in is escaped unless it is markup itself, so that no text of a report can act.

/** Text that is HTML already. Made by `markup` and `trusted` only. */
export interface Markup {
  readonly html: string
}

type Slot = string | number | Markup | Slot[] | null

/** A template of HTML. Strings in its slots are escaped, markup and lists of it stand as they are, null is nothing. */
export function markup(parts: TemplateStringsArray, ...slots: Slot[]): Markup {
  return { html: parts.reduce((text, part, index) => text + fill(slots[index - 1] ?? null) + part) }
}

/** Vouches for text that is ours and must not be escaped: the style sheet, the script. */
export function trusted(html: string): Markup {
  return { html }
}

/** JSON that may stand inside a script element, whatever its strings hold. */
export function embeddedJson(value: unknown): Markup {
  return { html: JSON.stringify(value).replaceAll('<', '\\u003c') }
}

/** Text that means only itself in HTML, in a quoted attribute too. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}

function fill(slot: Slot): string {
  if (slot === null) return ''
  if (Array.isArray(slot)) return slot.map(fill).join('')
  if (typeof slot === 'object') return slot.html
  return escapeHtml(String(slot))
}
