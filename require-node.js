// Preloaded by every npm script, so that a Node that cannot run TypeScript gives one line and no stack.
// Plain JavaScript on purpose: it must load in the Node it refuses.
import * as nodeModule from 'node:module'
import { join } from 'node:path'

const [major] = process.versions.node.split('.').map(Number)

if (major < 24) {
  process.stderr.write(
    `Leeward needs Node 24 or later, this is ${process.version} (${process.execPath}). ` +
      'Run `npm ci` without --omit=optional to get the pinned runtime, or install Node 24.\n',
  )
  // Not 1, which would say of a scenario that its verdict is a fail.
  process.exit(4)
}

// What was compiled is kept for the next start, in a folder that is ours alone; children inherit the variable.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, 'node_modules', '.cache', 'node')
nodeModule.enableCompileCache(process.env.NODE_COMPILE_CACHE)
