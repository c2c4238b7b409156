// What stands beside the gateway in front of the same upstream: none of them guards anything.
import { join } from 'node:path'
import { freePorts } from '../../support/free-ports.ts'
import { installOnce } from '../../support/install-once.ts'
import type { Laboratory } from '../laboratory.ts'
import { isInstalled } from './machine.ts'
import { startHaproxy, startNginx } from './native.ts'
import type { Served } from './subjects.ts'

/** Where they are installed, apart. */
export const FOLDER = join(import.meta.dirname, '../peers')
const NPM_PEERS = ['fastify-http-proxy', 'http-proxy-3', 'fast-gateway'] as const

export const PEER_NAMES = {
  'fastify-http-proxy': '@fastify/http-proxy',
  'http-proxy-3': 'http-proxy-3',
  'fast-gateway': 'fast-gateway',
  nginx: 'nginx proxy_pass',
  haproxy: 'HAProxy',
}

/** Starts every peer that there is; `missing` names the others. */
export async function startPeers(
  lab: Laboratory,
  upstream: string,
): Promise<{ peers: Served[]; missing: string[] }> {
  const problem = await installOnce(FOLDER, 'fastify')
  if (problem !== undefined) throw new Error(problem)
  const peers: Served[] = []
  for (const peer of NPM_PEERS) {
    const { pid, ports } = await lab.start(peer, `test/bench/peers/${peer}.js`, {
      env: { UPSTREAM_URL: upstream },
    })
    peers.push({ name: PEER_NAMES[peer], pid, url: `http://127.0.0.1:${ports.http}/proxy` })
  }
  const missing: string[] = []
  for (const [name, command, start] of [
    [PEER_NAMES.nginx, 'nginx', nginxBefore],
    [PEER_NAMES.haproxy, 'haproxy', haproxyBefore],
  ] as const) {
    if (isInstalled(command)) peers.push({ name, ...(await start(lab, new URL(upstream).port)) })
    else missing.push(name)
  }
  return { peers, missing }
}

async function nginxBefore(lab: Laboratory, upstreamPort: string): Promise<Omit<Served, 'name'>> {
  const [port] = await freePorts(1)
  const { pid } = await startNginx(
    lab,
    port!,
    `upstream areas { server 127.0.0.1:${upstreamPort}; keepalive 256; keepalive_requests 1000000000; }
    server {
      listen 127.0.0.1:${port} backlog=4096;
      location /proxy/ { proxy_pass http://areas/; proxy_http_version 1.1; proxy_set_header Connection ""; }
    }`,
  )
  return { pid, url: `http://127.0.0.1:${port}/proxy` }
}

async function haproxyBefore(lab: Laboratory, upstreamPort: string): Promise<Omit<Served, 'name'>> {
  const [port] = await freePorts(1)
  const { pid } = await startHaproxy(
    lab,
    port!,
    `listen proxy
  bind 127.0.0.1:${port} backlog 4096
  http-request replace-path /proxy/(.*) /\\1
  server areas 127.0.0.1:${upstreamPort}`,
  )
  return { pid, url: `http://127.0.0.1:${port}/proxy` }
}
