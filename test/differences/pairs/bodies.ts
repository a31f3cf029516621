import type { Pair } from '../model.ts'
import { get } from './paths.ts'
import type { Random } from './random.ts'

/** A request with a body of JSON. */
export const send = (feature: string, tag: string, method: string, target: string, body: string): Pair => ({
  feature,
  tag,
  method,
  target,
  headers: [['Content-Type', 'application/json']],
  body: Buffer.from(body),
})

export const star = (random: Random): Pair => {
  const word = random.word(5)
  const number = random.below(100_000)
  const post = (tag: string, target: string, body: string): Pair => send('body-star', tag, 'POST', target, body)
  const forms: readonly (() => Pair)[] = [
    () => post('ok', '/body/star', `{"s":"${word}","i32":${number}}`),
    () => post('ok', '/body/star', `{"n":{"s":"${word}"},"rs":["a","${word}"]}`),
    () => post('ok', `/body/star/${word}/${number}`, `{"os":"${word}"}`),
    () => post('body-repeats-path-field', `/body/star/${word}/7`, `{"s":"${word}","i32":7}`),
    () => post('body-contradicts-path-field', `/body/star/alice/7`, `{"s":"${word}"}`),
    () => post('body-contradicts-path-field', `/body/star/alice/7`, `{"i32":${number + 8}}`),
    () => post('body-contradicts-path-field-with-default', `/body/star/${word}/7`, '{"i32":0}'),
    () => post('body-nulls-path-field', `/body/star/${word}/7`, '{"s":null}'),
    () => send('body-star', 'ok', 'PUT', `/body/star/nested/${word}`, `{"n":{"i":${number}}}`),
    () => send('body-star', 'body-contradicts-path-field', 'PUT', '/body/star/nested/alice', `{"n":{"s":"${word}"}}`),
    () => send('body-star', 'body-nulls-path-field', 'PUT', `/body/star/nested/${word}`, '{"n":null}'),
    () => post('empty-body', `/body/star/${word}/7`, ''),
    () => ({ ...get('body-star', 'no-body', `/body/star/${word}/7`, 'POST') }),
    () => post('blank-body', `/body/star/${word}/1`, random.pick([' ', '\n', '\t \r\n'])),
    () => post('not-an-object', '/body/star', random.pick([`"${word}"`, String(number), '[]', '[{}]', 'true'])),
    () => post('null-body', `/body/star/${word}/1`, 'null'),
    () =>
      post(
        'broken-json',
        '/body/star',
        random.pick([`{"s":"${word}"`, `{"s":${word}}`, `{"s":"${word}",}`, `{'s':'${word}'}`, `{s:"${word}"}`]),
      ),
    () => post('two-values', '/body/star', `{"s":"${word}"}${random.pick([' ', '\n', ''])}{"i32":1}`),
    () => post('text-behind', '/body/star', `{"s":"${word}"}${random.pick(['x', ']', '}', ' junk'])}`),
    () => post('blank-around', '/body/star', ` \r\n\t{ "s" : "${word}" } \n`),
    () => post('byte-order-mark', '/body/star', `\uFEFF{"s":"${word}"}`),
    () => post('unknown-member', '/body/star', `{"zz":"${word}"}`),
    () => post('unknown-member', '/body/star', `{"n":{"zz":${number}}}`),
    () => post('comment', '/body/star', `{"s":"${word}"/* c */}`),
  ]
  return random.pick(forms)()
}

export const field = (random: Random): Pair => {
  const word = random.word(5)
  const number = random.below(100_000)
  const post = (tag: string, name: string, body: string): Pair => send('body-field', tag, 'POST', `/body/${name}`, body)
  const forms: readonly (() => Pair)[] = [
    () => post('ok', `message/${word}`, `{"s":"${word}","i":${number}}`),
    () => post('ok', `message/${word}`, `{"inner":{"list":["${word}"]}}`),
    () => post('ok', `message/${word}?i32=${number}`, '{}'),
    () => post('wrapped-in-its-name', `message/${word}`, `{"n":{"s":"${word}"}}`),
    () => post('empty-body', `message/${word}`, ''),
    () => get('body-field', 'no-body', `/body/message/${word}`, 'POST'),
    () => post('null-body', `message/${word}`, 'null'),
    () => post('not-an-object', `message/${word}`, random.pick([`"${word}"`, String(number), '[]'])),
    () => post('scalar-body', 'text', `"${word}"`),
    () => post('scalar-body', 'number', String(number)),
    () => post('scalar-body', 'number', `"${number}"`),
    () => post('scalar-body-of-other-type', 'text', String(number)),
    () => post('scalar-body-of-other-type', 'number', `"${word}x"`),
    () => post('scalar-body-of-other-type', 'text', `{"s":"${word}"}`),
    () => post('list-body', 'list', `["${word}","b"]`),
    () => post('list-body', 'list', '[]'),
    () => post('list-body', 'leaves', `[{"s":"${word}"},{"i":${number}}]`),
    () => post('list-body-of-other-type', 'list', `"${word}"`),
    () => post('list-body-of-other-type', 'list', `[${number}]`),
    () => post('list-body-with-null', 'list', `["${word}",null]`),
    () => post('map-body', 'map', `{"k":"${word}","__proto__":"x"}`),
    () => post('map-body-of-other-type', 'map', `["${word}"]`),
    () => post('scalar-body', 'time', `"2024-02-29T12:00:${10 + random.below(49)}Z"`),
    () => post('struct-body', 'free', `{"a":[1,"${word}",null,{"b":true}]}`),
    () => post('unknown-member', `message/${word}`, `{"zz":${number}}`),
    () => post('broken-json', `message/${word}`, `{"s":"${word}"`),
    () => post('text-behind', `message/${word}`, `{"s":"${word}"} x`),
  ]
  return random.pick(forms)()
}

