// nginx and HAProxy, where they are installed: as peers, and nginx as the upstream that costs least.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Laboratory } from '../laboratory.ts'

const READY_WITHIN_MS = 5_000
const LOOK_EACH_MS = 20

export interface Native {
  pid: number
  port: number
}

/** One nginx process that serves what `http` says; of that, `server` blocks listen on `port`. */
export function startNginx(lab: Laboratory, port: number, http: string): Promise<Native> {
  const config = `
daemon off;
master_process off;
error_log stderr crit;
pid nginx.pid;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
  ${http}
}`
  return start(lab, port, 'nginx.conf', config, folder => ['nginx', '-p', folder, '-c', 'nginx.conf'])
}

/** HAProxy with one thread. */
export function startHaproxy(lab: Laboratory, port: number, sections: string): Promise<Native> {
  const config = `
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
${sections}
`
  return start(lab, port, 'haproxy.cfg', config, folder => ['haproxy', '-db', '-f', `${folder}/haproxy.cfg`])
}

async function start(
  lab: Laboratory,
  port: number,
  file: string,
  config: string,
  command: (folder: string) => string[],
): Promise<Native> {
  const folder = mkdtempSync(join(tmpdir(), 'leeward-bench-'))
  lab.onClose(async () => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, file), config)
  const [name, ...args] = command(folder)
  const child = spawn(name!, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    complaint += text
  })
  if (child.pid !== undefined) lab.watch(child.pid)
  const exited = once(child, 'exit')
  lab.onClose(async () => {
    child.kill('SIGKILL')
    await exited
  })
  await Promise.race([
    listening(port),
    exited.then(([code]) => Promise.reject(new Error(`${name} ended with ${code}: ${complaint.trim()}`))),
  ])
  return { pid: child.pid!, port }
}

async function listening(port: number): Promise<void> {
  const end = performance.now() + READY_WITHIN_MS
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch (error) {
      if (performance.now() > end) throw error
      await sleep(LOOK_EACH_MS)
    } finally {
      socket.destroy()
    }
  }
}
