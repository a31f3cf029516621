import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { refusals } from '../../src/listener/refusal.ts'
import { codeName, errors, httpFromStatus, reasonOf } from '../../src/spi.ts'
import { scanCodes, sourceFiles } from '../support/error-codes.ts'

/** Codes that the code puts together, by the template that does it. */
const COMPOSED: Readonly<Record<string, readonly string[]>> = {
  // A module name that is not known, for the kinds of which routes.json names modules.
  '${kind.toUpperCase()}_UNKNOWN': ['POLICY_UNKNOWN', 'BALANCER_UNKNOWN', 'DISCOVERY_UNKNOWN'],
}
/** Codes of Node, of the system and of packages, which are read and never sent. */
const FOREIGN = /^(EAI|ERR|HPE|UND_ERR|WS_ERR)_/
/** Words that look like codes and are none. */
const OTHER_WORDS: ReadonlySet<string> = new Set([
  // Variables of the environment.
  'PROTOGATE_PORT',
  'PROTOGATE_ADMIN_PORT',
  'PROTOGATE_HOST',
  'PROTOGATE_UPSTREAM',
  // Frames of HTTP/2.
  'RST_STREAM',
  'WINDOW_UPDATE',
  // Words of descriptor.proto.
  'IDEMPOTENCY_UNKNOWN',
  'NO_SIDE_EFFECTS',
  'ENUM_ENTRY',
  'LEGACY_REQUIRED',
])

interface Entry {
  readonly code: string
  readonly cells: readonly string[]
}
/** The rows of the tables: a first cell in back quotes. */
const entries: readonly Entry[] = readFileSync(new URL('../../docs/reference/errors.md', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => {
    const [code = '', ...cells] = line
      .replace(/^\| | \|$/g, '')
      .split(' | ')
      .map((cell) => cell.trim())
    return { code: code.replaceAll('`', ''), cells }
  })
const entryOf = new Map(entries.map((entry) => [entry.code, entry]))
const { codes, composed, strays } = scanCodes(sourceFiles(['src', 'adapters']))

test('the scan sees the sources', () => {
  const found = new Set(codes.map(({ text }) => text))
  // One of each kind of place: member, argument of a constructor, of a method, of a function, arm of a condition.
  for (const code of ['CONFIG_UNKNOWN_KEY', 'CLIENT_GONE', 'PROTO_IMPORT_CYCLE', 'QUERY_UNKNOWN', 'WEBSOCKET_PROTOCOL'])
    expect(found).toContain(code)
})

test('every code has an entry in docs/reference/errors.md', () => {
  const missing = codes.filter(({ text }) => !entryOf.has(text)).map(({ text, place }) => `${text} (${place})`)
  expect(missing).toEqual([])
})

test('every composed code is known here and has entries', () => {
  const unknown = composed.filter(({ text }) => COMPOSED[text] === undefined)
  expect(unknown).toEqual([])
  expect(Object.keys(COMPOSED)).toEqual([...new Set(composed.map(({ text }) => text))])
  for (const code of Object.values(COMPOSED).flat()) expect(entryOf.has(code), code).toBe(true)
})

test('every entry has a code', () => {
  const known = new Set([...codes.map(({ text }) => text), ...Object.values(COMPOSED).flat()])
  expect(entries.map(({ code }) => code).filter((code) => !known.has(code))).toEqual([])
})

test('nothing looks like a code where no code is looked for', () => {
  // Some ask for codes: a list of those that make no difference. They are known already.
  const unexplained = strays.filter(({ text }) => !OTHER_WORDS.has(text) && !entryOf.has(text) && !FOREIGN.test(text))
  expect(unexplained).toEqual([])
  const seen = new Set(strays.map(({ text }) => text))
  expect([...OTHER_WORDS].filter((word) => !seen.has(word))).toEqual([])
})

test('an entry stands once, and says what it means and what to do', () => {
  expect(entries.map(({ code }) => code).filter((code, index, all) => all.indexOf(code) !== index)).toEqual([])
  for (const { code, cells } of entries) {
    expect(cells.length, code).toBeGreaterThanOrEqual(2)
    for (const cell of cells) expect(cell, code).not.toBe('')
  }
})

test('entries name the status of the default refusals', () => {
  for (const make of Object.values(errors)) {
    const { status } = make('')
    const reason = reasonOf(status.details)!
    const shown = entryOf.get(reason)!.cells[0]!
    expect(shown, reason).toContain(String(httpFromStatus(status)))
    expect(shown, reason).toContain(codeName(status.code))
  }
})

test('entries name the status of what the listener refuses', () => {
  for (const made of Object.values(refusals)) {
    const { reason, httpStatus, code } = typeof made === 'function' ? made('REQUEST_MALFORMED', '') : made
    expect(entryOf.get(reason)!.cells[0], reason).toBe(`${httpStatus} ${codeName(code)}`)
  }
})

test('entries name the status that stands beside a reason in the code', () => {
  const pairs = codes.flatMap(({ text, place, status }) => {
    const code = nameOfStatus(status)
    return code === undefined ? [] : [{ text, place, code }]
  })
  expect(pairs.length).toBeGreaterThan(50)
  const wrong = pairs.filter(({ text, code }) => !entryOf.get(text)!.cells[0]!.includes(code) && !MANY.has(text))
  expect(wrong).toEqual([])
})

/** Of these the status is as many as there are cases: the entry says so in words. */
const MANY: ReadonlySet<string> = new Set(['UPSTREAM_INVALID'])

/** `Code.NOT_FOUND` and `errors.notFound` → `NOT_FOUND`. */
const nameOfStatus = (status: string | undefined): string | undefined => {
  const constant = /^Code\.([A-Z_]+)$/.exec(status ?? '')?.[1]
  if (constant !== undefined) return constant
  const maker = /^errors\.(\w+)$/.exec(status ?? '')?.[1] as keyof typeof errors | undefined
  return maker === undefined ? undefined : codeName(errors[maker]('').status.code)
}