export const none = (random: Random): Pair => {
  const feature = 'body-none'
  const word = random.word(5)
  const target = `/body/none/${word}`
  const method = random.pick(['GET', 'POST', 'DELETE'])
  const forms: readonly (() => Pair)[] = [
    () => get(feature, 'ok', target, method),
    () => get(feature, 'ok', `${target}?i32=${random.below(99)}&n.s=x`, method),
    () => send(feature, 'empty-body', method, target, ''),
    () => send(feature, 'unexpected-body', method, target, `{"os":"${word}"}`),
    () => send(feature, 'unexpected-body', method, target, '{}'),
    () => send(feature, 'unexpected-body', method, target, 'not JSON'),
    () => ({ ...send(feature, 'unexpected-body', method, target, word), headers: [['Content-Type', 'text/plain']] }),
  ]
  return random.pick(forms)()
}

const masks = (random: Random): readonly (readonly [tag: string, body: string])[] => {
  const word = random.word(5)
  const number = random.below(100_000)
  return [
    ['ok', `{"s":"${word}"}`],
    ['ok', `{"s":"${word}","i32":${number}}`],
    ['ok', `{"snakeCaseName":"${word}"}`],
    ['ok', `{"snake_case_name":"${word}"}`],
    ['given-json-name', `{"other":"${word}"}`],
    ['nested', `{"n":{"s":"${word}","inner":{"i":${number}}}}`],
    ['empty-message', `{"s":"${word}","n":{}}`],
    ['list', `{"rs":["${word}"],"rn":[{"s":"x"}]}`],
    ['empty-list', `{"s":"${word}","rs":[]}`],
    ['map', `{"ms":{"k":"${word}"}}`],
    ['map', `{"mn":{"${word}":{"s":"x"}}}`],
    ['null-member', `{"s":null,"i32":${number}}`],
    ['null-member', `{"n":null,"os":"${word}"}`],
    ['timestamp', `{"ts":"2024-02-29T12:00:${10 + random.below(49)}Z"}`],
    ['wrapper', `{"wi":${number}}`],
    ['struct', `{"st":{"${word}":{"b":1}}}`],
    ['value', `{"va":{"${word}":1}}`],
    ['any', `{"any":{"@type":"type.googleapis.com/differences.v1.Leaf","s":"${word}"}}`],
    ['mask-field', `{"fm":"s,n.${word.replaceAll(/[0-9]/g, 'q')}"}`],
    ['empty-object', '{}'],
    ['default-value', `{"i32":0,"b":false,"s":"${word}"}`],
    ['unknown-member', `{"zz":"${word}"}`],
  ]
}

export const patch = (random: Random): Pair => {
  const feature = 'patch-mask'
  const word = random.word(5)
  const [tag, body] = random.pick(masks(random))
  const shape = random.below(10)
  if (shape === 9) {
    const headers = [['Content-Type', 'application/merge-patch+json']] as const
    return { ...send(feature, tag, 'PATCH', `/patch/${word}`, body), headers }
  }
  if (shape === 0)
    return send(
      feature,
      'mask-in-query',
      'PATCH',
      `/patch/${word}?updateMask=s,thing.${random.pick(['s', 'n'])}`,
      body === '{"zz":1}' ? '{}' : `{"s":"${word}"}`,
    )
  if (shape === 1) return send(feature, 'whole-body', 'PATCH', `/patchall/${word}`, `{"thing":{"s":"${word}"}}`)
  if (shape === 2)
    return send(
      feature,
      'whole-body-with-mask',
      'PATCH',
      `/patchall/${word}`,
      `{"thing":{"s":"${word}"},"updateMask":"s"}`,
    )
  if (shape === 3)
    return send(feature, 'path-inside-body', 'PATCH', `/patch/of/${word}`, `{"i32":${random.below(999)}}`)
  if (shape === 4)
    return send(feature, 'path-inside-body-repeated', 'PATCH', `/patch/of/${word}`, `{"s":"${word}","i32":1}`)
  if (shape === 5 && random.chance(0.4)) return send(feature, 'empty-body', 'PATCH', `/patch/${word}`, '')
  if (shape === 6 && random.chance(0.4)) return send(feature, 'null-body', 'PATCH', `/patch/${word}`, 'null')
  return send(feature, tag, 'PATCH', `/patch/${word}`, body)
}
