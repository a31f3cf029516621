import { describe, expect, test } from 'vitest'
import { replyCodec } from '../../../../../adapters/inbound/http/json-options.ts'
import type { Codec } from '../../../../../src/core/message.ts'
import { SCHEMA } from '../../../../support/http-cases.ts'
import { fakeSettings } from '../../../../support/loopback.ts'

const settings = fakeSettings(SCHEMA, {
  replyJson: { ignoreUnknown: true },
  replyCodec: SCHEMA.codec('json', { ignoreUnknown: true }),
})
const codec = (accept: string | undefined): Codec => replyCodec(accept, 'application/json', settings, SCHEMA)
const NAMES = ['emitDefaults', 'protoNames', 'enumNumbers', 'int64Numbers']

describe('codecs of replies that clients ask for', () => {
  test('are as many as there are combinations, however they are asked for', () => {
    const codecs = new Set<Codec>()
    for (let bits = 0; bits < 16; bits++)
      for (let spelling = 0; spelling < 50; spelling++) {
        const asked = NAMES.map((name, i) => {
          const on = (bits & (1 << i)) !== 0
          return `${spelling % 2 === 0 ? name : name.toUpperCase()}=${spelling % 3 === 0 ? Number(on) : on}`
        })
        const rotated = [...asked.slice(spelling % 4), ...asked.slice(0, spelling % 4)]
        codecs.add(codec(`application/json;unknown${spelling}=x;${rotated.join(';')}`))
      }
    expect(codecs.size).toBe(16)
    expect(codecs).toContain(settings.replyCodec)
  })
  test.each([undefined, '*/*', 'application/json', 'text/html;q=0.9,*/*;q=0.8'])(
    '%j leaves the one of the route',
    (accept) => {
      expect(codec(accept)).toBe(settings.replyCodec)
    },
  )
  test('where replies are not JSON there is nothing to ask for', () => {
    const raw = fakeSettings(SCHEMA, { replyJson: undefined, replyCodec: SCHEMA.codec('opaque') })
    expect(replyCodec('*/*;emitDefaults=maybe', 'application/json', raw, SCHEMA)).toBe(raw.replyCodec)
  })
})
