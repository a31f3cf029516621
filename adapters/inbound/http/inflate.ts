import { kMaxLength } from 'node:buffer'
import type { Transform } from 'node:stream'
import {
  brotliDecompress,
  brotliDecompressSync,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  gunzip,
  gunzipSync,
  inflate,
  inflateRaw,
  inflateRawSync,
  inflateSync,
  type ZlibOptions,
} from 'node:zlib'
import { errors, formatSize, type GatewayError, type Metadata, makeMetadata } from '../../../src/spi.ts'

export type Coding = 'gzip' | 'deflate' | 'br'
/** Work above this size leaves the thread. */
const SYNC = 64 * 1024

/** The content coding of a request; undefined for none. Throws 415 for one that is not known, or for several. */
export const contentCoding = (headers: Metadata): Coding | undefined => {
  const value = headers.getAll('content-encoding').join(',').trim().toLowerCase()
  switch (value) {
    case '':
    case 'identity':
      return undefined
    case 'gzip':
    case 'x-gzip':
      return 'gzip'
    case 'deflate':
    case 'br':
      return value
    default:
      throw errors.unsupportedMediaType(
        'the content-encoding of the body is not known; send it as gzip, deflate, br or identity',
        { reason: 'ENCODING_UNSUPPORTED', trailers: makeMetadata(['accept-encoding', 'gzip, deflate, br']) },
      )
  }
}

/** Some clients send `deflate` without the zlib header that RFC 9110 §8.4.1.2 asks for. */
const isRaw = (first: Uint8Array): boolean => ((first[0] ?? 0x78) & 0x0f) !== 0x08

/**
 * Inflates a whole body, at most to `max` bytes. `done` is called once, with the bytes or with the refusal: at once for small
 * bodies, later for large ones.
 */
export const inflateWhole = (
  coding: Coding,
  bytes: Uint8Array,
  max: number,
  done: (result: Uint8Array | GatewayError) => void,
): void => {
  const options = { maxOutputLength: Math.min(max, kMaxLength) }
  if (bytes.length > SYNC) {
    inflateLater(coding, bytes, options, (error, result) => done(error === null ? result : refusal(error, max)))
    return
  }
  let result: Uint8Array | GatewayError
  try {
    result = inflateNow(coding, bytes, options)
  } catch (error) {
    result = refusal(error as NodeJS.ErrnoException, max)
  }
  done(result)
}

const inflateNow = (coding: Coding, bytes: Uint8Array, options: ZlibOptions): Uint8Array => {
  if (coding === 'gzip') return gunzipSync(bytes, options)
  if (coding === 'br') return brotliDecompressSync(bytes, options)
  return isRaw(bytes) ? inflateRawSync(bytes, options) : inflateSync(bytes, options)
}
const inflateLater = (
  coding: Coding,
  bytes: Uint8Array,
  options: ZlibOptions,
  done: (error: Error | null, result: Uint8Array) => void,
): void => {
  if (coding === 'gzip') gunzip(bytes, options, done)
  else if (coding === 'br') brotliDecompress(bytes, options, done)
  else if (isRaw(bytes)) inflateRaw(bytes, options, done)
  else inflate(bytes, options, done)
}

const refusal = (error: NodeJS.ErrnoException, max: number): GatewayError =>
  error.code === 'ERR_BUFFER_TOO_LARGE'
    ? errors.messageTooLarge(`the body is longer than ${formatSize(max)} when it is inflated`)
    : errors.invalidArgument('the body is not what its content-encoding says, or it is cut', {
        reason: 'ENCODING_INVALID',
      })

export interface InflateSink {
  /** false: stop until `resume`. */
  chunk(bytes: Uint8Array): boolean
  end(): void
  fail(error: GatewayError): void
}

/** Inflates a body piece by piece; what it keeps is bounded by the buffers of zlib, however much comes out. */
export class Inflater {
  readonly #coding: Coding
  readonly #sink: InflateSink
  readonly #more: () => void
  #stream: Transform | undefined

  /** `more` is called when `write` returned false and there is room again. */
  constructor(coding: Coding, sink: InflateSink, more: () => void) {
    this.#coding = coding
    this.#sink = sink
    this.#more = more
  }

  write(bytes: Uint8Array): boolean {
    this.#stream ??= this.#open(bytes)
    return this.#stream.write(bytes)
  }
  end(): void {
    if (this.#stream === undefined) this.#sink.end()
    else this.#stream.end()
  }
  resume(): void {
    this.#stream?.resume()
  }
  /** Nothing is delivered any more. */
  stop(): void {
    this.#stream?.removeAllListeners('data')
    this.#stream?.destroy()
  }

  #open(first: Uint8Array): Transform {
    const stream = this.#create(first)
    stream.on('data', (bytes: Uint8Array) => {
      if (!this.#sink.chunk(bytes)) stream.pause()
    })
    stream.on('drain', this.#more)
    stream.once('end', () => this.#sink.end())
    stream.once('error', (error) => this.#sink.fail(refusal(error, 0)))
    return stream
  }
  #create(first: Uint8Array): Transform {
    switch (this.#coding) {
      case 'gzip':
        return createGunzip()
      case 'br':
        return createBrotliDecompress()
      case 'deflate':
        return isRaw(first) ? createInflateRaw() : createInflate()
    }
  }
}
