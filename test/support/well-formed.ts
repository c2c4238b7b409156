/**
 * Reads XML just far enough to know that it is well-formed: one root, every tag closed in order, every attribute
 * quoted and named once, no bare `<` or `&`, no character that XML forbids.
 * @returns the names of all elements, in order
 * @throws Error saying what is wrong
 */
export function elementsOf(xml: string): string[] {
  const forbidden = xml.match(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u)
  if (forbidden !== null) throw new Error(`a character XML forbids at ${forbidden.index}`)
  const open: string[] = []
  const seen: string[] = []
  const body = xml.replace(/^<\?xml [^?]*\?>\n/, '')
  for (const [token] of body.matchAll(/<[^>]*>?|[^<]+/g)) {
    if (!token.startsWith('<')) {
      if (token.trim() !== '' && open.length === 0) throw new Error(`text outside the root: ${token}`)
      checkReferences(token)
      continue
    }
    const [, slash, name, attributes, closed] =
      token.match(/^<(\/?)([A-Za-z][\w-]*)((?:\s+[\w-]+="[^"<]*")*)\s*(\/?)>$/) ?? []
    if (name === undefined) throw new Error(`not a tag: ${token}`)
    if (slash === '/') {
      if (open.pop() !== name) throw new Error(`</${name}> closes nothing`)
      continue
    }
    checkReferences(attributes ?? '')
    const names = [...(attributes ?? '').matchAll(/\s([\w-]+)="/g)].map(([, attribute]) => attribute)
    if (new Set(names).size < names.length) throw new Error(`an attribute twice in ${token}`)
    if (open.length === 0 && seen.length > 0) throw new Error(`a second root <${name}>`)
    seen.push(name)
    if (closed !== '/') open.push(name)
  }
  if (open.length > 0) throw new Error(`never closed: ${open.join(', ')}`)
  return seen
}

function checkReferences(text: string): void {
  const bare = text.match(/&(?!(?:amp|lt|gt|quot|apos|#\d+);)/)
  if (bare !== null) throw new Error(`a bare & in ${text}`)
}
