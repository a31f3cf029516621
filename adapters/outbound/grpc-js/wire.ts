import diagnostics from 'node:diagnostics_channel'
import type { ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2'
import { codeFromGrpcHttp, decodeGrpcMessage, isLegalValue } from '../../../src/spi.ts'
import { Frames } from './frames.ts'

/**
 * What grpc-js does to the end of a call loses things: messages that were not read yet when an error status arrives, the escapes
 * of `grpc-message` that `decodeURI` leaves alone, the HTTP status of an answer that is not gRPC. So the headers are looked at
 * before grpc-js sees them: an end that is not OK travels through it as OK, after all messages, with the real status beside it
 * in two fields that `takeStatus` reads. An end that is missing is added.
 */
const CODE = 'protogate-code'
const TEXT = 'protogate-text-bin'
/** Before the code: nobody sent it. */
const MADE = 'made '

/** First word of `user-agent` on the calls of this adapter; by it they are told from other users of HTTP/2 in the process. */
export const AGENT = 'protogate'

const END_STREAM = 0x1
const NUMBER = /^\d{1,9}$/

/** Follows the streams of this adapter from now on. Returns the way out. */
export const watchWire = (): (() => void) => {
  if (watchers++ === 0) diagnostics.subscribe('http2.client.stream.created', onCreated)
  let watching = true
  return () => {
    if (!watching) return
    watching = false
    if (--watchers === 0) diagnostics.unsubscribe('http2.client.stream.created', onCreated)
  }
}
let watchers = 0

/** How a call ended on the wire, when it was not OK. */
export interface WireStatus {
  readonly code: number
  readonly message: string
  /** The backend sent it; else it was made from an answer without a usable `grpc-status`. */
  readonly sent: boolean
}
/** What `watchWire` put beside an end, or beside a head that is not one of gRPC. Taken out of `metadata`. */
export const takeStatus = (metadata: WireMetadata): WireStatus | undefined => {
  const code = metadata.get(CODE)[0]?.toString()
  if (code === undefined) return undefined
  const text = metadata.get(TEXT)[0]
  metadata.remove(CODE)
  metadata.remove(TEXT)
  const sent = !code.startsWith(MADE)
  return { code: Number(sent ? code : code.slice(MADE.length)), message: text?.toString() ?? '', sent }
}
interface WireMetadata {
  get(name: string): readonly (string | Buffer)[]
  remove(name: string): void
}

/** Answers whose head is on its way to its call, by a number that stands in the head. */
const FRAMES = 'protogate-frames'
const arriving = new Map<string, Frames>()
let answers = 0
/** The frames of the answer that this is the head of. Taken out of `head`; undefined when the answer has no body. */
export const takeFrames = (head: WireMetadata): Frames | undefined => {
  const key = head.get(FRAMES)[0]?.toString()
  if (key === undefined) return undefined
  head.remove(FRAMES)
  const frames = arriving.get(key)
  arriving.delete(key)
  return frames
}

const onCreated = (event: unknown): void => {
  const { stream, headers } = event as { stream: ClientHttp2Stream; headers: Record<string, unknown> }
  const agent = headers['user-agent']
  if (typeof agent === 'string' && agent.startsWith(`${AGENT} `)) watch(stream)
}

const watch = (stream: ClientHttp2Stream): void => {
  let ended = false
  stream.prependListener('response', (headers, flags) => {
    clean(headers)
    ended = (flags & END_STREAM) !== 0
    const foreign = foreignAnswer(headers)
    if (ended) setEnd(headers, foreign)
    else if (foreign !== undefined) make(headers, httpStatus(headers), foreign)
    else {
      delete headers['grpc-message']
      follow(stream, headers)
    }
  })
  stream.prependListener('trailers', (headers) => {
    // Those made below come by here as well.
    if (ended) return
    clean(headers)
    ended = true
    setEnd(headers, undefined)
  })
  stream.prependListener('end', () => {
    if (ended || stream.rstCode !== 0) return
    ended = true
    const headers: IncomingHttpHeaders = Object.create(null)
    make(headers, 200, NO_STATUS)
    stream.emit('trailers', headers, END_STREAM)
  })
}

/** Follows the frames of an answer, for `takeFrames`. */
const follow = (stream: ClientHttp2Stream, headers: IncomingHttpHeaders): void => {
  const frames = new Frames()
  const key = String(++answers)
  arriving.set(key, frames)
  headers[FRAMES] = key
  // Unlike `on`, this does not set the stream flowing: that is for grpc-js to do.
  stream.prependListener('data', (chunk: Buffer) => frames.push(chunk))
  stream.once('close', () => {
    // The call may have been given up before it saw its head, or it sees it in a moment.
    if (arriving.has(key)) setImmediate(() => arriving.delete(key))
  })
}

/** Trailers have none: their head was one of gRPC. */
const httpStatus = (headers: IncomingHttpHeaders): number => Number(headers[':status'] ?? 200)

/** Why a response head is not one of gRPC; undefined when it is. */
const foreignAnswer = (headers: IncomingHttpHeaders): string | undefined => {
  if (httpStatus(headers) !== 200) return `HTTP status ${httpStatus(headers)} in place of a gRPC answer`
  const type = headers['content-type']
  if (type?.startsWith('application/grpc')) return undefined
  return type === undefined ? 'an answer without content-type' : `content-type ${type} in place of application/grpc`
}

const NO_STATUS = 'the answer ended without grpc-status'

const setEnd = (headers: IncomingHttpHeaders, foreign: string | undefined): void => {
  const status = headers['grpc-status']
  const message = headers['grpc-message']
  if (typeof status !== 'string') make(headers, httpStatus(headers), foreign ?? NO_STATUS)
  else if (!NUMBER.test(status)) make(headers, 200, `grpc-status "${status}" is not a number`)
  else if (Number(status) !== 0) put(headers, status, typeof message === 'string' ? decodeGrpcMessage(message) : '')
  else delete headers['grpc-message']
}

/** No usable grpc-status: the HTTP status decides. */
const make = (headers: IncomingHttpHeaders, httpStatus: number, message: string): void =>
  put(headers, `${MADE}${codeFromGrpcHttp(httpStatus)}`, message)

const put = (headers: IncomingHttpHeaders, code: string, message: string): void => {
  delete headers['grpc-message']
  headers['grpc-status'] = '0'
  headers[CODE] = code
  if (message !== '') headers[TEXT] = Buffer.from(message).toString('base64')
}

/** grpc-js prints every field that it cannot keep, value and all, to the console: such fields are dropped here. */
const clean = (headers: IncomingHttpHeaders): void => {
  delete headers[CODE]
  delete headers[TEXT]
  delete headers[FRAMES]
  for (const name in headers) {
    const value = headers[name]
    if (typeof value === 'string' && name !== 'grpc-message' && !name.endsWith('-bin') && !isLegalValue(value))
      delete headers[name]
    else if (!LEGAL_NAME.test(name)) delete headers[name]
  }
}
const LEGAL_NAME = /^[:0-9a-z_.-]+$/
