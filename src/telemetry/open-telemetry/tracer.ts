import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  type Tracer as SpanMaker,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import type { TracerProvider } from '@opentelemetry/sdk-trace'
import type { Route } from '../../guards/request.ts'
import { headerOf, without } from '../../headers.ts'
import { VERSION } from '../event-stream.ts'
import type { Outcome } from '../outcome.ts'
import type { CallSpan, RequestSpan, TracedParts, Tracer } from '../tracing.ts'

const PATHS: Record<Route, string> = {
  proxy: '/proxy/*',
  areas: '/aggregate/areas',
  unknown: '',
}

/** Which guard it was that did not let a request through. */
const GUARD_OF: Readonly<Record<string, string>> = {
  'rate-limited': 'rate-limit',
  'deadline-exceeded': 'deadline',
  'client-deadline': 'deadline',
  'bulkhead-full': 'bulkhead',
  'breaker-open': 'breaker',
  'attempt-timeout': 'attempt-limit',
}

const propagator = new W3CTraceContextPropagator()
const TRACE_FIELDS: ReadonlySet<string> = new Set(propagator.fields())
const FROM_FIELDS = {
  get: (headers: readonly string[], name: string) => headerOf(headers, name),
  keys: (headers: readonly string[]) => headers.filter((_, index) => index % 2 === 0),
}
const TO_FIELDS = { set: (headers: string[], name: string, value: string) => void headers.push(name, value) }

/** Follows requests with spans of one provider; contexts are handed on by hand, which costs nothing per promise. */
export function createTracer(provider: TracerProvider, upstreamOrigin: string): Tracer {
  const spans = provider.getTracer('leeward', VERSION)
  const { hostname, port, protocol } = new URL(upstreamOrigin)
  const upstream = {
    'server.address': hostname,
    'server.port': Number(port) || (protocol === 'https:' ? 443 : 80),
  }
  return { begin: parts => beginRequest(spans, parts, upstream) }
}

function beginRequest(spans: SpanMaker, parts: TracedParts, upstream: Attributes): RequestSpan {
  const parent = propagator.extract(ROOT_CONTEXT, parts.headers, FROM_FIELDS)
  const path = PATHS[parts.route]
  const options = {
    kind: SpanKind.SERVER,
    attributes: {
      'http.request.method': parts.method,
      'url.scheme': 'http',
      ...(path && { 'http.route': path }),
    },
  }
  const span = spans.startSpan(`${parts.method} ${path}`.trimEnd(), options, parent)
  const context = trace.setSpan(parent, span)
  return {
    traceId: span.spanContext().traceId,
    call: ordinal => beginCall(spans, context, callAttributes(parts, ordinal, upstream)),
    end({ asked, target, client, outcome, cacheStatus }) {
      const guard = GUARD_OF[outcome.what]
      span.setAttributes({
        'url.path': pathOf(target),
        'client.address': client,
        'leeward.cache_status': cacheStatus,
        'leeward.upstream_calls': asked.trace.calls,
        ...(guard && { 'leeward.guard': guard }),
      })
      finish(span, outcome)
    },
  }
}

function callAttributes({ method, path }: TracedParts, ordinal: number, upstream: Attributes): Attributes {
  const resends = ordinal > 1 ? { 'http.request.resend_count': ordinal - 1 } : {}
  return { 'http.request.method': method, 'url.path': pathOf(path), ...upstream, ...resends }
}

function beginCall(spans: SpanMaker, parent: Context, attributes: Attributes): CallSpan {
  const span = spans.startSpan(
    `${attributes['http.request.method']}`,
    { kind: SpanKind.CLIENT, attributes },
    parent,
  )
  return {
    fields(headers) {
      const fields = without(headers, TRACE_FIELDS)
      propagator.inject(trace.setSpan(parent, span), fields, TO_FIELDS)
      return fields
    },
    end: outcome => finish(span, outcome),
  }
}

function finish(span: Span, { what, class: kind, status }: Outcome): void {
  if (status > 0) span.setAttribute('http.response.status_code', status)
  span.setAttribute('leeward.outcome', what)
  if (kind === 'failed' || status >= 500) {
    span.setAttribute('error.type', what)
    span.setStatus({ code: SpanStatusCode.ERROR })
  }
  span.end()
}

function pathOf(target: string): string {
  return target.split('?', 1)[0]!
}
