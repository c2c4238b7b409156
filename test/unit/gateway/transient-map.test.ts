import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { TransientMap } from '../../../src/transient-map.ts'

describe('a map of what comes and goes', () => {
  test('has what is in it, and not what is gone, however much has passed through', () => {
    const map = new TransientMap<{ id: number }>()
    map.set('stays', { id: -1 })
    for (let id = 0; id < 10_000; id += 1) {
      map.set(`key ${id}`, { id })
      expect(map.get(`key ${id}`)?.id).toBe(id)
      map.delete(`key ${id}`)
      expect(map.get(`key ${id}`)).toBeUndefined()
    }
    expect([...map]).toEqual([['stays', { id: -1 }]])
  })

  test('holds as many at once as there are', () => {
    const map = new TransientMap<{ id: number }>()
    for (let id = 0; id < 5_000; id += 1) map.set(`key ${id}`, { id })
    expect([...map].length).toBe(5_000)
    expect(map.get('key 4321')).toEqual({ id: 4321 })
  })

  test('may lose some while it is gone through', () => {
    const map = new TransientMap<{ id: number }>()
    for (let id = 0; id < 10; id += 1) map.set(`key ${id}`, { id })
    for (const [key, { id }] of map) if (id % 2 === 0) map.delete(key)
    expect([...map].map(([, { id }]) => id)).toEqual([1, 3, 5, 7, 9])
  })

  test('leaves nothing to the quick collections to carry along', () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void
    const map = new TransientMap<{ bytes: string[] }>()
    const pass = (count: number) => {
      for (let id = 0; id < count; id += 1) {
        map.set(`key ${id}`, { bytes: new Array(125).fill(String(id)) })
        if (id >= 50) map.delete(`key ${id - 50}`)
        if (id % 1_000 === 0) collect({ type: 'minor' })
      }
    }
    // What there is at the start has grown old by then.
    pass(2_000)
    collect()
    const before = process.memoryUsage().heapUsed
    // 20 MB of values, of which 50 kB are in the map at any time.
    pass(20_000)
    collect({ type: 'minor' })
    expect((process.memoryUsage().heapUsed - before) / 1e6).toBeLessThan(4)
  })
})
