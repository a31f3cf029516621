import { describe, expect, test } from 'vitest'
import { reasonOf } from '../../../src/core/error-details.ts'
import { makeMetadata } from '../../../src/core/metadata.ts'
import {
  Code,
  codeName,
  errors,
  GatewayError,
  makeStatus,
  OK,
  type Origin,
  toGatewayError,
} from '../../../src/core/status.ts'
import { closeCodeFromStatus, codeFromGrpcHttp, codeFromHttp, httpFromStatus } from '../../../src/core/status-map.ts'
import vectors from '../../vectors/http-status.json' with { type: 'json' }

const status = (code: number, httpStatus?: number) => ({ code, httpStatus })

describe('codes', () => {
  test('have the numbers of gRPC and their names', () => {
    expect(Object.values(Code)).toEqual(Array.from({ length: 17 }, (_, i) => i))
    for (const [name, code] of Object.entries(Code)) expect(codeName(code)).toBe(name)
    expect([codeName(17), codeName(99), codeName(-1)]).toEqual(['CODE_17', 'CODE_99', 'CODE_-1'])
  })

  test.each(vectors.cases)('gRPC $grpc_status is HTTP $http_status', ({ grpc_status, http_status }) => {
    expect(httpFromStatus(status(grpc_status))).toBe(http_status)
  })
  test.each([
    [Code.OK, 200, 1000],
    [Code.CANCELLED, 499, 4499],
    [Code.UNKNOWN, 500, 4500],
    [Code.INVALID_ARGUMENT, 400, 4400],
    [Code.DEADLINE_EXCEEDED, 504, 4504],
    [Code.NOT_FOUND, 404, 4404],
    [Code.ALREADY_EXISTS, 409, 4409],
    [Code.PERMISSION_DENIED, 403, 4403],
    [Code.RESOURCE_EXHAUSTED, 429, 4429],
    [Code.FAILED_PRECONDITION, 400, 4400],
    [Code.ABORTED, 409, 4409],
    [Code.OUT_OF_RANGE, 400, 4400],
    [Code.UNIMPLEMENTED, 501, 4501],
    [Code.INTERNAL, 500, 4500],
    [Code.UNAVAILABLE, 503, 4503],
    [Code.DATA_LOSS, 500, 4500],
    [Code.UNAUTHENTICATED, 401, 4401],
    [17, 500, 4500],
    [99, 500, 4500],
  ])('code %d is HTTP %d and WebSocket %d', (code, http, close) => {
    expect([httpFromStatus(status(code)), closeCodeFromStatus(status(code))]).toEqual([http, close])
  })
  test('an override wins on HTTP', () => {
    expect(httpFromStatus(status(Code.RESOURCE_EXHAUSTED, 413))).toBe(413)
  })

  test.each([
    [200, Code.UNKNOWN],
    [302, Code.UNKNOWN],
    [400, Code.INTERNAL],
    [401, Code.UNAUTHENTICATED],
    [403, Code.PERMISSION_DENIED],
    [404, Code.UNIMPLEMENTED],
    [418, Code.UNKNOWN],
    [429, Code.UNAVAILABLE],
    [431, Code.INTERNAL],
    [500, Code.UNKNOWN],
    [502, Code.UNAVAILABLE],
    [503, Code.UNAVAILABLE],
    [504, Code.UNAVAILABLE],
  ])('a gRPC backend’s bare HTTP %d is code %d (SEMANTICS §7, §19)', (http, code) => {
    expect(codeFromGrpcHttp(http)).toBe(code)
  })
  test.each([
    [200, Code.OK],
    [204, Code.OK],
    [301, Code.UNKNOWN],
    [400, Code.INVALID_ARGUMENT],
    [401, Code.UNAUTHENTICATED],
    [403, Code.PERMISSION_DENIED],
    [404, Code.NOT_FOUND],
    [405, Code.UNIMPLEMENTED],
    [409, Code.ABORTED],
    [410, Code.NOT_FOUND],
    [412, Code.FAILED_PRECONDITION],
    [413, Code.RESOURCE_EXHAUSTED],
    [418, Code.FAILED_PRECONDITION],
    [422, Code.INVALID_ARGUMENT],
    [429, Code.RESOURCE_EXHAUSTED],
    [499, Code.CANCELLED],
    [500, Code.INTERNAL],
    [501, Code.UNIMPLEMENTED],
    [502, Code.UNAVAILABLE],
    [503, Code.UNAVAILABLE],
    [504, Code.DEADLINE_EXCEEDED],
    [599, Code.UNKNOWN],
  ])('a REST backend’s HTTP %d is code %d', (http, code) => {
    expect(codeFromHttp(http)).toBe(code)
  })
})

