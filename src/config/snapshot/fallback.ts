import { compose, type Handler, type Policy } from '../../core/handler.ts'
import { makeMetadata } from '../../core/metadata.ts'
import type { Miss, Route } from '../../core/router.ts'
import { errors, type GatewayError } from '../../core/status.ts'
import type { Compilation } from './compile.ts'
import { bytesSettings, opaqueType } from './settings.ts'

const refusal = (miss: Miss, method: string, path: string): GatewayError => {
  const asked = path.split('?', 1)[0]!
  if (miss.httpStatus === 400)
    return errors.invalidArgument(`the path ${asked} has a malformed escape or a dot segment`, {
      reason: 'PATH_INVALID',
    })
  if (miss.httpStatus === 405) {
    const allow = miss.allow.join(', ')
    return errors.methodNotAllowed(`${asked} is not served by ${method}, but by ${allow}`, {
      trailers: makeMetadata(['allow', allow]),
    })
  }
  return errors.notFound(`no route for ${method} ${asked}`)
}

const NO_SHAPING = {
  json: {
    emitDefaults: false,
    protoNames: false,
    enumNumbers: false,
    int64Numbers: false,
    ignoreUnknown: false,
  },
  limits: {},
  timeout: undefined,
  stream: 'ndjson' as const,
  forward: { request: [], response: [] },
}

/** The route of a miss: the gateway's policies around a refusal, so that CORS, logs, metrics and limits see misses too. */
export const fallbackRoute = (compilation: Compilation, policies: readonly Policy[], miss: Miss): Route => {
  const refuse: Handler = (exchange) => {
    const { method, path } = exchange.head
    // Nobody reads the text behind a HEAD, and its length is to be that of the GET.
    throw refusal(miss, method === 'HEAD' ? 'GET' : method, path)
  }
  return {
    id: `miss ${miss.httpStatus}`,
    template: '',
    method: '*',
    operation: { name: '', shape: 'bytes', input: opaqueType, output: opaqueType, idempotent: true },
    binding: undefined,
    settings: bytesSettings(compilation.schema, 'http', NO_SHAPING, compilation.loaded.config.limits, false),
    handler: compose(policies, refuse),
    guard: () => {},
  }
}
