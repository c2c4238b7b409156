const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const TIME = String.raw`(?<hour>\d\d):(?<minute>\d\d):(?<second>\d\d)`
const FORMATS = [
  new RegExp(String.raw`^[A-Z][a-z]{2}, (?<day>\d\d) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) ${TIME} GMT$`),
  new RegExp(String.raw`^[A-Z][a-z]+day, (?<day>\d\d)-(?<month>[A-Z][a-z]{2})-(?<year>\d\d) ${TIME} GMT$`),
  new RegExp(String.raw`^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \d]\d) ${TIME} (?<year>\d{4})$`),
]
/** A year of two digits that would lie further ahead than this lies in the century before (RFC 9110, 5.6.7). */
const YEARS_AHEAD = 50

/**
 * An HTTP date in ms since the epoch, or undefined for whatever is none.
 * `Date.parse` would also take "3600", as a year.
 */
export function httpDateMs(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  for (const format of FORMATS) {
    const parts = format.exec(value)?.groups
    if (parts === undefined) continue
    const { day, month = '', year = '', hour, minute, second } = parts
    const monthIndex = MONTHS.indexOf(month)
    if (monthIndex === -1) return undefined
    return Date.UTC(wholeYear(year), monthIndex, Number(day), Number(hour), Number(minute), Number(second))
  }
  return undefined
}

function wholeYear(year: string): number {
  if (year.length === 4) return Number(year)
  const thisYear = new Date().getUTCFullYear()
  const inThisCentury = thisYear - (thisYear % 100) + Number(year)
  return inThisCentury > thisYear + YEARS_AHEAD ? inThisCentury - 100 : inThisCentury
}
