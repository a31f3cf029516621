import { expect, test } from 'vitest'
import { jsonForm } from '../../../../../adapters/inbound/http/media-type.ts'
import { makeMetadata } from '../../../../../src/core/metadata.ts'
import type { GatewayError } from '../../../../../src/core/status.ts'

const form = (type: string | undefined, streaming = false): string => {
  try {
    return jsonForm(makeMetadata(type === undefined ? [] : ['content-type', type]), streaming)
  } catch (error) {
    return `HTTP ${(error as GatewayError).status.httpStatus}`
  }
}

test.each([
  [undefined, 'one', 'auto'],
  ['application/json', 'one', 'auto'],
  ['APPLICATION/JSON; Charset="UTF-8"', 'one', 'auto'],
  ['application/json;charset=utf8', 'one', 'auto'],
  ['application/merge-patch+json', 'one', 'auto'],
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
  expect([form(type), form(type, true)]).toEqual([single, streaming])
})
