import type { Pair } from '../model.ts'
import { get } from './paths.ts'
import type { Random } from './random.ts'
import { LISTS, SCALARS, sample, WELL_KNOWN } from './values.ts'

const encode = (text: string): string => encodeURIComponent(text)

export const scalars = (random: Random): Pair => {
  const feature = 'query-scalars'
  const [field, kind] = random.pick(SCALARS)
  const [text, tag] = sample(random, kind)
  const shape = random.below(16)
  if (shape === 0) return get(feature, 'key-alone', `/q?${field}`)
  if (shape === 1) return get(feature, 'repeated-key', `/q?${field}=1&${field}=${random.pick(['1', '0'])}`)
  if (shape === 2) return get(feature, 'plus-is-space', `/q?os=a+${random.word(4)}`)
  if (shape === 3) return get(feature, 'escaped-key', `/q?%6f%73=${random.word(5)}`)
  if (shape === 4) return get(feature, 'malformed-escape', `/q?s=${random.word(3)}${random.pick(['%', '%zz', '%4'])}`)
  if (shape === 5)
    return get(feature, 'invalid-utf-8', `/q?s=${random.word(3)}${random.pick(['%ff', '%C3%28', '%ED%A0%80'])}`)
  if (shape === 6)
    return get(
      feature,
      random.pick(['empty-pair']),
      `/q?&${field}=${encode(text)}&&`.replace(/=.*/, `=${encode(random.word(3))}&&`).replace(/\?&\w+/, '?&os'),
    )
  if (shape === 7) return get(feature, 'equals-in-value', `/q?s=a=${random.word(3)}=`)
  if (shape === 8) return get(feature, 'semicolon', `/q?s=${random.word(3)};i32=7`)
  return get(feature, tag, `/q?${field}=${encode(text)}`)
}

export const nested = (random: Random): Pair => {
  const feature = 'query-nested'
  const word = random.word(5)
  const number = random.below(100_000)
  const forms: readonly (readonly [string, string])[] = [
    ['ok', `n.s=${word}`],
    ['ok', `n.s=${word}&n.i=${number}`],
    ['ok', `n.inner.inner.s=${word}`],
    ['ok', `child.child.i32=${number}`],
    ['ok', `child.n.list=${word}&child.n.list=b`],
    ['json-name', `n.twoWords=${word}`],
    ['proto-name', `n.two_words=${word}`],
    ['json-name', `snakeCaseName=${word}`],
    ['proto-name', `snake_case_name=${word}`],
    ['given-json-name', `other=${word}`],
    ['proto-name', `renamed=${word}`],
    ['both-names', `snake_case_name=${word}&snakeCaseName=x`],
    ['other-case', `N.S=${word}`],
    ['through-scalar', `s.x=${word}`],
    ['through-list', `rn.s=${word}`],
    ['through-map', `ms.k=${word}`],
    ['map-brackets', `ms[k]=${word}`],
    ['map-brackets', `mi[${number}]=${word}`],
    ['message-itself', `n=${word}`],
    ['message-as-json', `n=${encode(`{"s":"${word}"}`)}`],
    ['empty-part', `n..s=${word}`],
    ['empty-part', `.s=${word}`],
    ['empty-part', `n.=${word}`],
    ['list-index', `rn.0.s=${word}`],
    ['unknown-nested', `n.zz=${word}`],
    ['two-of-oneof', `pick_s=${word}&pick_i=1`],
    ['ok', `pick_s=${word}`],
    ['ok', `pick_n.s=${word}`],
    ['two-of-oneof', `pick_i=${number}&pick_n.s=x`],
    ['prototype-name', `__proto__.s=${word}`],
    ['prototype-name', `n.constructor=${word}`],
  ]
  const [tag, query] = random.pick(forms)
  return get(feature, tag, `/q?${query}`)
}

