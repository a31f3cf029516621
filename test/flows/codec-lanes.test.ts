import { expect, test, vi } from 'vitest'
import { compileTranscode } from '../../src/codec/compile/index.ts'
import { things } from '../support/things.ts'

vi.mock('../../src/codec/compile/index.ts', { spy: true })

const compiled = things()
const plain = things({}, { codec: { compiled: false } })

test('codec.compiled: false leaves the compiled transcoder out; the answers are the same', async () => {
  const made = vi.mocked(compileTranscode)
  const body = '{"name":"\u00fc","count":"5","children":[{"u":1}],"data":"AP8="}'
  const first = await compiled.ask('POST', '/v1/things', body)
  expect(made).toHaveBeenCalled()
  made.mockClear()
  const second = await plain.ask('POST', '/v1/things', body)
  expect(made).not.toHaveBeenCalled()
  expect(first.status).toBe(200)
  expect(second.text).toBe(first.text)
})
