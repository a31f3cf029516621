import { describe, expect, test } from 'vitest'
import { Answers } from '../../../bench/gateway/loop.ts'
import { markdown } from '../../../bench/gateway/report.ts'
import { WORKLOADS } from '../../../bench/gateway/workloads.ts'

const LENGTH = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'
const CHUNKED = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=1\r\n0123456789\r\n0\r\n\r\n'
const FAILED = 'HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n'

describe('answers of the own load generator', () => {
  const stream = Buffer.from(LENGTH + CHUNKED + FAILED + CHUNKED + LENGTH)

  test.each([1, 2, 3, 7, 50, stream.length])('are told apart in pieces of %i bytes', (size) => {
    const answers = new Answers()
    const seen: boolean[] = []
    for (let at = 0; at < stream.length; at += size)
      answers.take(stream.subarray(at, at + size), (ok) => {
        seen.push(ok)
      })
    expect(seen).toEqual([true, true, false, true, true])
  })
})

describe('workloads', () => {
  const named = (name: string) => WORKLOADS.find((one) => one.name === name)!

  test('the POST is as long as its title says', () => {
    expect(Buffer.byteLength(named('w1post').body!)).toBe(206)
  })

  test('an answer may have more than is expected, and not less or something else', () => {
    const { check, body } = named('w1post')
    const answer = { item: { ...JSON.parse(body!), blob: '' }, server: 'backend', serial: '1' }
    check(JSON.stringify(answer))
    expect(() => check(JSON.stringify({ ...answer, server: 'other' }))).toThrow('server')
    expect(() => check(JSON.stringify({ item: { ...answer.item, tags: ['iron'] }, server: 'backend' }))).toThrow('tags')
    expect(() => check(JSON.stringify({ server: 'backend' }))).toThrow('item')
  })
})

test('the report has shares of the peers, round by round, and tells who waited', () => {
  const samples = (...costs: number[]) =>
    costs.map((us) => ({ us, user: us, system: 0, perSecond: 1e6 / us, busy: us > 10 ? 1 : 0.5 }))
  const text = markdown({
    measured: [
      {
        workload: WORKLOADS[0]!,
        samples: new Map([
          ['protogate', samples(5, 6, 7)],
          ['envoy', samples(20, 30, 20)],
        ]),
      },
    ],
    how: 'by hand',
    remarks: ['grpc-gateway is left out: not installed'],
  })
  expect(text).toContain('| protogate | 6.00 [5.00–7.00] | 6.00 + 0.00 | 166667 | 0.50 | 0.25× |')
  expect(text).toContain('- grpc-gateway is left out: not installed')
  expect(text).toContain('w1post protogate 0.50')
})
