import { expect, test } from 'vitest'
import { toError } from '../../../../../adapters/outbound/http/errors.ts'
import { reasonOf } from '../../../../../src/core/error-details.ts'
import { Code, errors } from '../../../../../src/core/status.ts'
import { httpFromStatus } from '../../../../../src/core/status-map.ts'

const at = { connectTimeout: 2000, idle: 60_000, answered: false }
const failed = (code: string, message = '', parts: object = {}): Error =>
  Object.assign(new Error(message), { code, ...parts })

test.each([
  [failed('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1'), 503, 'UPSTREAM_UNAVAILABLE', 'connection refused'],
  [failed('ENOTFOUND', 'getaddrinfo ENOTFOUND shop'), 503, 'UPSTREAM_UNAVAILABLE', 'name not found'],
  [failed('ECONNRESET', 'read ECONNRESET'), 503, 'UPSTREAM_UNAVAILABLE', 'connection lost'],
  [failed('UND_ERR_SOCKET', 'other side closed'), 503, 'UPSTREAM_UNAVAILABLE', 'connection lost'],
  [failed('UND_ERR_CONNECT_TIMEOUT'), 503, 'UPSTREAM_UNAVAILABLE', 'no connection within 2s'],
  [failed('UND_ERR_HEADERS_TIMEOUT'), 504, 'UPSTREAM_TIMEOUT', 'did not answer for 1m'],
  [failed('UND_ERR_HEADERS_OVERFLOW'), 502, 'UPSTREAM_INVALID', 'too large'],
  [failed('UND_ERR_RES_CONTENT_LENGTH_MISMATCH'), 502, 'UPSTREAM_INVALID', 'length'],
  [failed('UND_ERR_DESTROYED'), 503, 'DRAINING', 'closed'],
  [failed('UND_ERR_INVALID_ARG', 'invalid x header'), 400, 'INVALID_ARGUMENT', 'invalid x header'],
  [failed('EWHATEVER'), 503, 'UPSTREAM_UNAVAILABLE', 'connection failed'],
  [
    failed('ECONNREFUSED', '', {
      errors: [new Error('refused ::1'), new Error('refused 127.0.0.1'), new Error('refused ::1')],
    }),
    503,
    'UPSTREAM_UNAVAILABLE',
    'connection refused',
  ],
])('%s', (thrown, http, reason, text) => {
  const error = toError(thrown, at)
  expect([httpFromStatus(error.status), reasonOf(error.status.details)]).toEqual([http, reason])
  expect(error.status.message).toContain(text)
  if (http === 400) return
  expect(error.origin).toBe('upstream')
  for (const inside of ['127.0.0.1', '::1', 'shop']) expect(error.message).not.toContain(inside)
})
test('the log gets what the client is not told', () => {
  const thrown = failed('ECONNREFUSED', '', {
    errors: [new Error('refused ::1'), new Error('refused ::1'), new Error('b')],
  })
  expect(toError(thrown, at).status.note).toBe('refused ::1; b')
})
test('behind the head: a silence, and a body that is cut', () => {
  const answered = { ...at, answered: true }
  expect(toError(failed('UND_ERR_BODY_TIMEOUT'), answered).status.message).toContain('nothing of its answer for 1m')
  expect(toError(failed('UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'cut'), answered).status.code).toBe(Code.UNAVAILABLE)
})
test('our own errors pass', () => {
  const own = errors.cancelled('gone')
  expect(toError(own, at)).toBe(own)
})
