// The upstream behind every subject: the same 1.8 kB of JSON at every path, under one folder with `no-store`, and a
// count of what was asked.
import { freePorts } from '../../support/free-ports.ts'
import type { Laboratory } from '../laboratory.ts'
import { isInstalled, pin } from './machine.ts'
import { startNginx } from './native.ts'

export interface Upstream {
  name: string
  url: string
  /** Requests that reached it since it started, without those by which this was asked. */
  requests(): Promise<number>
}

const COUNT_PATH = '/-/count'
/** What is under it must not be stored. */
export const PRIVATE = '/private'

const AREAS = Array.from({ length: 18 }, (_, id) => ({
  id,
  name: `area ${id}`,
  description: 'x'.repeat(50),
}))
/** Without an apostrophe or a dollar sign, which nginx would read. */
export const BODY = JSON.stringify(AREAS)

/** nginx where it is installed, else Node: slower than some of what it stands behind, which `name` tells. */
export async function startUpstream(lab: Laboratory): Promise<Upstream> {
  if (isInstalled('nginx')) return nginxUpstream(lab)
  const { pid, ports } = await lab.start('upstream', 'test/bench/gateway/node-upstream.ts', {
    env: { BODY, COUNT_PATH, PRIVATE },
  })
  pin(pid, 'beside')
  const url = `http://127.0.0.1:${ports.http}`
  return { name: 'node:http', url, requests: counting(async () => Number(await textAt(url))) }
}

async function nginxUpstream(lab: Laboratory): Promise<Upstream> {
  const [port] = await freePorts(1)
  const { pid } = await startNginx(
    lab,
    port!,
    `server {
      listen 127.0.0.1:${port} backlog=4096;
      default_type application/json;
      location / { return 200 '${BODY}'; }
      location ${PRIVATE} { add_header Cache-Control no-store; return 200 '${BODY}'; }
      location = ${COUNT_PATH} { stub_status; }
    }`,
  )
  pin(pid, 'beside')
  const url = `http://127.0.0.1:${port}`
  // "server accepts handled requests\n 3 3 7 \n"
  return {
    name: 'nginx',
    url,
    requests: counting(async () => Number(/^ \d+ \d+ (\d+) $/m.exec(await textAt(url))?.[1])),
  }
}

/** Takes off what the asking itself adds. */
function counting(ask: () => Promise<number>): () => Promise<number> {
  let asked = 0
  return async () => {
    asked += 1
    const before = asked
    return (await ask()) - before
  }
}

async function textAt(url: string): Promise<string> {
  const response = await fetch(url + COUNT_PATH)
  return response.text()
}
