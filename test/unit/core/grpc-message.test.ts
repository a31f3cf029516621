import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { decodeGrpcMessage } from '../../../src/core/percent.ts'

const { messages }: { messages: { raw: string; text: string }[] } = JSON.parse(
  readFileSync(new URL('../../vectors/status.json', import.meta.url), 'utf8'),
)
test.each([
  ...messages,
  { raw: '', text: '' },
  { raw: '%', text: '%' },
  { raw: '%e2%82%ac', text: '€' },
  { raw: 'caf\u00c3\u00a9', text: 'café', why: 'UTF-8 that somebody sent unescaped' },
  { raw: '%F0%9F%98%80', text: '😀' },
])('$raw', ({ raw, text }) => {
  expect(decodeGrpcMessage(raw)).toBe(text)
})
