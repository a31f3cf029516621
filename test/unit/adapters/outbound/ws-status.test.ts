import { describe, expect, test } from 'vitest'
import { refused, statusOfClose } from '../../../../adapters/outbound/ws/status.ts'
import { reasonOf } from '../../../../src/core/error-details.ts'
import { makeMetadata } from '../../../../src/core/metadata.ts'
import { Code, OK } from '../../../../src/core/status.ts'
import { closeCodeFromStatus, httpFromStatus } from '../../../../src/core/status-map.ts'

describe('close codes of a backend', () => {
  test.each([1000, 1001, 1005, 3999, 4000, 4001, 4399, 4600, 4999])('%i is a good end', (code) => {
    expect(statusOfClose(code, 'x')).toBe(OK)
  })

  test.each([
    [1002, Code.INTERNAL],
    [1003, Code.INVALID_ARGUMENT],
    [1007, Code.INVALID_ARGUMENT],
    [1008, Code.PERMISSION_DENIED],
    [1009, Code.RESOURCE_EXHAUSTED],
    [1010, Code.FAILED_PRECONDITION],
    [1011, Code.INTERNAL],
    [1012, Code.UNAVAILABLE],
    [1013, Code.UNAVAILABLE],
    [1014, Code.UNAVAILABLE],
    [3000, Code.UNAUTHENTICATED],
    [3003, Code.PERMISSION_DENIED],
    [3008, Code.DEADLINE_EXCEEDED],
    [1006, Code.UNAVAILABLE],
  ])('%i', (code, status) => {
    expect(statusOfClose(code, '').code).toBe(status)
  })

  test('what the gateway itself writes for a code is read back as that code where its HTTP status is its own', () => {
    for (const code of [
      Code.NOT_FOUND,
      Code.PERMISSION_DENIED,
      Code.UNAUTHENTICATED,
      Code.UNAVAILABLE,
      Code.RESOURCE_EXHAUSTED,
    ])
      expect(statusOfClose(closeCodeFromStatus({ code }), '').code).toBe(code)
  })

  test('the message names who closed, with what and why', () => {
    expect(statusOfClose(4404, 'no such room').message).toBe('the backend closed the WebSocket with 4404: no such room')
    expect(reasonOf(statusOfClose(1006, '').details)).toBe('UPSTREAM_LOST')
  })
})

describe('a refused handshake', () => {
  test('keeps its HTTP status and what the client must know', () => {
    const headers = makeMetadata(['www-authenticate', 'Basic', 'set-cookie', 'a=b', 'retry-after', '3'])
    const { status, origin } = refused(429, headers)
    expect([status.code, httpFromStatus(status), origin]).toEqual([Code.RESOURCE_EXHAUSTED, 429, 'upstream'])
    expect(status.trailers.raw).toEqual(['www-authenticate', 'Basic', 'retry-after', '3'])
  })

  test.each([200, 204, 302])('HTTP %i is no refusal but a bad gateway', (httpStatus) => {
    const { status } = refused(httpStatus, makeMetadata())
    expect([status.code, httpFromStatus(status)]).toEqual([Code.UNAVAILABLE, 502])
  })
})
