import { describe, expect, test } from 'vitest'
import { upstreamFault } from '../../../src/codec/fault.ts'
import { parseStatus, statusFromGrpc, statusToJson, statusToProblem } from '../../../src/codec/status.ts'
import { badRequest, errorInfo, retryInfo } from '../../../src/core/error-details.ts'
import { makeMetadata } from '../../../src/core/metadata.ts'
import { Code, type ErrorDetail, errors, makeStatus } from '../../../src/core/status.ts'
import { encodeValue, vectorTypes } from '../../support/codec.ts'

const types = vectorTypes()
const schema = { type: (name: string) => types.find(name) }
const gone: ErrorDetail = { typeUrl: 'type.example/acme.Gone', value: Buffer.of(1, 2, 255) }

/** A google.rpc.Status on the wire. */
const wire = (code: number, message: string, details: readonly ErrorDetail[] = []): Buffer =>
  encodeValue(types, types.type('google.rpc.Status'), {
    code,
    message,
    details: details.map(({ typeUrl, value }) => ({ '@type': typeUrl, value })),
  })

describe('statusToJson', () => {
  test('details by their types', () => {
    const status = makeStatus(Code.INVALID_ARGUMENT, 'no "good"', {
      reason: 'FIELD_INVALID',
      details: [badRequest([{ field: '/a', description: 'd' }]), retryInfo(1500)],
    })
    expect(JSON.parse(statusToJson(status, schema).toString())).toEqual({
      code: 3,
      message: 'no "good"',
      details: [
        { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'FIELD_INVALID', domain: 'protogate' },
        { '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: [{ field: '/a', description: 'd' }] },
        { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1.500s' },
      ],
    })
  })
  test('an unknown type, broken bytes and what has no JSON form: @type and base64', () => {
    const broken: ErrorDetail = { typeUrl: 'type.googleapis.com/google.rpc.ErrorInfo', value: Uint8Array.of(0x0a, 9) }
    const late: ErrorDetail = {
      typeUrl: 't/google.protobuf.Duration',
      value: Uint8Array.of(0x10, 0xff, 0xff, 0xff, 0xff, 0x07),
    }
    const text = statusToJson(
      makeStatus(Code.ABORTED, '', { details: [gone, broken, late, errorInfo('R')] }),
      schema,
    ).toString()
    expect(JSON.parse(text).details).toEqual([
      { '@type': 'type.example/acme.Gone', value: 'AQL/' },
      { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', value: 'Cgk=' },
      { '@type': 't/google.protobuf.Duration', value: 'EP////8H' },
      { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'R', domain: 'protogate' },
    ])
  })
  test('all three members always, more on request', () => {
    expect(statusToJson(makeStatus(Code.OK, ''), schema).toString()).toBe('{"code":0,"message":"","details":[]}')
    expect(statusToJson(makeStatus(99 as Code, 'x'), schema, { trailers: { a: ['b'] } }).toString()).toBe(
      '{"code":99,"message":"x","details":[],"trailers":{"a":["b"]}}',
    )
  })
})

describe('statusToProblem', () => {
  test('RFC 9457 with pointers into the body and names of parameters', () => {
    const status = makeStatus(Code.INVALID_ARGUMENT, 'bad', {
      reason: 'FIELD_INVALID',
      details: [
        badRequest([
          { field: '/a b/0', description: 'one' },
          { field: 'n', description: 'two' },
          { field: '', description: 'three' },
        ]),
      ],
    })
    expect(JSON.parse(statusToProblem(status, 'urn:uuid:1').toString())).toEqual({
      type: 'about:blank',
      title: 'Bad Request',
      status: 400,
      detail: 'bad',
      instance: 'urn:uuid:1',
      code: 'INVALID_ARGUMENT',
      reason: 'FIELD_INVALID',
      errors: [
        { detail: 'one', pointer: '#/a%20b/0' },
        { detail: 'two', parameter: 'n' },
        { detail: 'three', pointer: '#' },
      ],
    })
  })
  test('without reason and violations, with an overridden HTTP status, with broken details', () => {
    const broken: ErrorDetail = { typeUrl: 'type.googleapis.com/google.rpc.BadRequest', value: Uint8Array.of(0x0a, 9) }
    const problem = JSON.parse(
      statusToProblem(makeStatus(Code.UNIMPLEMENTED, 'm', { httpStatus: 405, details: [broken] })).toString(),
    )
    expect(problem).toEqual({
      type: 'about:blank',
      title: 'Method Not Allowed',
      status: 405,
      detail: 'm',
      code: 'UNIMPLEMENTED',
    })
    expect(JSON.parse(statusToProblem(makeStatus(Code.CANCELLED, '')).toString())).toMatchObject({
      title: 'Client Closed Request',
      status: 499,
    })
  })
})

describe('statusFromGrpc', () => {
  const base64 = (bytes: Buffer, padded: boolean): string => {
    const text = bytes.toString('base64')
    return padded ? text : text.replaceAll('=', '')
  }
  test('the header decides the code, the embedded status has the details', () => {
    const bytes = wire(Code.ABORTED, 'inner', [gone])
    for (const bin of [base64(bytes, true), base64(bytes, false), bytes]) {
      const status = statusFromGrpc(Code.NOT_FOUND, 'outer', bin, { trailers: makeMetadata(['a', 'b']) })
      expect(status).toMatchObject({ code: Code.NOT_FOUND, message: 'outer', details: [gone], httpStatus: undefined })
      expect(status.trailers.get('a')).toBe('b')
    }
    expect(statusFromGrpc(Code.NOT_FOUND, '', bytes).message).toBe('inner')
  })
  test.each([
    ['not base64', '???'],
    ['broken bytes', Buffer.from([0x0a])],
    ['a broken detail', Buffer.from([0x1a, 0x02, 0x0a, 0x09])],
    ['nothing', undefined],
    ['an empty text', ''],
  ])('%s is ignored', (_, bin) => {
    expect(statusFromGrpc(Code.INTERNAL, 'm', bin)).toMatchObject({ code: Code.INTERNAL, message: 'm', details: [] })
  })
  test('codes outside of the table are kept', () => {
    for (const code of [17, 99]) expect(statusFromGrpc(code, 'm', undefined).code).toBe(code)
  })
})

test('parseStatus passes over what it does not know', () => {
  const bytes = Buffer.concat([Buffer.from([0x20, 1, 0x2a, 1, 0]), wire(5, 'é', [errorInfo('R'), gone])])
  expect(parseStatus(bytes)).toEqual({ code: 5, message: 'é', details: [errorInfo('R'), gone] })
  expect(parseStatus(Buffer.from([0x08]))).toBe(undefined)
})

test('upstreamFault: what a codec refuses in a reply is the fault of the backend; other errors stay', () => {
  const turned = upstreamFault(errors.invalidArgument('not a message'))
  expect(turned).toMatchObject({
    origin: 'upstream',
    status: { code: Code.INTERNAL },
    message: "the backend's reply: not a message",
  })
  const own = errors.internal('x')
  expect(upstreamFault(own)).toBe(own)
  expect(upstreamFault(new TypeError('x')).status.code).toBe(Code.INTERNAL)
})
