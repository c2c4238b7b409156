// The OpenAPI 3.1 document of the public routes, made of the schemas and of the table of refusals.
import { z } from 'zod'
import { REFUSALS, type RefusalCode } from '../errors.ts'
import { VERSION } from '../telemetry/event-stream.ts'
import { areasSchema, healthSchema, problemSchema } from './schemas.ts'

export interface OpenApiSchema {
  $ref?: string
  type?: string
  format?: string
  description?: string
  const?: unknown
  items?: OpenApiSchema
  properties?: Record<string, OpenApiSchema>
  required?: readonly string[]
}

export interface OpenApiResponse {
  description: string
  headers?: Record<string, { description: string; schema: OpenApiSchema }>
  content?: Record<string, { schema: OpenApiSchema }>
}

export interface OpenApiParameter {
  name: string
  in: 'path' | 'header'
  required?: boolean
  description: string
  schema: OpenApiSchema
}

export interface OpenApiOperation {
  operationId: string
  summary: string
  description: string
  responses: Record<string, OpenApiResponse>
}

/** One path with its methods, in lower case. */
export interface OpenApiPath {
  parameters?: readonly OpenApiParameter[]
  methods: Record<string, OpenApiOperation>
}

/** As much of an OpenAPI document as this gateway has, a path's methods kept apart from the rest of it. */
export interface ApiDescription {
  title: string
  version: string
  description: string
  paths: Record<string, OpenApiPath>
  schemas: Record<string, OpenApiSchema>
}

const TEXT: OpenApiSchema = { type: 'string' }
const INTEGER: OpenApiSchema = { type: 'integer' }

const DEADLINE_FIELD: OpenApiParameter = {
  name: 'X-Request-Timeout-Ms',
  in: 'header',
  description:
    'A shorter deadline than there is, in whole milliseconds from 1: past it the answer is a 504 with the code client-deadline.',
  schema: INTEGER,
}
const RATE_LIMIT_FIELDS: NonNullable<OpenApiResponse['headers']> = {
  RateLimit: {
    description:
      'What this client may still ask on this route, where the rate limit has looked at the request.',
    schema: TEXT,
  },
  'RateLimit-Policy': { description: 'What it may ask in which time.', schema: TEXT },
}
const PROXIED_METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options']

/** Told on the admin port only, or where there is no such path. */
const NEVER_TOLD: ReadonlySet<RefusalCode> = new Set([
  'token-required',
  'host-not-allowed',
  'cross-site',
  'writes-closed',
  'json-only',
  'config-invalid',
  'purge-incomplete',
  'not-found',
])
const CLIENT_GONE = 499
/** Of what only the route that reads the upstream's answer can find. */
const OF_AREAS: ReadonlySet<RefusalCode> = new Set(['upstream-invalid', 'upstream-error'])

export function describeApi(): ApiDescription {
  return {
    title: 'Leeward',
    version: VERSION,
    description:
      'A gateway that shelters its upstream behind a rate limit, a cache, a circuit breaker and their kin. ' +
      'What it refuses, it refuses as application/problem+json with a stable code. ' +
      'Cache-Status (RFC 9211) on an answer says whether it came from the cache.',
    paths: { '/aggregate/areas': areasPath(), '/proxy/{path}': proxyPath(), '/health': healthPath() },
    schemas: {
      Areas: schemaOf(areasSchema),
      Health: schemaOf(healthSchema),
      Problem: schemaOf(problemSchema),
    },
  }
}

/** The document that others read. */
export function openApiOf({ title, version, description, paths, schemas }: ApiDescription): object {
  return {
    openapi: '3.1.1',
    info: { title, version, description },
    paths: Object.fromEntries(
      Object.entries(paths).map(([path, { parameters, methods }]) => [
        path,
        { ...(parameters && { parameters }), ...methods },
      ]),
    ),
    components: { schemas },
  }
}

function healthPath(): OpenApiPath {
  const get: OpenApiOperation = {
    operationId: 'health',
    summary: 'Whether this process answers',
    description: 'Says nothing of the upstream, and passes no guard.',
    responses: { 200: answerOf('Health', 'It does.') },
  }
  return { methods: { get, head: headOf(get) } }
}

/** As GET, without a body. */
function headOf({ operationId, summary, description, responses }: OpenApiOperation): OpenApiOperation {
  const bare = Object.entries(responses).map(([status, { content, ...response }]) => [status, response])
  return {
    operationId: `${operationId}-head`,
    summary,
    description: `${description} Without a body.`,
    responses: Object.fromEntries(bare),
  }
}

function areasPath(): OpenApiPath {
  const get: OpenApiOperation = {
    operationId: 'areas',
    summary: 'The list of areas',
    description: 'The list that the upstream has at /areas, and when it was fetched.',
    responses: {
      200: {
        ...answerOf('Areas', 'The list, from the upstream or from the cache.'),
        headers: RATE_LIMIT_FIELDS,
      },
      ...refusals(code => code !== 'upload-too-slow'),
    },
  }
  return { parameters: [DEADLINE_FIELD], methods: { get, head: headOf(get) } }
}

function proxyPath(): OpenApiPath {
  const parameters: OpenApiParameter[] = [
    {
      name: 'path',
      in: 'path',
      required: true,
      description: 'Path at the upstream, slashes and all; a query goes with it. Dot segments are refused.',
      schema: TEXT,
    },
    DEADLINE_FIELD,
  ]
  const methods = PROXIED_METHODS.map((method): [string, OpenApiOperation] => [
    method,
    {
      operationId: `proxy-${method}`,
      summary: 'What the upstream answers',
      description:
        'The request goes to the upstream as it is, but for the fields that belong to one connection.',
      responses: {
        default: { description: "The upstream's own answer, whatever it is.", headers: RATE_LIMIT_FIELDS },
        ...refusals(code => !OF_AREAS.has(code), "Or the upstream's own answer with this status, as it is."),
      },
    },
  ])
  return { parameters, methods: Object.fromEntries(methods) }
}

function answerOf(schema: string, description: string): OpenApiResponse {
  return {
    description,
    content: { 'application/json': { schema: { $ref: `#/components/schemas/${schema}` } } },
  }
}

/** One response for each status; its codes are in its description. */
function refusals(isTold: (code: RefusalCode) => boolean, alternative = ''): Record<string, OpenApiResponse> {
  const codes = (Object.keys(REFUSALS) as RefusalCode[]).filter(
    code => !NEVER_TOLD.has(code) && REFUSALS[code].status !== CLIENT_GONE && isTold(code),
  )
  const byStatus = Map.groupBy(codes, code => REFUSALS[code].status)
  return Object.fromEntries(
    [...byStatus].map(([status, members]) => [String(status), refusalOf(status, members, alternative)]),
  )
}

function refusalOf(status: number, codes: readonly RefusalCode[], alternative: string): OpenApiResponse {
  const mayComeBack = status === 429 || status === 503
  return {
    description: [...codes.map(code => `${code}: ${REFUSALS[code].title}.`), alternative].join(' ').trim(),
    headers: {
      ...(mayComeBack && { 'Retry-After': { description: 'Whole seconds to wait.', schema: INTEGER } }),
      ...RATE_LIMIT_FIELDS,
    },
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  }
}

function schemaOf(schema: z.ZodType): OpenApiSchema {
  const { $schema, ...rest } = z.toJSONSchema(schema)
  return rest as OpenApiSchema
}