describe('statuses', () => {
  test('the reason is the first detail', () => {
    const detail = { typeUrl: 'type.googleapis.com/x.Y', value: new Uint8Array([1]) }
    const trailers = makeMetadata(['a', '1'])
    const made = makeStatus(Code.ABORTED, 'm', { reason: 'WHY', details: [detail], trailers, httpStatus: 418 })
    expect([made.code, made.message, made.trailers, made.httpStatus]).toEqual([Code.ABORTED, 'm', trailers, 418])
    expect([made.details.length, made.details[1], reasonOf(made.details)]).toEqual([2, detail, 'WHY'])
  })
  test('without options: no details, no override, trailers of its own', () => {
    const made = makeStatus(Code.NOT_FOUND, 'm')
    expect([made.details, made.httpStatus]).toEqual([[], undefined])
    made.trailers.set('a', '1')
    expect(makeStatus(Code.NOT_FOUND, 'm').trailers.raw).toEqual([])
    expect([OK.code, OK.message, OK.details, OK.trailers.raw]).toEqual([Code.OK, '', [], []])
  })
})

describe('errors', () => {
  const table: [keyof typeof errors, Code, Origin, string, number][] = [
    ['invalidArgument', Code.INVALID_ARGUMENT, 'client', 'INVALID_ARGUMENT', 400],
    ['unauthenticated', Code.UNAUTHENTICATED, 'client', 'UNAUTHENTICATED', 401],
    ['permissionDenied', Code.PERMISSION_DENIED, 'client', 'PERMISSION_DENIED', 403],
    ['notFound', Code.NOT_FOUND, 'client', 'ROUTE_NOT_FOUND', 404],
    ['methodNotAllowed', Code.UNIMPLEMENTED, 'client', 'METHOD_NOT_ALLOWED', 405],
    ['notAcceptable', Code.INVALID_ARGUMENT, 'client', 'NOT_ACCEPTABLE', 406],
    ['unsupportedMediaType', Code.INVALID_ARGUMENT, 'client', 'MEDIA_TYPE_UNSUPPORTED', 415],
    ['bodyTooLarge', Code.RESOURCE_EXHAUSTED, 'client', 'BODY_TOO_LARGE', 413],
    ['messageTooLarge', Code.RESOURCE_EXHAUSTED, 'client', 'MESSAGE_TOO_LARGE', 413],
    ['resourceExhausted', Code.RESOURCE_EXHAUSTED, 'client', 'RESOURCE_EXHAUSTED', 429],
    ['cancelled', Code.CANCELLED, 'client', 'CLIENT_GONE', 499],
    ['deadlineExceeded', Code.DEADLINE_EXCEEDED, 'gateway', 'DEADLINE_EXCEEDED', 504],
    ['draining', Code.UNAVAILABLE, 'gateway', 'DRAINING', 503],
    ['unavailable', Code.UNAVAILABLE, 'upstream', 'UPSTREAM_UNAVAILABLE', 503],
    ['unimplemented', Code.UNIMPLEMENTED, 'upstream', 'UNIMPLEMENTED', 501],
    ['upstreamInvalid', Code.INTERNAL, 'upstream', 'UPSTREAM_INVALID', 500],
    ['internal', Code.INTERNAL, 'gateway', 'INTERNAL', 500],
  ]
  test.each(table)('%s', (name, code, origin, reason, http) => {
    const error = errors[name]('what happened')
    expect(error).toBeInstanceOf(GatewayError)
    expect([error.message, error.status.message, error.status.code, error.origin]).toEqual([
      'what happened',
      'what happened',
      code,
      origin,
    ])
    expect([reasonOf(error.status.details), httpFromStatus(error.status)]).toEqual([reason, http])
  })
  test('the table is complete', () => expect(table.map(([name]) => name)).toEqual(Object.keys(errors)))
  test('options go before defaults; a cause is kept', () => {
    const cause = new Error('why')
    const error = errors.bodyTooLarge('m', { reason: 'OTHER', httpStatus: 400, cause })
    expect([reasonOf(error.status.details), error.status.httpStatus, error.cause]).toEqual(['OTHER', 400, cause])
    expect('cause' in errors.internal('m')).toBe(false)
  })
  test('whatever else was thrown is INTERNAL and does not show its text', () => {
    const own = errors.notFound('m')
    expect(toGatewayError(own)).toBe(own)
    for (const thrown of [new Error('secret'), 'secret', null, undefined]) {
      const error = toGatewayError(thrown)
      expect([error.status.code, error.message, error.origin, error.cause]).toEqual([
        Code.INTERNAL,
        'internal error',
        'gateway',
        thrown,
      ])
    }
  })
})
