// The `toxics` of populate's entries, which the real server ignores.
import { ApiError, badBody } from './api/api-error.ts'
import { type Fields, kindOf } from './json/json.ts'
import { readToxic, type ToxicEntry, type ToxicRules } from './toxic-entry.ts'

/**
 * The toxics of each entry; undefined of one that names none, and whose toxics are not its business.
 * @throws ApiError 400 with the place, such as "invalid toxic type at proxy 2, toxic 1"
 */
export function readPopulatedToxics(entries: Fields[], rules: ToxicRules): (ToxicEntry[] | undefined)[] {
  return entries.map((entry, index) => readToxics(entry, rules, `at proxy ${index + 1}`))
}

function readToxics(entry: Fields, rules: ToxicRules, place: string): ToxicEntry[] | undefined {
  const bodies = entry.any('toxics')
  if (bodies === undefined) return undefined
  if (!Array.isArray(bodies)) {
    const problem = `cannot unmarshal ${kindOf(bodies)} into Go struct field Proxy.toxics of type []toxics.ToxicWrapper`
    throw badBody(`json: ${problem} ${place}`)
  }
  const toxics: ToxicEntry[] = []
  for (const [index, body] of bodies.entries()) {
    const isTaken = (name: string) => toxics.some(toxic => toxic.name === name)
    const refuseTaken = () => new ApiError(400, 'toxic already exists')
    try {
      toxics.push(readToxic(body, rules, isTaken, refuseTaken))
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      throw new ApiError(error.status, `${error.message} ${place}, toxic ${index + 1}`)
    }
  }
  return toxics
}
