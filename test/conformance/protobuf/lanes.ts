import { CodecTable } from '../../../src/codec/codec.ts'
import type { Mode } from '../../../src/codec/compile/scratch.ts'
import type { MessageType } from '../../../src/core/descriptor.ts'
import { Bytes, type Codec } from '../../../src/core/message.ts'
import { GatewayError } from '../../../src/core/status.ts'
import { loadSchema } from '../../../src/schema/schema.ts'
import { handOvers } from './figures.ts'
import { type Answer, type Asked, INCLUDE, type Testee } from './protocol.ts'

/** Ways of our own through the codec: without the compiled lane, and with both of its forms. */
export const LANES = ['reference', 'generate', 'closures'] as const
export type Lane = (typeof LANES)[number]

/** The transcoders of the gateway, over the schema that its own loader makes of the .proto files of the suite. */
export const laneTestee = async (lane: Lane): Promise<Testee> => {
  const { schema, problems } = await loadSchema([INCLUDE], { base: INCLUDE })
  const errors = problems.filter(({ severity }) => severity === 'error')
  if (errors.length > 0)
    throw new Error(errors.map(({ file, line, message }) => `${file}:${line} ${message}`).join('\n'))
  const compiled: Mode | false = lane === 'reference' ? false : lane
  const table = new CodecTable((name) => schema.type(name), { compiled })
  const proto = table.codec('proto')
  const json = table.codec('json')
  const lenient = table.codec('json', { ignoreUnknown: true })
  const decoded = countDecodes([proto, json, lenient])
  let transcoded = 0
  let handedOver = 0

  const typeOf = (name: string): MessageType => {
    const type = schema.type(name)
    if (type === undefined) throw new Error(`the schema has no ${name}`)
    return type
  }
  const run = (type: MessageType, from: Codec, to: Codec, bytes: Uint8Array): Buffer => {
    const before = decoded()
    const out = new Bytes()
    table.transcoder(type, from, to)(bytes, out, undefined)
    transcoded++
    if (decoded() > before) handedOver++
    return out.take()
  }
  const ofJson = (type: MessageType, text: string, output: Asked['output'], ignoreUnknown: boolean): Answer => {
    const wire = attempt(() => run(type, ignoreUnknown ? lenient : json, proto, Buffer.from(text)))
    if (typeof wire === 'string') return { parse: wire }
    if (output === 'wire') return { wire }
    const printed = attempt(() => run(type, proto, json, wire))
    return typeof printed === 'string' ? { serialize: printed } : { json: printed.toString() }
  }
  /** A refusal of the transcoder is one of reading when decoding alone refuses too. */
  const ofWire = (type: MessageType, bytes: Uint8Array, output: Asked['output']): Answer => {
    const printed = attempt(() => run(type, proto, json, bytes))
    const value = attempt(() => proto.decode(type, bytes))
    if (typeof value === 'string')
      return typeof printed === 'string' ? { parse: value } : { broken: `printed, although ${value}` }
    if (output === 'json') return typeof printed === 'string' ? { serialize: printed } : { json: printed.toString() }
    // Read and written again, which a gateway does when a policy has changed the message.
    const out = new Bytes()
    proto.encode(type, value, out)
    return { wire: out.take() }
  }

  return {
    answer({ type: name, input, output, ignoreUnknown }: Asked): Answer {
      const type = typeOf(name)
      return 'json' in input ? ofJson(type, input.json, output, ignoreUnknown) : ofWire(type, input.wire, output)
    },
    async stop() {
      console.error(handOvers(handedOver, transcoded))
    },
  }
}

/** What came of it, or why a client's or a backend's bytes are refused. Any other error is a fault of ours and goes on. */
const attempt = <T>(step: () => T): T | string => {
  try {
    return step()
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown.message
    throw thrown
  }
}

/** How often these codecs have decoded. The compiled lane never does; what it hands over is decoded. */
const countDecodes = (codecs: readonly Codec[]): (() => number) => {
  let count = 0
  for (const codec of codecs) {
    const decode = codec.decode.bind(codec)
    Object.assign(codec, {
      decode(type: MessageType, bytes: Uint8Array): unknown {
        count++
        return decode(type, bytes)
      },
    })
  }
  return () => count
}
