import { describe, expect, test } from 'vitest'
import { closeReason, cutReason } from '../../../../../adapters/inbound/ws/status.ts'
import { Code, makeStatus, OK } from '../../../../../src/core/status.ts'

describe('close reasons', () => {
  test('the stable word, else the name of the code, nothing for OK', () => {
    expect(closeReason(makeStatus(Code.NOT_FOUND, 'text of the backend'))).toBe('NOT_FOUND')
    expect(closeReason(makeStatus(Code.UNAVAILABLE, '', { reason: 'DRAINING' }))).toBe('DRAINING')
    expect(closeReason(OK)).toBe('')
  })

  test('at most 123 bytes, cut between characters', () => {
    expect(cutReason('x'.repeat(123))).toHaveLength(123)
    expect(cutReason('x'.repeat(124))).toHaveLength(123)
    expect(cutReason('€'.repeat(42))).toBe('€'.repeat(41))
    expect(cutReason(`x${'😀'.repeat(31)}`)).toBe(`x${'😀'.repeat(30)}`)
  })
})
