import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeCapture, decodeForm, hasMalformedEscape } from '../../../src/core/percent.ts'
import vectors from '../../vectors/percent.json' with { type: 'json' }

const MODES = ['spec', 'keep-reserved', 'all'] as const

describe('captures (SEMANTICS §3)', () => {
  test.each(vectors.captures)('$raw, multi $multi', (vector) => {
    for (const mode of MODES) expect(decodeCapture(vector.raw, vector.multi, mode)).toBe(vector[mode] ?? undefined)
  })
  test.each(vectors.form)('form $raw', ({ raw, value }) => expect(decodeForm(raw)).toBe(value ?? undefined))

  /** Any text, and any way to encode it: each byte as it is, or escaped in either case. */
  const encoded = (must: (byte: number) => boolean) =>
    fc
      .tuple(fc.string({ unit: 'binary', maxLength: 20 }), fc.infiniteStream(fc.nat({ max: 2 })))
      .filter(([text]) => text.isWellFormed())
      .map(([text, ways]) => {
        const raw = Array.from(Buffer.from(text), (byte) => {
          const way = ways.next().value as number
          const hex = byte.toString(16).padStart(2, '0')
          if (way === 0 && byte < 0x80 && byte !== 0x25 && !must(byte)) return String.fromCharCode(byte)
          return `%${way === 1 ? hex.toUpperCase() : hex}`
        })
        return { text, raw: raw.join('') }
      })

  test('encode, then decode: the same text, whatever was encoded and how', () => {
    fc.assert(
      fc.property(
        encoded(() => false),
        ({ text, raw }) => {
          for (const mode of MODES) expect(decodeCapture(raw, false, mode)).toBe(text)
          expect(decodeCapture(raw, true, 'all')).toBe(text)
          expect(hasMalformedEscape(raw)).toBe(false)
        },
      ),
    )
  })
  test('a form too, where a plus must be encoded', () => {
    fc.assert(
      fc.property(
        encoded((byte) => byte === 0x2b),
        ({ text, raw }) => {
          expect(decodeForm(raw)).toBe(text)
          expect(decodeForm(raw.replaceAll('%20', '+'))).toBe(text)
        },
      ),
    )
  })
  test('multi keeps encoded slashes as received, and nothing else', () => {
    fc.assert(
      fc.property(
        encoded(() => false),
        ({ raw }) => {
          const wanted = raw.split(/(%2f)/i).map((part) => (/^%2f$/i.test(part) ? part : decodeURIComponent(part)))
          expect(decodeCapture(raw, true, 'spec')).toBe(wanted.join(''))
        },
      ),
    )
  })
  test('any text: decoded, or refused exactly when an escape is malformed or the bytes are no UTF-8', () => {
    const text = fc
      .array(fc.constantFrom('%', 'a', 'F', '4', '1', 'C3', 'A9', '%C3%A9', '/', '+', 'g', 'é'))
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(text, (raw) => {
        const malformed = /%(?![0-9a-f]{2})/i.test(raw)
        expect(hasMalformedEscape(raw)).toBe(malformed)
        let wanted: string | undefined
        try {
          wanted = decodeURIComponent(raw)
        } catch {
          wanted = undefined
        }
        expect(decodeCapture(raw, false, 'spec')).toBe(wanted)
      }),
    )
  })
})
