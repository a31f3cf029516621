/** The static table of HPACK (RFC 7541 appendix A), from index 1 on. */
const ROWS: readonly (readonly [name: string, value?: string])[] = [
  [':authority'],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset'],
  ['accept-encoding', 'gzip, deflate'],
  ['accept-language'],
  ['accept-ranges'],
  ['accept'],
  ['access-control-allow-origin'],
  ['age'],
  ['allow'],
  ['authorization'],
  ['cache-control'],
  ['content-disposition'],
  ['content-encoding'],
  ['content-language'],
  ['content-length'],
  ['content-location'],
  ['content-range'],
  ['content-type'],
  ['cookie'],
  ['date'],
  ['etag'],
  ['expect'],
  ['expires'],
  ['from'],
  ['host'],
  ['if-match'],
  ['if-modified-since'],
  ['if-none-match'],
  ['if-range'],
  ['if-unmodified-since'],
  ['last-modified'],
  ['link'],
  ['location'],
  ['max-forwards'],
  ['proxy-authenticate'],
  ['proxy-authorization'],
  ['range'],
  ['referer'],
  ['refresh'],
  ['retry-after'],
  ['server'],
  ['set-cookie'],
  ['strict-transport-security'],
  ['transfer-encoding'],
  ['user-agent'],
  ['vary'],
  ['via'],
  ['www-authenticate'],
]

export interface Field {
  readonly name: string
  readonly value: string
}
/** Index 0 is no field. */
export const STATIC: readonly Field[] = [
  { name: '', value: '' },
  ...ROWS.map(([name, value = '']) => ({ name, value })),
]
/** Index of the first dynamic field. */
export const FIRST_DYNAMIC: number = STATIC.length

const NAMES = new Map<string, number>()
STATIC.forEach(({ name }, index) => {
  if (index > 0 && !NAMES.has(name)) NAMES.set(name, index)
})
/** The lowest static index with this name; 0 when there is none. */
export const staticName = (name: string): number => NAMES.get(name) ?? 0

/** What a field counts in a dynamic table and in a header list (RFC 7541 §4.1, RFC 9113 §10.5.1). */
export const fieldSize = (name: string, value: string): number => name.length + value.length + 32
