import type { Exchange } from '../../src/core/exchange.ts'
import type { Handler } from '../../src/core/handler.ts'
import { type Message, makeMessage } from '../../src/core/message.ts'
import { type Code, makeStatus, OK } from '../../src/core/status.ts'
import { Source } from '../../src/core/stream.ts'
import { fakeReply } from './loopback.ts'
import { schema } from './ws-inbound.ts'

const proto = schema.codec('proto')
/** A reply in protobuf, as a gRPC backend gives it. */
export const protoMessage = (exchange: Exchange, value: unknown): Message =>
  makeMessage({
    schema,
    type: exchange.match.route.operation.output,
    codec: proto,
    bytes: Buffer.from(`\0${JSON.stringify(value)}`),
  })

/** Sends every message back in protobuf; a message that does not fit throws, as in an outbound adapter. */
export const echo: Handler = (exchange) => {
  const source = new Source({ resume: () => flow.resume(), cancel: (status) => flow.cancel(status) })
  const flow = exchange.request.pipe({
    message: (message) =>
      source.push(
        makeMessage({
          schema,
          type: exchange.match.route.operation.output,
          codec: proto,
          bytes: message.as(proto),
        }),
      ),
    end: (status) => source.end(status),
  })
  exchange.onEnd((status) => source.cancel(status))
  return fakeReply(source)
}

/** Replies at once with a stream on which nothing ever comes. */
export const silent: Handler = (exchange) => {
  const source = new Source({ resume() {}, cancel() {} })
  exchange.request.pipe({ message: () => true, end() {} })
  exchange.onEnd((status) => source.cancel(status))
  return fakeReply(source)
}

/** Counts the messages of the request and says how many. */
export const count: Handler = (exchange) => {
  const source = new Source({ resume() {}, cancel() {} })
  let messages = 0
  exchange.request.pipe({
    message: () => ++messages > 0,
    end(status) {
      source.push(protoMessage(exchange, { count: messages }))
      source.end(status)
    },
  })
  return fakeReply(source)
}

/** Opens, and fails with this code after the first message. */
export const failing =
  (code: Code): Handler =>
  (exchange) => {
    const source = new Source({ resume() {}, cancel() {} })
    exchange.request.pipe({
      message() {
        source.end(makeStatus(code, 'as the backend says'))
        return true
      },
      end() {},
    })
    return fakeReply(source)
  }

export interface Flood {
  readonly handler: Handler
  /** Bytes that were handed over. */
  readonly bytes: number
  /** How often it was told to wait. */
  readonly waits: number
}
/** After the first message: as many messages of 16 KiB as the reader takes, at most 1 GB. */
export const flood = (): Flood => {
  const piece = Buffer.from(`\0"${'x'.repeat(16 * 1024)}"`)
  let bytes = 0
  let waits = 0
  return {
    get bytes() {
      return bytes
    },
    get waits() {
      return waits
    },
    handler(exchange) {
      const type = exchange.match.route.operation.output
      const pump = (): void => {
        while (bytes < 1e9) {
          bytes += piece.length
          if (source.push(makeMessage({ schema, type, codec: proto, bytes: piece }))) continue
          waits++
          return
        }
        source.end(OK)
      }
      const source = new Source({ resume: pump, cancel() {} })
      exchange.request.pipe({
        message() {
          queueMicrotask(pump)
          return true
        },
        end() {},
      })
      exchange.onEnd((status) => source.cancel(status))
      return fakeReply(source)
    },
  }
}
