import { expect, test } from 'vitest'
import { type BodyUse, jsonForm } from '../../../../../adapters/inbound/http/media-type.ts'
import { makeMetadata } from '../../../../../src/core/metadata.ts'
import type { GatewayError } from '../../../../../src/core/status.ts'

const form = (type: string | undefined, use: Partial<BodyUse> = {}): string => {
  try {
    const headers = makeMetadata(type === undefined ? [] : ['content-type', type])
    return jsonForm(headers, { streaming: false, patch: false, mergePatch: false, ...use })
  } catch (error) {
    const { httpStatus, trailers } = (error as GatewayError).status
    const accepted = trailers.get('accept-patch')
    return `HTTP ${httpStatus}${accepted === undefined ? '' : ` ${accepted}`}`
  }
}

test.each([
  [undefined, 'one', 'auto'],
  ['application/json', 'one', 'auto'],
  ['APPLICATION/JSON; Charset="UTF-8"', 'one', 'auto'],
  ['application/json;charset=utf8', 'one', 'auto'],
  ['application/merge-patch+json', 'HTTP 415', 'HTTP 415'],
  ['application/json-patch+json', 'HTTP 415', 'HTTP 415'],
  ['application/grpc+json', 'HTTP 415', 'HTTP 415'],
  ['application/grpc-web+json', 'HTTP 415', 'HTTP 415'],
  ['application/vnd.api+json; charset=us-ascii', 'one', 'auto'],
  ['application/x-ndjson', 'HTTP 415', 'lines'],
  ['application/jsonl', 'HTTP 415', 'lines'],
  ['application/json; charset=utf-16', 'HTTP 415', 'HTTP 415'],
  ['text/plain', 'HTTP 415', 'HTTP 415'],
  ['application/x-www-form-urlencoded', 'HTTP 415', 'HTTP 415'],
  ['multipart/form-data; boundary=x', 'HTTP 415', 'HTTP 415'],
  ['application/jsonp', 'HTTP 415', 'HTTP 415'],
  ['', 'HTTP 415', 'HTTP 415'],
])('%j', (type, single, streaming) => {
  expect([form(type), form(type, { streaming: true })]).toEqual([single, streaming])
})

const BOTH = 'HTTP 415 application/json, application/merge-patch+json'
test.each([
  ['application/json', 'one', 'one', 'auto'],
  [
    'application/merge-patch+json',
    'one',
    'HTTP 415 application/json',
    'HTTP 415 application/json, application/x-ndjson',
  ],
  [
    'Application/Merge-Patch+JSON; charset=utf-8',
    'one',
    'HTTP 415 application/json',
    'HTTP 415 application/json, application/x-ndjson',
  ],
  ['application/json-patch+json', BOTH, 'HTTP 415 application/json', 'HTTP 415 application/json, application/x-ndjson'],
  [
    'application/merge-patch+json; charset=utf-16',
    BOTH,
    'HTTP 415 application/json',
    'HTTP 415 application/json, application/x-ndjson',
  ],
  ['application/x-ndjson', BOTH, 'HTTP 415 application/json', 'lines'],
  ['text/plain', BOTH, 'HTTP 415 application/json', 'HTTP 415 application/json, application/x-ndjson'],
])('PATCH with %j', (type, merged, single, streaming) => {
  const patch = { patch: true }
  expect([
    form(type, { ...patch, mergePatch: true }),
    form(type, patch),
    form(type, { ...patch, streaming: true }),
  ]).toEqual([merged, single, streaming])
})
