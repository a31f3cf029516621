import type { Peer } from '../../src/core/exchange.ts'
import type { BodySink, HttpRequest, HttpResponse } from '../../src/core/http.ts'
import { makeMetadata } from '../../src/core/metadata.ts'

export interface FakeHttpInit {
  readonly method?: string
  readonly path?: string
  /** Flat, lower case. */
  readonly headers?: readonly string[]
  readonly httpVersion?: string
  readonly peer?: Peer
  /** There is a body: it is fed by the test. */
  readonly hasBody?: boolean
}
export interface FakeHttp {
  readonly request: HttpRequest
  readonly response: HttpResponse
  /** The adapter's side of the body, once it reads. */
  readonly body: { readonly sink: BodySink | undefined; readonly resumed: number }
  /** Everything that was written, in order: `head 200`, `write …`, `end`, `reply 200 …`, `abort`. */
  readonly log: string[]
  readonly headers: ReadonlyMap<string, string>
  readonly trailers: readonly string[] | undefined
  /** Text of the body that was written. */
  readonly text: string
  /** What the next writes return. */
  room: boolean
  drained(): void
  /** The response is over: by its last byte or because the client left. */
  close(complete: boolean): void
}

/** A request and its response without a socket, for tests that move the clock and the client by hand. */
export const fakeHttp = (init: FakeHttpInit = {}): FakeHttp => {
  const { method = 'POST', path = '/', headers = [], httpVersion = '1.1', hasBody = false } = init
  const drains: (() => void)[] = []
  const closes: ((complete: boolean) => void)[] = []
  const written: Buffer[] = []
  let sink: BodySink | undefined
  let resumed = 0
  let closed = false
  let over = false
  let sent: ReadonlyMap<string, string> = new Map()
  let trailers: readonly string[] | undefined
  const log: string[] = []
  const note = (what: string): boolean => {
    if (closed || over) return false
    log.push(what)
    return true
  }
  const keep = (flat: readonly string[]): void => {
    const map = new Map<string, string>()
    for (let i = 0; i < flat.length; i += 2) map.set(flat[i]!, flat[i + 1]!)
    sent = map
  }
  const fake: FakeHttp = {
    request: {
      head: {
        method,
        path,
        authority: 'gateway.test',
        scheme: 'http',
        httpVersion,
        headers: makeMetadata([...headers]),
      },
      peer: init.peer ?? { address: '192.0.2.1', certificate: undefined },
      body: hasBody ? undefined : new Uint8Array(0),
      read(given) {
        if (sink !== undefined) throw new Error('read twice')
        sink = given
        if (!hasBody) given.end([])
      },
      resume() {
        resumed++
      },
    },
    response: {
      get closed() {
        return closed || over
      },
      reply(status, flat, body) {
        if (!note(`reply ${status} ${Buffer.from(body).toString()}`)) return
        keep(flat)
        written.push(Buffer.from(body))
        over = true
      },
      head(status, flat) {
        if (note(`head ${status}`)) keep(flat)
      },
      write(bytes) {
        if (note(`write ${Buffer.from(bytes).toString()}`)) written.push(Buffer.from(bytes))
        return fake.room
      },
      end(given) {
        if (!note('end')) return
        trailers = given
        over = true
      },
      abort() {
        if (note('abort')) over = true
      },
      onDrain: (listener) => void drains.push(listener),
      onClose: (listener) => void closes.push(listener),
    },
    body: {
      get sink() {
        return sink
      },
      get resumed() {
        return resumed
      },
    },
    log,
    get headers() {
      return sent
    },
    get trailers() {
      return trailers
    },
    get text() {
      return Buffer.concat(written).toString()
    },
    room: true,
    drained() {
      for (const listener of drains) listener()
    },
    close(complete) {
      if (closed) return
      closed = true
      for (const listener of closes.splice(0)) listener(complete)
    },
  }
  return fake
}
