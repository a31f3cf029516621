import { deepStrictEqual } from 'node:assert'

/** One kind of traffic. Every contender must give the expected answer before it is measured. */
export interface Workload {
  readonly name: string
  readonly title: string
  readonly path: string
  readonly body?: string
  readonly accept?: string
  readonly connections: number
  /** Messages in one answer; then the cost is that of a message. */
  readonly messages?: number
  readonly peers: readonly Peer[]
  /** Throws unless this is the right answer. */
  check(answer: string): void
}
export const PEERS = ['envoy', 'grpc-gateway'] as const
export type Peer = (typeof PEERS)[number]

const item = {
  id: 'item-0042',
  displayName: 'Analysis engine',
  amount: '1234567890123',
  ratio: 0.625,
  active: true,
  grade: 'GRADE_FINE',
  tags: ['iron', 'steam'],
  place: { street: '7 Dorset', city: 'London', zip: 12345 },
}
const asked = {
  id: 'item-7',
  displayName: 'Ada',
  amount: '42',
  active: true,
  grade: 'GRADE_FINE',
  tags: ['a', 'b'],
  pageSize: 7,
  place: { city: 'London' },
}
const QUOTES = 10_000

/** What the benchmark knows; the backend (go/backend) makes the answers. */
export const WORKLOADS: readonly Workload[] = [
  {
    name: 'w1post',
    title: 'W1 POST, 206 B of JSON → unary gRPC → 283 B',
    path: '/v1/items',
    body: JSON.stringify(item),
    connections: 32,
    peers: PEERS,
    check: (answer) => within({ item, server: 'backend' }, JSON.parse(answer)),
  },
  {
    name: 'w1get',
    title: 'W1 GET, a path variable and eight query parameters → unary gRPC',
    path: '/v1/items/item-7?displayName=Ada&amount=42&active=true&grade=GRADE_FINE&tags=a&tags=b&place.city=London&pageSize=7',
    connections: 32,
    peers: PEERS,
    check: (answer) => within({ item: asked, server: 'backend' }, JSON.parse(answer)),
  },
  {
    name: 'w2',
    title: 'W2 GET, a list of 100 objects, 21 KB of JSON',
    path: '/v1/shelves/1/books?pageSize=100',
    connections: 32,
    peers: PEERS,
    check(answer) {
      const { books, total } = JSON.parse(answer)
      deepStrictEqual(
        [books.length, total, books[99].isbn, books[99].price],
        [100, '98765432101', '9780000000099', 107.75],
      )
      within({ title: 'Volume 0 of "The Works"', grade: 'GRADE_FINE', tags: ['fiction', 'classic'] }, books[0])
    },
  },
  {
    name: 'w3',
    title: 'W3 server stream → NDJSON, 10,000 messages for a request',
    path: `/v1/quotes/ACME?count=${QUOTES}`,
    accept: 'application/x-ndjson',
    connections: 4,
    messages: QUOTES,
    peers: PEERS,
    check(answer) {
      const lines = answer.trimEnd().split('\n')
      const last = JSON.parse(lines.at(-1)!)
      // grpc-gateway wraps every message.
      deepStrictEqual(last.result ?? last, { serial: String(QUOTES), symbol: 'ACME', value: QUOTES / 2 - 0.25 })
      deepStrictEqual(lines.length, QUOTES)
    },
  },
  {
    name: 'w4',
    title: 'W4 plain HTTP proxy, 1 KB',
    path: '/plain/text',
    connections: 32,
    peers: ['envoy'],
    check: (answer) => deepStrictEqual(answer, 'x'.repeat(1024)),
  },
]

/** Whatever is expected is there. Peers differ in whether they print defaults, so there may be more. */
const within = (expected: object, actual: object): void => {
  for (const [key, value] of Object.entries(expected)) {
    const found: unknown = Reflect.get(actual, key)
    if (typeof value === 'object' && !Array.isArray(value) && typeof found === 'object' && found !== null)
      within(value, found)
    else deepStrictEqual(found, value, `${key}: ${JSON.stringify(found)} in place of ${JSON.stringify(value)}`)
  }
}
