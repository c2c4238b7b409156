// The servers that the conformance suite runs on: the embedded proxy always, a real one when TOXIPROXY_URL names it.
import { join } from 'node:path'
import { type Child, startChild } from '../../chaos/supervise.ts'

export interface Subject {
  kind: 'embedded' | 'real'
  url: string
  close(): Promise<unknown>
}

export interface SubjectMaker {
  name: string
  kind: Subject['kind']
  open(): Promise<Subject>
}

/** Starts the embedded proxy as a process of its own, on a free port unless the flags say otherwise. */
export function startEmbeddedProxy(...flags: string[]): Promise<Child> {
  return startChild({
    name: 'embedded chaos proxy',
    entry: join(import.meta.dirname, '../../chaos/proxy/main.ts'),
    args: ['-port', '0', ...flags],
    readyWithinMs: 10_000,
  })
}

export const apiUrl = (child: Child) => `http://127.0.0.1:${child.ports.api}`

const embedded: SubjectMaker = {
  name: 'the embedded proxy',
  kind: 'embedded',
  async open() {
    const child = await startEmbeddedProxy('-api-version', 'git')
    return { kind: 'embedded', url: apiUrl(child), close: () => child.stop() }
  },
}

const realUrl = process.env.TOXIPROXY_URL
const real: SubjectMaker[] =
  realUrl === undefined || realUrl === ''
    ? []
    : [
        {
          name: `the real server at ${realUrl}`,
          kind: 'real',
          open: async () => ({ kind: 'real', url: realUrl.replace(/\/$/, ''), close: async () => {} }),
        },
      ]

export const SUBJECTS: SubjectMaker[] = [embedded, ...real]
