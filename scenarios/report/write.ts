// Puts a report on the disk whole or not at all: a reader never meets half a file.
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { html } from './html.ts'
import { toJson } from './json.ts'
import { junit } from './junit.ts'
import { markdown } from './markdown.ts'
import type { Report } from './report.ts'

/** Where each rendering was written. */
export interface ReportPaths {
  json: string
  markdown: string
  html: string
  junit: string
}

/** The disk would not take the report; the message is one line with path, reason, and what to do. */
export class ReportWriteError extends Error {
  override name = 'ReportWriteError'
}

/**
 * Writes every rendering into `folder`, which is made if need be.
 * @throws ReportWriteError when the disk refuses; nothing partial is left behind
 */
export async function writeReport(report: Report, folder: string): Promise<ReportPaths> {
  const paths: ReportPaths = {
    json: join(folder, 'report.json'),
    markdown: join(folder, 'report.md'),
    html: join(folder, 'report.html'),
    junit: join(folder, 'junit.xml'),
  }
  const files: [path: string, text: string][] = [
    [paths.json, toJson(report)],
    [paths.markdown, markdown(report)],
    [paths.html, html(report)],
    [paths.junit, junit(report)],
  ]
  try {
    await mkdir(folder, { recursive: true })
    await writeWhole(files)
  } catch (cause) {
    throw new ReportWriteError(`cannot write the report to ${folder}: ${reasonOf(cause)}`, { cause })
  }
  return paths
}

/** Writes all of these files or none of them; nothing partial is left behind. */
export async function writeWhole(files: [path: string, content: string | Uint8Array][]): Promise<void> {
  const partial = (path: string) => `${path}.${process.pid}.partial`
  try {
    for (const [path, content] of files) await writeFile(partial(path), content, { flush: true })
    for (const [path] of files) await rename(partial(path), path)
  } catch (cause) {
    await Promise.allSettled(files.map(([path]) => rm(partial(path), { force: true })))
    throw cause
  }
}

/** Why the disk refused, and what to do about it, in one line. */
export function reasonOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const known: Record<string, string> = {
    EACCES: 'permission denied (EACCES); make the folder writable for this user',
    EPERM: 'not permitted (EPERM); make the folder writable for this user',
    EROFS: 'the file system is read-only (EROFS); run from a folder that can be written',
    ENOSPC: 'no space left on the device (ENOSPC); free some and run again',
    ENOTDIR: 'a file is where a folder must be (ENOTDIR); move it out of the way',
    EEXIST: 'a file is where the folder must be (EEXIST); move it out of the way',
    EISDIR: 'a folder is where a file must be (EISDIR); move it out of the way',
  }
  const other = cause instanceof Error ? cause.message.replaceAll(/\s+/g, ' ') : String(cause)
  return known[code] ?? `${other}; look whether the folder can be written`
}
