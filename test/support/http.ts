import type { HttpRequest, HttpResponse } from '../../src/core/http.ts'
import { makeMetadata } from '../../src/core/metadata.ts'

export interface FakeRequestInit {
  readonly method?: string
  /** Raw path with query. */
  readonly path?: string
  /** Flat `[name, value, …]`, lower case. */
  readonly headers?: readonly string[]
  readonly authority?: string
}
/** A request without a body and without a socket. */
export const fakeRequest = (init: FakeRequestInit = {}): HttpRequest => ({
  head: {
    method: init.method ?? 'GET',
    path: init.path ?? '/',
    authority: init.authority ?? 'gateway.test',
    scheme: 'http',
    httpVersion: '1.1',
    headers: makeMetadata([...(init.headers ?? [])]),
  },
  peer: { address: '192.0.2.1', certificate: undefined },
  body: new Uint8Array(0),
  read: (sink) => sink.end([]),
  resume() {},
})

export interface RecordedReply {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly text: string
  json(): unknown
}
/** A response that remembers its one `reply`. Anything but that throws. */
export const fakeResponse = (): { readonly response: HttpResponse; readonly replied: Promise<RecordedReply> } => {
  const { promise, resolve } = Promise.withResolvers<RecordedReply>()
  let over = false
  const unexpected = (): never => {
    throw new Error('only reply() was expected')
  }
  const response: HttpResponse = {
    get closed() {
      return over
    },
    reply(status, headers, body) {
      if (over) throw new Error('a second reply')
      over = true
      const map = new Map<string, string>()
      for (let i = 0; i < headers.length; i += 2) map.set(headers[i]!, headers[i + 1]!)
      const text = Buffer.from(body).toString()
      resolve({ status, headers: map, text, json: () => JSON.parse(text) as unknown })
    },
    head: unexpected,
    write: unexpected,
    end: unexpected,
    abort: unexpected,
    onDrain() {},
    onClose() {},
  }
  return { response, replied: promise }
}
