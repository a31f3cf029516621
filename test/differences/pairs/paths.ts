import type { Pair } from '../model.ts'
import type { Random } from './random.ts'
import { type Sample, sample } from './values.ts'

/** A request without a body. */
export const get = (feature: string, tag: string, target: string, method = 'GET'): Pair => ({
  feature,
  tag,
  method,
  target,
  headers: [],
})

const LITERAL_PATHS = [
  'a/b',
  'a',
  'b',
  'special',
  'a/x',
  'x/b',
  'q/c/r',
  'a/c/b',
  'x/1/y/2',
  'x/1/y',
  'anon/7/tail',
  'anon/b',
  'nested/1/of/2',
  'nested/b',
  'v1.2/with-dash_and~tilde/7',
  'v1x2/with-dash_and~tilde/7',
  'more/1',
  'more/b',
  'more/1/and/2',
  'more',
  'nothing/here/at/all',
  'a/b/c',
  'special/b',
  'special/c/r',
  'x/b/y/b',
  'A',
  'Special',
  'a/special',
  'x/1/Y/2',
]

const jumble = (random: Random, path: string): string =>
  path
    .split('/')
    .map((part) => (/^[0-9qrx]$/.test(part) || random.chance(0.15) ? random.word(5) : part))
    .join('/')

export const literals = (random: Random): Pair => {
  const path = jumble(random, random.pick(LITERAL_PATHS))
  const feature = 'path-literals-and-stars'
  const shape = random.below(12)
  if (shape === 0) return get(feature, 'trailing-slash', `/lit/${path}/`)
  if (shape === 1) return get(feature, 'empty-segment', `/lit//${path}`)
  if (shape === 2)
    return get(feature, 'empty-segment', `/lit/${path.replace('/', '//')}${path.includes('/') ? '' : '//b'}`)
  if (shape === 3)
    return get(feature, 'dot-segment', `/lit/${random.pick(['./', '../lit/', '%2e/', '%2E%2e/lit/'])}${path}`)
  if (shape === 4) return get(feature, 'escaped-slash', `/lit/${path.replace('/', '%2F')}%2f`)
  if (shape === 5) return get(feature, 'ok', `/lit/${path}`, 'POST')
  if (shape === 6) return get(feature, 'escaped-literal', `/lit/${escapeOne(random, path)}`)
  if (shape === 7) return get(feature, 'other-prefix', `/${random.word()}/${path}`)
  return get(feature, 'ok', `/lit/${path}`)
}

/** Writes one letter as its escape, which RFC 3986 calls the same path. */
const escapeOne = (random: Random, path: string): string => {
  const at = random.below(path.length)
  if (path[at] === '/') return `%61/${path}`
  return `${path.slice(0, at)}%${path.charCodeAt(at).toString(16)}${path.slice(at + 1)}`
}

export const doubleStars = (random: Random): Pair => {
  const feature = 'double-star'
  const depth = random.below(4)
  const rest = Array.from({ length: depth }, () => random.word(5)).join('/')
  const prefix = random.pick(['rest', 'below/a', 'below/b', 'unnamed', 'verb', 'mixed', 'mixed/one', 'two', 'two/x'])
  const tail = rest === '' ? '' : `/${rest}`
  const verb = prefix === 'verb' ? random.pick([':read', ':read', ':other', '']) : random.chance(0.1) ? ':read' : ''
  const path = `/ds/${prefix}${tail}${verb}`
  const zero = rest === '' ? 'zero-segments' : verb === '' ? 'ok' : 'verb'
  const shape = random.below(10)
  if (shape === 0) return get(feature, 'trailing-slash', `${path}/`)
  if (shape === 1) return get(feature, 'empty-segment', `${path}//${random.word(4)}`)
  if (shape === 2) return get(feature, 'escaped-slash', `${path}/${random.word(3)}%2F${random.word(3)}`)
  if (shape === 3) return get(feature, 'escaped-percent', `${path}/${random.word(3)}%252F${random.word(3)}`)
  if (shape === 4)
    return get(
      feature,
      'escapes',
      `${path}/a%20b${random.pick(['%3F', '%23', '%3A', '%2B', '%C3%A4'])}${random.word(3)}`,
    )
  return get(feature, zero, path)
}

