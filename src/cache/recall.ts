const MOST = 100

/**
 * What was made for a key lately, or else is made now: upstreams say the same few things all the time, and mostly what they
 * said last, which is compared without being hashed.
 */
export function recalling<T>(make: (key: string) => T): (key: string) => T {
  const memory = new Map<string, T>()
  let lastKey: string | undefined
  let last: T
  return key => {
    if (key === lastKey) return last
    let value = memory.get(key)
    if (value === undefined) {
      if (memory.size >= MOST) memory.clear()
      value = make(key)
      memory.set(key, value)
    }
    lastKey = key
    last = value
    return value
  }
}
