import { describe, expect, test } from 'vitest'
import { reasonOf } from '../../../src/core/error-details.ts'
import { makeMetadata } from '../../../src/core/metadata.ts'
import { Code, GatewayError } from '../../../src/core/status.ts'
import {
  clientTimeout,
  deadlineOf,
  encodeConnectTimeout,
  encodeGrpcTimeout,
  encodeServerTimeout,
  parseConnectTimeout,
  parseGrpcTimeout,
  parseServerTimeout,
} from '../../../src/core/timeout.ts'
import vectors from '../../vectors/deadlines.json' with { type: 'json' }

const ENCODE = new Map([
  ['grpc-timeout', encodeGrpcTimeout],
  ['connect-timeout-ms', encodeConnectTimeout],
  ['x-server-timeout', encodeServerTimeout],
])
const PARSE = new Map([
  ['grpc-timeout', parseGrpcTimeout],
  ['connect-timeout-ms', parseConnectTimeout],
  ['x-server-timeout', parseServerTimeout],
])
const thrown = (run: () => unknown): GatewayError => {
  try {
    run()
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('timeouts (SEMANTICS §9, §19)', () => {
  test.each(vectors.encode)('$header of $ms ms is $text', ({ header, ms, text }) => {
    expect(ENCODE.get(header)!(ms)).toBe(text)
  })

  test.each(vectors.parse)('$header "$text" is $ms ms', ({ header, text, ms }) => {
    expect(PARSE.get(header)!(text)).toBe(ms ?? undefined)
    const headers = makeMetadata(['accept', '*/*', header, text])
    if (ms !== null) {
      expect(clientTimeout(headers)).toBe(ms)
      return
    }
    const { status, origin, message } = thrown(() => clientTimeout(headers))
    expect({ code: status.code, reason: reasonOf(status.details), origin }).toEqual({
      code: Code.INVALID_ARGUMENT,
      reason: 'TIMEOUT_INVALID',
      origin: 'client',
    })
    expect(message).toContain(`${header}: ${JSON.stringify(text)} is not a timeout; give `)
  })

  test('what was encoded is read as the same or a little more, never as less', () => {
    for (const [header, encode] of ENCODE)
      for (let ms = 0.0003; ms < 1e12; ms *= 3.7) {
        const back = PARSE.get(header)!(encode(ms))!
        const step = header === 'grpc-timeout' ? ms / 1e4 + 1e-6 : 1
        if (ms > 9_999_999_999) continue
        expect(back).toBeGreaterThanOrEqual(ms * (1 - 1e-12) - 1e-12)
        expect(back).toBeLessThanOrEqual(ms + step)
      }
  })
})

describe('the client’s limit', () => {
  test('no header, no limit', () => expect(clientTimeout(makeMetadata(['accept', '*/*']))).toBeUndefined())

  test('of several the shortest, whichever comes first', () => {
    const headers = ['grpc-timeout', '2S', 'x-server-timeout', '0.5', 'connect-timeout-ms', '900', 'grpc-timeout', '1S']
    expect(clientTimeout(makeMetadata(headers))).toBe(500)
  })

  test('an invalid one is refused even beside a valid one', () => {
    expect(
      thrown(() => clientTimeout(makeMetadata(['connect-timeout-ms', '5', 'grpc-timeout', 'x']))).status.code,
    ).toBe(Code.INVALID_ARGUMENT)
  })

  test('a long invalid value is not repeated in full', () => {
    expect(thrown(() => clientTimeout(makeMetadata(['grpc-timeout', 'x'.repeat(9000)]))).message.length).toBeLessThan(
      200,
    )
  })

  test.each(vectors.remaining)('client $client, route $route, after $arrived ms: $left left', (vector) => {
    const received = 1_000_000
    const deadline = deadlineOf(received, vector.client ?? undefined, vector.route ?? Number.POSITIVE_INFINITY)
    const left = Math.max(0, deadline - (received + vector.arrived))
    expect(left).toBe(vector.left ?? Number.POSITIVE_INFINITY)
  })
})
