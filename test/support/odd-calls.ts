// Calls that are well-formed and odd: any method, any address, any body.
import { METHODS } from 'node:http'
import fc from 'fast-check'

const anyName = fc.oneof(
  fc.constantFrom(
    'odd',
    '%2F',
    '%00',
    '%',
    '__proto__',
    'constructor',
    '\ud800',
    '\0',
    '😀',
    '?#',
    'a b',
    '\\',
    ':',
  ),
  // Neither a slash nor dots can be asked for, here as there.
  fc.string({ unit: 'binary', minLength: 1 }).map(text => text.replaceAll(/[/.]/g, '')),
)
const anySegment = fc.oneof(
  fc.constantFrom(
    'proxies',
    'toxics',
    'populate',
    'reset',
    'version',
    'metrics',
    'leases',
    '',
    '..',
    '%2F',
    '%',
    '%ff',
    ':proxy',
    '*',
  ),
  anyName.map(name => encodeURIComponent(name.toWellFormed())),
)
const known = fc.constantFrom(
  '/leases',
  '/proxies',
  '/proxies/odd',
  '/proxies/odd/toxics',
  '/proxies/odd/toxics/odd',
  '/populate',
  '/reset',
)
export const anyPath = fc.oneof(
  known,
  fc.array(anySegment, { maxLength: 5 }).map(segments => `/${segments.join('/')}`),
  fc.tuple(known, fc.string()).map(([path, query]) => `${path}?${encodeURIComponent(query.toWellFormed())}`),
)
export const anyMethod = fc.oneof(
  fc.constantFrom('GET', 'POST', 'PATCH', 'DELETE'),
  fc.constantFrom(...METHODS.filter(name => name !== 'CONNECT')),
)

const anyValue = fc.jsonValue({ maxDepth: 3 })
const orAnything = (...values: unknown[]) => fc.oneof(fc.constantFrom(...values), anyValue)
// Names of hosts are left to others: what they resolve to is nobody's to say here.
const anyListen = fc.constantFrom<unknown>(
  '127.0.0.1:0',
  '[::1]:0',
  '',
  'foo',
  'a:b:c',
  '127.0.0.1:99999',
  '127.0.0.1:-1',
  null,
  5,
  {},
  [],
)
const anyFields = fc.record(
  {
    name: fc.oneof(anyName, anyValue),
    listen: anyListen,
    upstream: orAnything('127.0.0.1:9', 'foo', 'a:b:c', '[', '\0', ''),
    enabled: orAnything(true, false, null),
    type: orAnything('latency', 'slicer', 'bandwidth', 'noop'),
    stream: orAnything('upstream', 'DOWNSTREAM'),
    toxicity: orAnything(1, 0.5, 1e300),
    attributes: fc.oneof(fc.record({ latency: anyValue, rate: anyValue }, { requiredKeys: [] }), anyValue),
  },
  { requiredKeys: [] },
)
const slashless = (text: string) => text.replaceAll(/\\?\//g, '')
export const anyBody = fc.option(
  fc.oneof(
    fc
      .oneof(anyFields, fc.array(anyFields, { maxLength: 3 }), anyValue)
      .map(value => slashless(JSON.stringify(value))),
    fc.string().map(slashless),
  ),
  { nil: undefined },
)
