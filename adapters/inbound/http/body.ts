import {
  Code,
  type Codec,
  ended,
  errors,
  formatSize,
  GatewayError,
  type MessageStream,
  type MessageType,
  makeMessage,
  makeStatus,
  type Overlay,
  type Schema,
  type Tally,
  unary,
} from '../../../src/spi.ts'

/** The call that a body belongs to. */
export interface BodyOwner {
  readonly tally: Tally
  /** The one message is here: dispatch. */
  ready(): void
  /** The body is not what it should be, or does not come. */
  broken(error: GatewayError): void
  /** The client sent something. */
  touch(): void
}

/** The request side of a call. */
export interface RequestBody {
  readonly stream: MessageStream
  /** True: dispatch at once. False: the body must come first, and the owner will be told. */
  begin(owner: BodyOwner): boolean
}

/** How messages are made of bytes. */
export interface MessageMaker {
  readonly schema: Schema
  readonly type: MessageType
  readonly codec: Codec
  readonly overlay: Overlay | undefined
}
export const NOTHING = new Uint8Array(0)

/** Nothing to wait for: one message of `bytes`, or none at all. */
export const readyBody = (maker?: MessageMaker): RequestBody => ({
  stream: maker === undefined ? ended() : unary(makeMessage({ ...maker, bytes: NOTHING })),
  begin(owner) {
    if (maker !== undefined) owner.tally.messagesIn = 1
    return true
  },
})

/** Why no more of the body comes. */
export const lostError = (why: 'gone' | 'idle' | 'malformed'): GatewayError => {
  switch (why) {
    case 'gone':
      return errors.cancelled('the client went away before the end of its request')
    case 'malformed':
      return errors.invalidArgument('the body is not framed as HTTP/1.1 asks for', { reason: 'REQUEST_MALFORMED' })
    case 'idle':
      return new GatewayError(
        makeStatus(Code.DEADLINE_EXCEEDED, 'the rest of the body did not arrive in time', {
          reason: 'BODY_TIMEOUT',
          httpStatus: 408,
        }),
        'client',
      )
  }
}

export const tooLarge = (limit: number): GatewayError =>
  errors.bodyTooLarge(`the body is longer than the ${formatSize(limit)} that this route accepts`)
export const unexpectedBody = (): GatewayError =>
  errors.invalidArgument('this method takes no body: its message is made of the path and the query', {
    reason: 'BODY_UNEXPECTED',
  })
