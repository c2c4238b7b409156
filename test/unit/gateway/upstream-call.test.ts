import type { Dispatcher } from 'undici'
import { describe, expect, test, vi } from 'vitest'
import { GatewayError } from '../../../src/errors.ts'
import { type CallOptions, UpstreamCall } from '../../../src/upstream/call.ts'
import type { Connection } from '../../../src/upstream/connections.ts'
import { requestOf } from '../../support/gateway-chain.ts'

const OPTIONS: CallOptions = {
  upstreamHost: 'upstream.test',
  upstreamBasePath: '',
  via: '1.1 here',
  bufferMaxBytes: 0,
  refineMaxBytes: 0,
  streamIdleMs: 60_000,
  streamLeastBytes: 1,
  uploadIdleMs: 60_000,
  uploadLeastBytes: 1,
  tunnelIdleMs: 60_000,
}

/** A call on a connection that says nothing by itself: the test plays undici. */
function begin(request = requestOf()) {
  const dispatch =
    vi.fn<(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) => boolean>()
  const stopConnecting = vi.fn()
  const connection = { client: { dispatch }, socket: undefined, stopConnecting } as unknown as Connection
  const listener = {
    answered: vi.fn(),
    refused: vi.fn(),
    ended: vi.fn(),
    isFree: vi.fn(),
    tunnels: new Set<never>(),
  }
  const call = new UpstreamCall(request, OPTIONS, connection, listener)
  call.start()
  return { request, call, dispatch, stopConnecting, listener }
}

const GONE = new GatewayError('client-gone', 'left')

describe('a call that is given up before its connection is ready', () => {
  test('is never sent, and leaves the connection to the next', () => {
    const { request, call, stopConnecting, listener } = begin()
    request.cancel(GONE)
    expect(stopConnecting).toHaveBeenCalledOnce()
    expect(listener.refused).toHaveBeenCalledExactlyOnceWith(GONE)
    expect(listener.isFree).not.toHaveBeenCalled()
    const controller = { abort: vi.fn() } as unknown as Dispatcher.DispatchController
    // undici takes what is thrown here for the end of the request, and of that alone.
    expect(() => call.onRequestStart(controller)).toThrow(GONE)
    call.onResponseError(null, GONE)
    expect(controller.abort).not.toHaveBeenCalled()
    expect(listener.isFree).toHaveBeenCalledOnce()
    expect(listener.ended).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ what: 'client-gone', class: 'gone' }),
      expect.any(Number),
    )
  })

  test('or before it has begun, does not even ask for one', () => {
    const request = requestOf()
    request.cancel(GONE)
    const { dispatch, listener } = begin(request)
    expect(dispatch).not.toHaveBeenCalled()
    expect(listener.isFree).toHaveBeenCalledOnce()
    expect(listener.refused).toHaveBeenCalledExactlyOnceWith(GONE)
  })
})

test('a connection is given back once, whatever undici says of the request afterwards', () => {
  const { call, listener } = begin()
  call.onResponseError(null, new Error('one'))
  call.onResponseError(null, new Error('two'))
  expect(listener.isFree).toHaveBeenCalledOnce()
  expect(listener.refused).toHaveBeenCalledOnce()
})
