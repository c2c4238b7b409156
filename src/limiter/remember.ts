/**
 * Makes a value for each key once, and remembers those that were asked for last, at most so many.
 * Two generations: a full one grows old, and what is asked for again in time is saved from it.
 */
export function remember<Value>(most: number, make: (key: string) => Value): (key: string) => Value {
  let young = new Map<string, Value>()
  let old = new Map<string, Value>()
  return key => {
    const known = young.get(key)
    if (known !== undefined) return known
    const value = old.get(key) ?? make(key)
    if (young.size >= most / 2) {
      old = young
      young = new Map()
    }
    young.set(key, value)
    return value
  }
}