export const verbs = (random: Random): Pair => {
  const feature = 'verbs'
  const word = random.word(5)
  const forms: readonly (readonly [string, string])[] = [
    ['ok', `/verb/${word}`],
    ['ok', `/verb/${word}:read`],
    ['unknown-verb', `/verb/${word}:burn`],
    ['several-colons', `/verb/urn:${word}:read`],
    ['several-colons', `/verb/urn:${word}:x`],
    ['several-colons', `/verb/${word}:read:read`],
    ['escaped-colon', `/verb/${word}%3Aread`],
    ['escaped-colon', `/verb/${word}%3aread`],
    ['empty-verb', `/verb/${word}:`],
    ['empty-name', '/verb/:read'],
    ['ok', `/verb/list/all:dump`],
    ['missing-verb', `/verb/list/${random.pick(['all', word])}`],
    ['ok', `/verb/sub/${word}:read-all`],
    ['unknown-verb', `/verb/sub/${word}:read`],
    ['missing-verb', `/verb/sub/${word}`],
    ['ok', `/verbonly/${word}:go`],
    ['missing-verb', `/verbonly/${word}`],
    ['unknown-verb', `/verbonly/${word}:stop`],
    ['several-colons', `/verbonly/a:${word}:go`],
    ['ok', `/verbnumber/${random.below(1000)}`],
    ['verb-on-number', `/verbnumber/${random.below(1000)}:go`],
    ['verb-of-other-method', `/verb/${word}:write`],
    ['verb-case', `/verb/${word}:READ`],
    ['trailing-slash', `/verb/${word}:read/`],
    ['colon-inside', `/verb/a:b/${word}`],
    ['escaped-verb', `/verb/${word}:re%61d`],
  ]
  const [tag, target] = random.pick(forms)
  return get(feature, tag, target)
}

const RAW = ['!', '$', '&', "'", '(', ')', '*', '+', ',', ';', '=', '@', '~', '_', '-', '.', 'x.y']

export const percent = (random: Random): Pair => {
  const feature = 'percent-decoding'
  const place = random.pick(['one/', 'sub/x/', 'rest/', 'rest/a/'])
  const at = (tag: string, text: string): Pair =>
    get(feature, tag, `/pct/${place}${random.word(3)}${text}${random.word(2)}`)
  const shape = random.below(14)
  if (shape < 4) {
    const code = random.below(0x80)
    const digits = code.toString(16).padStart(2, '0')
    const name = code < 0x20 || code === 0x7f ? 'escaped-control' : code === 0x2f ? 'escaped-slash' : 'escaped-ascii'
    return at(code === 0 ? 'escaped-nul' : name, `%${random.chance(0.5) ? digits : digits.toUpperCase()}`)
  }
  if (shape === 4)
    return at('utf-8', encodeURIComponent(random.pick(['ä', '€', '😀', 'é', '\u0800', '\uFFFD', '\u{10FFFF}'])))
  if (shape === 5)
    return at('invalid-utf-8', random.pick(['%C3%28', '%FF', '%80', '%ED%A0%80', '%C0%80', '%F5%80%80%80', '%C3']))
  if (shape === 6) return at('malformed-escape', `${random.pick(['%', '%G1', '%1', '%%20', '%2', '%u00e4', '%-1'])}x`)
  if (shape === 7) return at('escaped-percent', random.pick(['%2541', '%25', '%252F', '%25zz']))
  if (shape === 8) return at('raw-reserved', random.pick(RAW))
  if (shape === 9) return at('escaped-slash', random.pick(['%2F', '%2f', '%2Fb%2F']))
  if (shape === 10)
    return get(
      feature,
      'escaped-literal',
      `/pct/lit%2Deral/${random.pick(['end', 'e%6Ed', 'en%64'])}?os=${random.word(4)}`,
    )
  if (shape === 11) return get(feature, 'other-case-literal', `/pct/LIT-eral/end?os=${random.word(4)}`)
  if (shape === 12) return at('raw-non-ascii', random.pick(['\xc3\xa4', '\xe2\x82\xac', '\xff']))
  return at('ok', random.word(6))
}

const TYPED = [
  ['i32', 'i32'],
  ['i64', 'i64'],
  ['u32', 'u32'],
  ['u64', 'u64'],
  ['z32', 'i32'],
  ['f64', 'u64'],
  ['g32', 'i32'],
  ['flt', 'float'],
  ['dbl', 'double'],
  ['b', 'bool'],
  ['y', 'bytes'],
  ['c', 'enum'],
  ['oi', 'i32'],
  ['pick', 'i32'],
  ['ni', 'i32'],
] as const
const WRAPPED = [
  ['ts', 'timestamp'],
  ['du', 'duration'],
  ['wi', 'i32'],
  ['ws', 'string'],
  ['wb', 'bool'],
] as const

const escaped = (text: string): string => encodeURIComponent(text).replaceAll('%2B', '+').replaceAll('%3D', '=')

const typed = (feature: string, prefix: string, name: string, [text, tag]: Sample): Pair =>
  get(feature, text === '' ? 'empty-segment' : tag, `/${prefix}/${name}/${escaped(text)}`)

export const pathTypes = (random: Random): Pair => {
  const [name, kind] = random.pick(TYPED)
  return typed('path-types', 'pt', name, sample(random, kind))
}

export const pathMessages = (random: Random): Pair => {
  const [name, kind] = random.pick(WRAPPED)
  return typed('path-well-known-types', 'pm', name, sample(random, kind))
}
