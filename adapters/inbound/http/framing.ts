import type { StreamFormat } from '../../../src/spi.ts'
import { END_ID } from './request.ts'

/** How the messages of a stream and its end are laid out in a body of text (SEMANTICS §13). */
export interface Framing {
  /** Sent with a head that goes out before the first message. */
  readonly opening: Buffer | undefined
  /** Sent in silence, so that nobody on the way takes the connection for dead. */
  readonly heartbeat: Buffer | undefined
  /** `before`: messages that were written already. `id`: position of a resumable stream. */
  message(json: Uint8Array, before: number, id: string | undefined): Buffer
  /** The orderly end, after `count` messages. `status` makes its JSON. */
  end(count: number, resumable: boolean, status: () => Buffer): Buffer
  /** Tells of a failure behind the head; undefined: only a cut connection can. */
  failure(status: () => Buffer): Buffer | undefined
}

const NOTHING = Buffer.alloc(0)
const bytes = (text: string): Buffer => Buffer.from(text)
/** One copy of the message between two short texts. */
const around = (before: Buffer, json: Uint8Array, after: Buffer): Buffer => {
  const out = Buffer.allocUnsafe(before.length + json.length + after.length)
  out.set(before, 0)
  out.set(json, before.length)
  out.set(after, before.length + json.length)
  return out
}

const LF = bytes('\n')
const ERROR = bytes('{"error":')
const CLOSE = bytes('}\n')

const ndjson: Framing = {
  opening: undefined,
  heartbeat: undefined,
  message: (json) => around(NOTHING, json, LF),
  end: () => NOTHING,
  failure: (status) => around(ERROR, status(), CLOSE),
}

const RESULT = bytes('{"result":')
/** Lines as grpc-gateway writes them (`streamEnvelope`). */
const envelope: Framing = { ...ndjson, message: (json) => around(RESULT, json, CLOSE) }

const OPEN = bytes('[')
const COMMA = bytes(',')
const array: Framing = {
  opening: undefined,
  heartbeat: undefined,
  message: (json, before) => around(before === 0 ? OPEN : COMMA, json, NOTHING),
  end: (count) => bytes(count === 0 ? '[]' : ']'),
  // A closed array would say that nothing is missing.
  failure: () => undefined,
}

const COMMENT = bytes(':\n\n')
const DATA = bytes('data: ')
const END = bytes('event: end\ndata: ')
const LAST = bytes(`event: end\nid: ${END_ID}\ndata: `)
const BLANK = bytes('\n\n')
const sse: Framing = {
  opening: COMMENT,
  heartbeat: COMMENT,
  message: (json, _before, id) => around(id === undefined ? DATA : bytes(`id: ${id}\ndata: `), json, BLANK),
  // An EventSource that was not closed comes back with the id of the last event: this one makes the answer 204.
  end: (_count, resumable, status) => around(resumable ? END : LAST, status(), BLANK),
  failure: (status) => around(END, status(), BLANK),
}

export const framingOf = (format: StreamFormat, streamEnvelope: boolean): Framing => {
  switch (format) {
    case 'ndjson':
      return streamEnvelope ? envelope : ndjson
    case 'array':
      return array
    case 'sse':
      return sse
  }
}
