// Children of the runner: started, waited for until they are ready, paused, and always ended.
import { type ChildProcess, spawn } from 'node:child_process'
import type { Guardian } from './guard-run.ts'
import { processState } from './process-state.ts'

const OUTPUT_TAIL_CHARS = 4_000
const SIGNAL_SEEN_WITHIN_MS = 1_000
const OUTPUT_READ_WITHIN_MS = 500

export interface ChildOptions {
  /** For people: stands in every error. */
  name: string
  /** Absolute path of a .ts file that says `{ ready: true, ports }` over IPC. */
  entry: string
  args?: string[]
  /** The child's whole environment; left out, it inherits ours. */
  env?: NodeJS.ProcessEnv
  readyWithinMs: number
  /** Ends the child should we die. */
  guardian?: Pick<Guardian, 'watch' | 'forget'>
}

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

/** A running child. */
export interface Child {
  name: string
  pid: number
  ports: Record<string, number>
  /** Any structured-cloneable value. Lost without a word when the child has gone: `exited` tells that. */
  send(message: unknown): void
  /** Every message after the first, which said it is ready. Returns what ends the listening. */
  onMessage(listener: (message: unknown) => void): () => void
  /** Stops it in its tracks (SIGSTOP), connections and all; resolves when the system shows it stopped. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Asks it to end (SIGTERM), and ends it (SIGKILL) when it has not within `withinMs`. */
  stop(options?: { withinMs?: number }): Promise<Exit>
  kill(): Promise<Exit>
  /** Closes the channel to it, as our own death would; a well-bred child then ends itself. */
  disconnect(): void
  exited: Promise<Exit>
  /** The last lines it wrote to stdout and stderr. */
  outputTail(): string
}

/**
 * Starts a child in a session of its own, so that Ctrl-C reaches the runner alone and the runner ends it in order.
 * @throws when it ends or is not ready within `readyWithinMs`, with its last lines; it is not left running
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { name, entry, args = [], env, readyWithinMs, guardian } = options
  const child = spawn(process.execPath, [entry, ...args], {
    ...(env === undefined ? {} : { env }),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    serialization: 'advanced',
  })
  const outputTail = keepTail(child)
  const exited = exitOf(child)
  try {
    if (child.pid !== undefined) guardian?.watch(child.pid)
    const ports = await readyMessage(child, exited, readyWithinMs)
    const pid = child.pid!
    exited.then(() => guardian?.forget(pid))
    return childHandle({ name, pid, ports, child, exited, outputTail })
  } catch (cause) {
    child.kill('SIGKILL')
    await exited
    if (child.pid !== undefined) guardian?.forget(child.pid)
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`${name} did not start: ${reason}; it said: ${outputTail().trim() || 'nothing'}`, {
      cause,
    })
  }
}

function keepTail(child: ChildProcess): () => string {
  let tail = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      tail = (tail + text).slice(-OUTPUT_TAIL_CHARS)
    })
  }
  return () => tail
}

/** Resolves once the process has ended and its output has been read; never rejects. */
function exitOf(child: ChildProcess): Promise<Exit> {
  const streams = [child.stdout, child.stderr].filter(stream => stream !== null)
  const read = Promise.all(streams.map(stream => new Promise(resolve => stream.once('close', resolve))))
  return new Promise(resolve => {
    // Not 'close', which never comes once we have closed the channel ourselves.
    child.once('exit', (code, signal) => {
      // A grandchild that keeps the pipes open must not keep us.
      const timer = setTimeout(() => resolve({ code, signal }), OUTPUT_READ_WITHIN_MS)
      read.then(() => {
        clearTimeout(timer)
        resolve({ code, signal })
      })
    })
    child.once('error', () => {
      if (child.pid === undefined) resolve({ code: null, signal: null })
    })
  })
}

function readyMessage(
  child: ChildProcess,
  exited: Promise<Exit>,
  withinMs: number,
): Promise<Record<string, number>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not ready within ${withinMs} ms`)), withinMs)
    child.once('message', message => {
      clearTimeout(timer)
      if (isReady(message)) resolve(message.ports)
      else reject(new Error('its first message was not { ready: true, ports }'))
    })
    child.once('error', reject)
    exited.then(({ code, signal }) => {
      clearTimeout(timer)
      reject(new Error(`it ended with ${signal ?? `code ${code}`} before it was ready`))
    })
  })
}

function isReady(message: unknown): message is { ready: true; ports: Record<string, number> } {
  return typeof message === 'object' && message !== null && 'ready' in message && message.ready === true
}

function childHandle(parts: {
  name: string
  pid: number
  ports: Record<string, number>
  child: ChildProcess
  exited: Promise<Exit>
  outputTail: () => string
}): Child {
  const { name, pid, ports, child, exited, outputTail } = parts
  child.on('error', () => {}) // a message to a child that has just gone; `exited` tells

  const stopWithin = async (withinMs: number) => {
    // A paused process would keep the SIGTERM for later.
    child.kill('SIGCONT')
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), withinMs)
    const exit = await exited
    clearTimeout(timer)
    return exit
  }
  return {
    name,
    pid,
    ports,
    exited,
    outputTail,
    send(message) {
      if (child.connected) child.send(message as object, () => {})
    },
    onMessage(listener) {
      child.on('message', listener)
      return () => child.off('message', listener)
    },
    async pause() {
      child.kill('SIGSTOP')
      await untilPaused(name, pid, true)
    },
    async resume() {
      child.kill('SIGCONT')
      await untilPaused(name, pid, false)
    },
    disconnect() {
      if (child.connected) child.disconnect()
    },
    stop: ({ withinMs = 2_000 } = {}) => stopWithin(withinMs),
    kill() {
      child.kill('SIGKILL')
      return exited
    },
  }
}

/** Waits until the system shows the process as paused or not; where it cannot show it, the signal must do. */
async function untilPaused(name: string, pid: number, wanted: boolean): Promise<void> {
  const end = performance.now() + SIGNAL_SEEN_WITHIN_MS
  for (;;) {
    const state = processState(pid)
    if (state === null) {
      if (wanted) throw new Error(`${name} cannot be paused: it has ended`)
      return
    }
    if (state.startedAt === null || state.isPaused === wanted) return
    if (performance.now() > end)
      throw new Error(`${name} (pid ${pid}) did not ${wanted ? 'pause' : 'resume'}`)
    await new Promise(resolve => setTimeout(resolve, 1))
  }
}
