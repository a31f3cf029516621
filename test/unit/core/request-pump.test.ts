import { describe, expect, test } from 'vitest'
import { RequestPump } from '../../../src/core/request-pump.ts'
import { Code, type GatewayError, makeStatus, OK } from '../../../src/core/status.ts'
import { fromList, Source, unary } from '../../../src/core/stream.ts'
import { backendSchema, jsonOrder, order } from '../../support/backend-calls.ts'
import { decodeOrder } from '../../support/grpc-backend.ts'

const setup = (single = false) => {
  const told: string[] = []
  const failures: GatewayError[] = []
  const sent: string[] = []
  const pending: (() => void)[] = []
  const requests = new RequestPump({
    codec: backendSchema.codec('proto'),
    single,
    operation: 'test.v1.Backend/Chat',
    complete: () => void told.push('complete'),
    fail: (error) => void failures.push(error),
  })
  return {
    requests,
    told,
    failures,
    sent,
    /** Says that what was sent last is gone. */
    gone: () => pending.shift()?.(),
    writer: {
      send(bytes: Buffer, done: () => void) {
        sent.push(decodeOrder(bytes).text)
        pending.push(done)
      },
      halfClose: () => void sent.push('END'),
    },
  }
}
const text = (value: string) => order({ text: value })

describe('requests of a call', () => {
  test('one at a time, then the half-close at once behind the last', () => {
    const { requests, sent, gone, writer, told } = setup()
    requests.read(fromList([text('a'), text('b'), text('c')]))
    expect([sent, told]).toEqual([[], ['complete']])
    requests.open(writer)
    expect(sent).toEqual(['a'])
    gone()
    gone()
    expect(sent).toEqual(['a', 'b', 'c', 'END'])
    gone()
    expect(sent).toHaveLength(4)
  })
  test('an empty request is a half-close alone', () => {
    const { requests, sent, writer } = setup()
    requests.read(fromList([]))
    requests.open(writer)
    expect(sent).toEqual(['END'])
  })
  test('the producer is told to wait, and to go on when half of it is gone', () => {
    const { requests, sent, gone, writer } = setup()
    let resumed = 0
    const source = new Source({
      resume() {
        resumed++
      },
      cancel() {},
    })
    requests.read(source)
    requests.open(writer)
    let pushed = 0
    while (source.push(text(String(pushed++)))) expect(pushed).toBeLessThan(100)
    expect(pushed).toBe(17)
    for (let i = 0; i < 8; i++) gone()
    expect([resumed, sent.length]).toEqual([1, 9])
  })
  test('big messages count by their bytes', () => {
    const { requests, writer } = setup()
    const source = new Source({ resume() {}, cancel() {} })
    requests.read(source)
    requests.open(writer)
    expect(source.push(order({ padding: Buffer.alloc(60 * 1024) }))).toBe(true)
    expect(source.push(order({ padding: Buffer.alloc(60 * 1024) }))).toBe(false)
  })
  test('one that does not fit ends it, once, and cancels the producer', () => {
    const { requests, failures, sent, writer } = setup()
    const cancelled: unknown[] = []
    const source = new Source({ resume() {}, cancel: (status) => cancelled.push(status.code) })
    requests.read(source)
    requests.open(writer)
    source.push(text('a'))
    source.push(jsonOrder('{'))
    source.push(text('b'))
    source.end(OK)
    expect(failures.map(({ status, origin }) => [status.code, origin])).toEqual([[Code.INVALID_ARGUMENT, 'client']])
    expect([cancelled, sent]).toEqual([[Code.INVALID_ARGUMENT], ['a']])
  })
  test('a bad end is a failure of the client', () => {
    const { requests, failures, told } = setup()
    const source = new Source({ resume() {}, cancel() {} })
    requests.read(source)
    source.end(makeStatus(Code.CANCELLED, 'gone'))
    expect(failures.map(({ status, origin }) => [status.message, origin])).toEqual([['gone', 'client']])
    expect(told).toEqual([])
  })
  test('stop cancels the producer, and nothing is sent afterwards', () => {
    const { requests, sent, gone, writer, failures } = setup()
    const cancelled: unknown[] = []
    const source = new Source({ resume() {}, cancel: (status) => cancelled.push(status.message) })
    requests.read(source)
    requests.open(writer)
    source.push(text('a'))
    source.push(text('b'))
    requests.stop(makeStatus(Code.CANCELLED, 'over'))
    requests.stop(makeStatus(Code.CANCELLED, 'again'))
    gone()
    expect([cancelled, sent, failures]).toEqual([['over'], ['a'], []])
  })
})

describe('of a method that takes one message', () => {
  test('one is right', () => {
    const { requests, told, failures } = setup(true)
    requests.read(unary(text('a')))
    expect([told, failures]).toEqual([['complete'], []])
  })
  test.each([
    [[], 'none'],
    [[text('a'), text('b')], 'more'],
  ])('%# is wrong', (messages, word) => {
    const { requests, told, failures } = setup(true)
    requests.read(fromList(messages))
    expect(told).toEqual([])
    expect(failures.map(({ status }) => status.code)).toEqual([Code.INVALID_ARGUMENT])
    expect(failures[0]!.message).toContain(word)
  })
})
