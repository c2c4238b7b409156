import { describe, expect, test } from 'vitest'
import { against, interleave, type Row, type Subject, spreadOf } from '../../bench/rounds.ts'
import { VoidError } from '../../bench/void-error.ts'

const subject = (name: string): Subject => ({ name })
const row = (rounds: number[], reason = ''): Row<number> => ({
  subject: subject('any'),
  rounds,
  void: reason,
})

describe('interleaved rounds', () => {
  test('every subject has its slice in turn, turned round every second time, and the first slice counts for nothing', async () => {
    const asked: string[] = []
    const rows = await interleave(
      [subject('a'), subject('b')],
      { rounds: 2, slices: 2 },
      async ({ name }) => {
        asked.push(name)
        return asked.length
      },
    )
    expect(asked.join(' ')).toBe('a b a b b a a b b a')
    expect(rows.map(({ rounds }) => rounds)).toEqual([
      [
        [3, 6],
        [7, 10],
      ],
      [
        [4, 5],
        [8, 9],
      ],
    ])
  })

  test('a subject that gives a wrong answer is void, is asked no more, and leaves the others alone', async () => {
    let asked = 0
    const rows = await interleave(
      [subject('a'), subject('b')],
      { rounds: 3, slices: 1 },
      async ({ name }) => {
        if (name === 'b') return 1
        asked += 1
        if (asked === 2) throw new VoidError('a body came back broken')
        return 1
      },
    )
    expect(asked).toBe(2)
    expect(rows.map(entry => entry.void)).toEqual(['a body came back broken', ''])
    expect(rows[1]?.rounds).toHaveLength(3)
  })

  test('any other error ends the bench', async () => {
    const broken = () => Promise.reject(new Error('the load generator ended'))
    await expect(interleave([subject('a')], { rounds: 1, slices: 1 }, broken)).rejects.toThrow(
      'the load generator ended',
    )
  })
})

describe('what the rounds say', () => {
  test('the middle is one that was measured, with the least and the most beside it', () => {
    expect(spreadOf([5, 1, 9, 2, 3])).toEqual({ median: 3, least: 1, most: 9 })
  })

  test('a row is held against the same rounds of another', () => {
    const ratio = (own: number, base: number) => own / base
    expect(against(row([2, 6, 20]), row([1, 2, 5]), ratio)).toEqual({ median: 3, least: 2, most: 4 })
  })

  test('against a void row, or of one, nothing is said', () => {
    const ratio = (own: number, base: number) => own / base
    expect(against(row([1]), row([1], 'errors'), ratio)).toBeUndefined()
    expect(against(row([1], 'errors'), row([1]), ratio)).toBeUndefined()
    expect(against(row([1]), undefined, ratio)).toBeUndefined()
  })
})
