import type { Report } from './report.ts'
export function html(_: Report): string {
  return ''
}
