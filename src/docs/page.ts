// The description of the API as one page that needs no script and no network.
import { createHash } from 'node:crypto'
import type {
  ApiDescription,
  OpenApiOperation,
  OpenApiParameter,
  OpenApiPath,
  OpenApiResponse,
  OpenApiSchema,
} from './openapi.ts'
import { style } from './style.ts'

/** Lets in the page's own style sheet by its hash, and nothing else. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

export function docsPage(api: ApiDescription): string {
  const links = Object.keys(api.paths).map(path => `<a href="#${anchorOf(path)}">${escapeHtml(path)}</a>`)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(api.title)} ${escapeHtml(api.version)}</title>
<style>${style}</style>
</head>
<body>
<main>
<header>
<h1>${escapeHtml(api.title)} <span class="soft">${escapeHtml(api.version)}</span></h1>
<p>${escapeHtml(api.description)}</p>
<p><a href="openapi.json">openapi.json</a> is this page for machines: OpenAPI 3.1.</p>
<nav aria-label="Paths">${links.join('\n')}</nav>
</header>
${Object.entries(api.paths).map(pathSection).join('\n')}
<section>
<h2>Schemas</h2>
${Object.entries(api.schemas).map(schemaSection).join('\n')}
</section>
</main>
</body>
</html>
`
}

/** Methods that do the same stand together. */
function pathSection([path, { parameters = [], methods }]: [string, OpenApiPath]): string {
  const [operation] = Object.values(methods) as [OpenApiOperation]
  const badges = Object.keys(methods).map(method => `<span class="method">${method.toUpperCase()}</span>`)
  return `<section id="${anchorOf(path)}">
<h2><code>${escapeHtml(path)}</code></h2>
<p class="methods">${badges.join(' ')}</p>
<p><strong>${escapeHtml(operation.summary)}</strong>. ${escapeHtml(operation.description)}</p>
${parameterTable(parameters)}
${responseTable(operation.responses)}
</section>`
}

function parameterTable(parameters: readonly OpenApiParameter[]): string {
  const rows = parameters.map(({ name, in: place, description }) => [
    `<code>${escapeHtml(name)}</code>`,
    place,
    escapeHtml(description),
  ])
  return table('Parameters', ['name', 'in', 'meaning'], rows)
}

function responseTable(responses: Record<string, OpenApiResponse>): string {
  const ordered = Object.entries(responses).sort(([one], [other]) => rank(one) - rank(other))
  const rows = ordered.map(([status, { description, headers = {}, content = {} }]) => {
    const bodies = Object.entries(content).map(
      ([type, { schema }]) =>
        `<span class="line soft"><code>${escapeHtml(type)}</code> ${schemaLink(schema)}</span>`,
    )
    const fields = Object.keys(headers).map(
      name => `<span class="line soft">with <code>${escapeHtml(name)}</code></span>`,
    )
    return [`<b>${status}</b>`, [responseMeaning(description), ...fields, ...bodies].join('')]
  })
  return table('Answers', ['status', 'meaning'], rows)
}

/** What is hoped for stands first. */
function rank(status: string): number {
  return Number(status) || 0
}

/** "code: title." becomes a line of its own. */
function responseMeaning(description: string): string {
  return escapeHtml(description).replaceAll(
    /([a-z][a-z-]+): ([^.]+\.)/g,
    '<span class="line"><code>$1</code> $2</span>',
  )
}

function schemaLink({ $ref }: OpenApiSchema): string {
  const name = $ref?.split('/').at(-1) ?? ''
  return `<a href="#schema-${name}">${name}</a>`
}

function schemaSection([name, schema]: [string, OpenApiSchema]): string {
  const rows = Object.entries(schema.properties ?? {}).map(([property, { description, ...kind }]) => [
    `<code>${escapeHtml(property)}</code>`,
    escapeHtml(kindOf(kind)),
    escapeHtml(description ?? ''),
  ])
  return `<h3 id="schema-${name}">${name}</h3>
<p>${escapeHtml(schema.description ?? '')}</p>
${table(`Properties of ${name}`, ['property', 'type', 'meaning'], rows)}`
}

function kindOf({ type = '', format, const: only }: OpenApiSchema): string {
  if (only !== undefined) return JSON.stringify(only)
  return format === undefined ? type : `${type}, ${format}`
}

function table(caption: string, heads: readonly string[], rows: readonly string[][]): string {
  if (rows.length === 0) return ''
  const head = heads.map(name => `<th scope="col">${name}</th>`).join('')
  const body = rows.map(cells => `<tr>${cells.map(cell => `<td>${cell}</td>`).join('')}</tr>`)
  return `<div class="scroll"><table><caption>${caption}</caption><thead><tr>${head}</tr></thead><tbody>${body.join('\n')}</tbody></table></div>`
}

function anchorOf(path: string): string {
  return path.replaceAll(/[^a-z]+/g, '-').replaceAll(/^-|-$/g, '')
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
