// What should be gone from a store that could not be told: to be taken for gone until it is.

/** Most names that are kept one by one; beyond them everything is doubtful. */
const MOST = 1_000
const RETRY_MS = 500

/** Ends the name that stands for all names that start with it. */
export const EVERY = '*'

/** Is the name meant, by itself or by how it starts? */
export function isMeantBy(meant: string, name: string): boolean {
  return meant.endsWith(EVERY) ? name.startsWith(meant.slice(0, -EVERY.length)) : name === meant
}

/** Names whose values may not be used. */
export interface Doubtful {
  has(name: string): boolean
  /** Has these names removed, again and again until it is done. */
  forget(name: string): void
  /** Takes it for gone while it is removed, once. */
  during(name: string, removal: Promise<void>): Promise<void>
  /** Another value has taken its place. */
  replaced(name: string): void
  close(): void
}

/** @param remove rejects where it cannot be done now */
export function doubtfulNames(remove: (name: string) => Promise<void>): Doubtful {
  const names = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  let isClosed = false

  function forget(wanted: string): void {
    const name = names.size < MOST ? wanted : EVERY
    if (name === EVERY) names.clear()
    names.add(name)
    remove(name).then(
      () => names.delete(name),
      () => {
        // What was overtaken by a later value meanwhile is no longer among them.
        if (!isClosed && names.size > 0) timer ??= setTimeout(again, RETRY_MS).unref()
      },
    )
  }

  function again(): void {
    timer = undefined
    for (const name of [...names]) forget(name)
  }

  return {
    has(name) {
      if (names.size === 0) return false
      if (names.has(name)) return true
      for (const meant of names) if (isMeantBy(meant, name)) return true
      return false
    },
    forget,
    during(name, removal) {
      if (names.has(name)) return removal
      names.add(name)
      return removal.finally(() => names.delete(name))
    },
    replaced(name) {
      names.delete(name)
    },
    close() {
      isClosed = true
      clearTimeout(timer)
    },
  }
}
