const MOST = 100

/** What was made for this key lately, or else is made now: upstreams say the same few things all the time. */
export function recall<T>(memory: Map<string, T>, key: string, make: () => T): T {
  let value = memory.get(key)
  if (value === undefined) {
    if (memory.size >= MOST) memory.clear()
    value = make()
    memory.set(key, value)
  }
  return value
}
