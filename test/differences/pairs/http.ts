import type { Pair } from '../model.ts'
import { get } from './paths.ts'
import type { Random } from './random.ts'

const KINDS = ['get', 'put', 'both', 'delete', 'patch', 'custom', 'head', 'options'] as const
const BOUND: Readonly<Record<string, readonly string[]>> = {
  get: ['GET'],
  put: ['PUT'],
  both: ['GET', 'POST'],
  delete: ['DELETE'],
  patch: ['PATCH'],
  custom: ['PURGE'],
  head: ['HEAD'],
  options: ['OPTIONS'],
}

export const methods = (random: Random): Pair => {
  const feature = 'methods-405-head'
  const kind = random.pick(KINDS)
  const own = BOUND[kind]!
  const method = random.chance(0.3)
    ? random.pick(own)
    : random.pick(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PURGE', 'TRACE', 'LINK', 'get', 'post'])
  const tag = own.includes(method)
    ? method === 'GET' || method === 'POST' || method === 'PUT' || method === 'DELETE' || method === 'PATCH'
      ? 'ok'
      : 'custom-method'
    : method === 'HEAD' && own.includes('GET')
      ? 'head-of-get'
      : method === 'OPTIONS'
        ? 'options-unbound'
        : method === 'TRACE' || method === 'LINK' || method === 'PURGE' || method === method.toLowerCase()
          ? `other-method-${method}`
          : 'wrong-method'
  const base = get(feature, tag, `/m/${kind}/${random.word(6)}`, method)
  const carries = method === 'POST' || method === 'PUT' || method === 'PATCH'
  if (random.chance(0.12)) {
    const target = `/m/${random.pick(['get', 'delete', 'put', 'patch'])}/${random.word(6)}`
    const form = ['Content-Type', 'application/x-www-form-urlencoded'] as const
    if (random.chance(0.3))
      return { ...base, tag: 'form-post', method: 'POST', target, headers: [form], body: Buffer.from('os=x') }
    const override = ['X-HTTP-Method-Override', random.pick(['GET', 'DELETE', 'PUT', 'PATCH'])] as const
    return { ...base, tag: 'override-header', method: 'POST', target, headers: [override, form], body: Buffer.alloc(0) }
  }
  return carries ? { ...base, headers: [['Content-Type', 'application/json']], body: Buffer.from('{}') } : base
}

const CONTENT_TYPES: readonly (readonly [tag: string, value: string | undefined])[] = [
  ['ok', 'application/json'],
  ['json-charset', 'application/json; charset=utf-8'],
  ['json-charset', 'application/json;charset=UTF-8'],
  ['json-charset', 'application/json; charset="utf-8"'],
  ['json-other-charset', 'application/json; charset=iso-8859-1'],
  ['json-other-charset', 'application/json; charset=utf-16'],
  ['json-suffix', 'application/vnd.acme.v1+json'],
  ['json-suffix', 'application/merge-patch+json'],
  ['json-suffix', 'application/problem+json'],
  ['json-case', 'Application/JSON'],
  ['no-content-type', undefined],
  ['empty-content-type', ''],
  ['text', 'text/plain'],
  ['text', 'text/json'],
  ['form', 'application/x-www-form-urlencoded'],
  ['form', 'multipart/form-data; boundary=x'],
  ['xml', 'application/xml'],
  ['grpc', 'application/grpc'],
  ['grpc', 'application/grpc+json'],
  ['protobuf', 'application/x-protobuf'],
  ['protobuf', 'application/octet-stream'],
  ['broken-content-type', 'json'],
  ['broken-content-type', 'application/json, application/json'],
]

const ACCEPTS: readonly (readonly [tag: string, value: string])[] = [
  ['accept-json', 'application/json'],
  ['accept-json', '*/*'],
  ['accept-json', 'text/html, application/json;q=0.5'],
  ['accept-other', 'text/html'],
  ['accept-other', 'application/xml'],
  ['accept-other', 'image/*'],
  ['accept-none', 'application/json;q=0'],
  ['accept-other', 'application/x-protobuf'],
  ['accept-other', 'application/problem+json'],
  ['accept-json', 'application/json; charset=utf-8'],
  ['accept-parameters', 'application/json; emitDefaults=true'],
  ['accept-parameters', 'application/json; enumNumbers=true'],
  ['accept-parameters', 'application/json;protoNames=true;int64Numbers=true'],
]

const CODINGS: readonly (readonly [tag: string, value: string])[] = [
  ['coding-identity', 'identity'],
  ['coding-gzip-not-gzip', 'gzip'],
  ['coding-unknown', 'snappy'],
]

export const contentTypes = (random: Random): Pair => {
  const feature = 'content-types-and-accept'
  const body = Buffer.from(`{"s":"${random.word(6)}"}`)
  const post = (tag: string, headers: Pair['headers']): Pair => ({
    feature,
    tag,
    method: 'POST',
    target: '/ct',
    headers,
    body,
  })
  if (random.chance(0.3)) {
    const [tag, value] = random.pick(ACCEPTS)
    return {
      ...get(feature, tag, `/ct?snake_case_name=${random.word(5)}&c=RED&i64=${random.below(99)}`),
      headers: [['Accept', value]],
    }
  }
  if (random.chance(0.12)) {
    const [tag, value] = random.pick(CODINGS)
    return post(tag, [
      ['Content-Type', 'application/json'],
      ['Content-Encoding', value],
    ])
  }
  const [tag, value] = random.pick(CONTENT_TYPES)
  return post(tag, value === undefined ? [] : [['Content-Type', value]])
}
