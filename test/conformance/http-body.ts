import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import { begin, send } from '../support/http-client.ts'
import { eventually } from '../support/listener.ts'
import { type ScriptedBackend, type ScriptedCall, startScriptedBackend } from '../support/scripted-backend.ts'
import type { Marked, Tally } from '../support/tally.ts'
import { readVectors } from '../support/vectors.ts'
import { CONFORMANCE_PATHS, CONFORMANCE_PROTO, type HttpBody, httpBody, item, type Piece, piece } from './proto.ts'

interface RawData {
  readonly text?: string | null
  readonly hex?: string
}
interface BodyData extends RawData {
  readonly content_type?: string
}
interface PieceData {
  readonly name?: string
  readonly n?: number
  readonly file?: BodyData
}
interface Upload extends RawData, Marked {
  readonly path: string
  readonly type: string | null
  readonly want?: PieceData
  readonly http?: number
}
interface Download extends RawData, Marked {
  readonly path: string
  readonly stream: readonly (PieceData & BodyData)[]
  readonly type: string | null
}

const MIB = 1024 * 1024
/** Of one message of an upload that is a stream. */
const MOST = 256 * 1024

const bytesOf = ({ text, hex }: RawData): Buffer | undefined => {
  if (hex !== undefined) return Buffer.from(hex, 'hex')
  return typeof text === 'string' ? Buffer.from(text) : undefined
}
const bodyOf = (given: BodyData): HttpBody => {
  const data = bytesOf(given)
  return {
    ...(given.content_type === undefined ? {} : { content_type: given.content_type }),
    ...(data === undefined || data.length === 0 ? {} : { data }),
  }
}
const pieceOf = ({ name, n, file }: PieceData): Piece => ({
  ...(name === undefined ? {} : { name }),
  ...(n === undefined ? {} : { n }),
  ...(file === undefined ? {} : { file: bodyOf(file) }),
})
const inParts = (path: string): boolean => path.startsWith('/part')
/** A request message as a piece: a body without fields beside it is its `file`. */
const received = (path: string, bytes: Uint8Array): Piece =>
  inParts(path) ? piece.decode(bytes) : { file: httpBody.decode(bytes) }
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** SEMANTICS §12: raw bodies up and down. */
export const httpBodies = (tally: Tally): void => {
  const vectors = readVectors<{ uploads: Upload[]; downloads: Download[] }>('httpbody.json')
  let backend: ScriptedBackend
  let running: RunningGateway

  beforeAll(async () => {
    backend = await startScriptedBackend(CONFORMANCE_PATHS)
    running = await startGateway({
      schemas: [CONFORMANCE_PROTO],
      upstreams: { conf: { endpoints: [backend.address] } },
    })
  })
  afterAll(async () => {
    await running.stop()
    await backend.stop()
  })
  beforeEach(() => backend.reset())

  const counts = async (call: ScriptedCall): Promise<void> => {
    call.send(item.encode({ n: (await call.all).length }))
    call.end()
  }

  describe('uploads', () => {
    const title = ({ path, type, text, hex, http }: Upload) =>
      `${path}, ${type}: ${hex ?? text}${http ? ` → ${http}` : ''}`
    tally.each(vectors.uploads, title, async (one) => {
      const { path, type, want, http = 200 } = one
      backend.script = counts
      const { authorization, mine } = backend.tag()
      const headers = { authorization, ...(type === null ? {} : { 'content-type': type }) }
      const answer = await send(running.url, { method: 'POST', path, headers, body: bytesOf(one) })
      expect(answer.status, answer.text).toBe(http)
      if (want === undefined) {
        // A stream is opened before its first message is here.
        if (path.startsWith('/parts')) await eventually(() => mine().every(({ cancelled }) => cancelled))
        else expect(mine()).toEqual([])
        return
      }
      expect(answer.json()).toEqual({ n: 1 })
      expect(received(path, mine()[0]!.messages[0]!)).toEqual(pieceOf(want))
    })

    test('a long one is cut: the first piece has fields and type, the later ones data alone', async () => {
      backend.script = counts
      const body = randomBytes(3 * MIB + 1)
      for (const path of ['/bodies', '/parts/a?n=7']) {
        const { authorization, mine } = backend.tag()
        const headers = { authorization, 'content-type': 'application/zip' }
        const answer = await send(running.url, { method: 'POST', path, headers, body })
        expect(answer.status, answer.text).toBe(200)
        const [first, ...later] = mine()[0]!.messages.map((bytes) => received(path, bytes))
        const beside = inParts(path) ? { name: 'a', n: 7 } : {}
        expect(first).toEqual({ ...beside, file: { content_type: 'application/zip', data: expect.anything() } })
        for (const one of later) expect(one).toEqual({ file: { data: expect.anything() } })
        const data = [first!, ...later].map(({ file }) => file!.data!)
        expect(Math.max(...data.map(({ length }) => length))).toBeLessThanOrEqual(MOST)
        expect(digest(Buffer.concat(data))).toBe(digest(body))
      }
    })
    test('a long one that is one message has a limit', async () => {
      backend.script = counts
      const body = randomBytes(4 * MIB + 1)
      const answer = await send(running.url, { method: 'POST', path: '/body', body })
      expect(answer.status).toBe(413)
      expect(answer.json()).toMatchObject({ code: 8 })
      expect(backend.calls.length).toBe(0)
    })
    test('it pauses while the backend does not read', async () => {
      backend.script = async (call) => {
        call.pause()
        await counts(call)
      }
      const { authorization, mine } = backend.tag()
      const sent = begin(running.url, { method: 'POST', path: '/bodies', headers: { authorization }, unended: true })
      const chunk = randomBytes(256 * 1024)
      let taken = 0
      const total = 64 * MIB
      const write = (): void => {
        if (taken === total) sent.request.end()
        else
          sent.request.write(chunk, () => {
            taken += chunk.length
            write()
          })
      }
      write()
      let before = -1
      let still = 0
      await eventually(() => {
        still = taken === before ? still + 1 : 0
        before = taken
        return taken > 0 && still > 100
      })
      // What the kernel keeps for both connections is a part of it.
      expect(taken).toBeLessThan(total / 2)
      mine()[0]!.readOn()
      expect((await sent.answer).status).toBe(200)
      const length = mine()[0]!.messages.reduce((sum, bytes) => sum + httpBody.decode(bytes).data!.length, 0)
      expect(length).toBe(total)
    })
  })

  describe('downloads', () => {
    const title = ({ path, stream }: Download) => `${path} of ${JSON.stringify(stream)}`
    tally.each(vectors.downloads, title, async (one) => {
      const { path, stream, type } = one
      backend.script = async (call) => {
        await call.all
        for (const each of stream)
          call.send(inParts(path) ? piece.encode(pieceOf(each)) : httpBody.encode(bodyOf(each)))
        call.end()
      }
      const answer = await send(running.url, { path })
      expect(answer.status).toBe(200)
      expect(answer.headers['content-type'] ?? null).toBe(type)
      expect(answer.body).toEqual(bytesOf(one))
      expect(answer.complete).toBe(true)
    })
  })

  test('both ways at once: what goes in comes out', async () => {
    backend.script = async (call) => {
      call.onMessage((bytes) => call.send(bytes))
      await call.all
      call.end()
    }
    const body = randomBytes(2 * MIB)
    const headers = { 'content-type': 'image/webp' }
    const answer = await send(running.url, { method: 'POST', path: '/convert', headers, body })
    expect(answer.status).toBe(200)
    expect(answer.headers['content-type']).toBe('image/webp')
    expect(digest(answer.body)).toBe(digest(body))
  })
}