export const repeated = (random: Random): Pair => {
  const feature = 'query-repeated'
  const [field, kind] = random.pick(LISTS)
  const count = 1 + random.below(4)
  const values = Array.from({ length: count }, () => sample(random, kind))
  const odd = values.find(([, tag]) => tag !== 'ok')
  const tag = odd === undefined ? 'ok' : odd[1]
  const shape = random.below(8)
  const list = random.pick(['ri', 'rl', 'rd'])
  if (shape === 0) return get(feature, 'comma-separated', `/q?${list}=${random.below(99)},${random.below(99)}`)
  if (shape === 1) return get(feature, 'brackets', `/q?${random.pick(['rs', 'ri'])}[]=${random.below(9999)}`)
  if (shape === 2) return get(feature, 'index', `/q?${random.pick(['rs', 'ri'])}[0]=${random.below(9999)}`)
  if (shape === 3) return get(feature, 'apart', `/q?rs=${random.word(3)}&s=x&rs=${random.word(3)}`)
  // One odd value is enough; several would hide each other.
  const kept = odd === undefined ? values : [...values.filter(([, one]) => one === 'ok'), odd]
  return get(feature, tag, `/q?${kept.map(([text]) => `${field}=${encode(text)}`).join('&')}`)
}

export const wellKnown = (random: Random): Pair => {
  const feature = 'query-well-known-types'
  const [field, kind] = random.pick(WELL_KNOWN)
  const [text, tag] = sample(random, kind)
  const shape = random.below(14)
  const word = random.word(4)
  if (shape === 0) return get(feature, 'inside-timestamp', `/q?ts.seconds=${random.below(99_999)}`)
  if (shape === 1) return get(feature, 'inside-wrapper', `/q?wi.value=${random.below(99_999)}`)
  if (shape === 2) return get(feature, 'struct-as-json', `/q?st=${encode(`{"a":"${word}"}`)}`)
  if (shape === 3)
    return get(feature, 'value', `/q?va=${random.pick([word, encode(`"${word}"`), String(random.below(999))])}`)
  if (shape === 4)
    return get(feature, 'any', `/q?any=${encode(`{"@type":"type.googleapis.com/differences.v1.Leaf","s":"${word}"}`)}`)
  if (shape === 5)
    return get(
      feature,
      'list-of-timestamps',
      `/q?rts=2024-02-29T12:00:${10 + random.below(49)}Z&rts=1970-01-01T00:00:00Z`,
    )
  if (shape === 6) return get(feature, 'null-value', `/q?nv=${random.pick(['NULL_VALUE', 'null', '0'])}&s=${word}`)
  if (shape === 7) return get(feature, 'empty-message', `/q?em=${random.pick(['', '{}'])}&s=${word}`)
  if (shape === 8) return get(feature, 'list-of-wrappers', `/q?rwi=${random.below(99)}&rwi=${random.below(9999)}`)
  return get(feature, tag, `/q?${field}=${encode(text)}`)
}

export const conflicts = (random: Random): Pair => {
  const feature = 'query-unknown-and-conflict'
  const word = random.word(5)
  const post = (tag: string, target: string, body: string): Pair => ({
    feature,
    tag,
    method: 'POST',
    target,
    headers: [['Content-Type', 'application/json']],
    body: Buffer.from(body),
  })
  const forms: readonly (() => Pair)[] = [
    () => get(feature, 'unknown-key', `/q?${random.pick(['zz', 'utm_source', 'S', 'i_32'])}=${word}`),
    () =>
      get(
        feature,
        'system-key',
        `/q?${random.pick(['$alt', '$fields', 'access_token', 'alt', 'key', 'prettyPrint', 'callback'])}=${word}`,
      ),
    () => get(feature, 'unknown-beside-known', `/q?s=${word}&zz=1`),
    () => get(feature, 'query-names-path-field', `/q/bound/alice?s=${word}`),
    () => get(feature, 'query-repeats-path-field', `/q/bound/${word}?s=${word}`),
    () => get(feature, 'ok', `/q/bound/${word}?i32=${random.below(99)}`),
    () => get(feature, 'query-names-nested-path-field', `/q/nested/alice?n.s=${word}`),
    () => get(feature, 'ok', `/q/nested/${word}?n.i=${random.below(99)}`),
    () => post('query-names-body-field', `/q/field?n.s=${word}`, '{"i":1}'),
    () => post('query-names-body-field-set-twice', `/q/field?n.s=${word}`, `{"s":"${random.word(3)}"}`),
    () => post('ok', `/q/field?s=${word}`, `{"s":"${random.word(3)}"}`),
    () => post('query-beside-body-star', `/q/all?s=${word}`, '{"i32":1}'),
    () => post('query-beside-body-star', `/q/all?s=${word}`, `{"s":"${random.word(3)}"}`),
    () => post('unknown-beside-body-star', `/q/all?zz=${word}`, '{"i32":1}'),
    () => get(feature, 'empty-key', `/q?=${word}`),
  ]
  return random.pick(forms)()
}
