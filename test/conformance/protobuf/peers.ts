import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fromBinary, fromJsonString, toBinary, toJsonString } from '@bufbuild/protobuf'
import protobuf from 'protobufjs'
import { loadSchema } from '../../../src/schema/schema.ts'
import { bufbuildMessage, bufbuildTypes, protobufjsTypes } from '../../support/oracles.ts'
import { type Answer, type Asked, INCLUDE, type Testee } from './protocol.ts'

/** The .proto files of the test messages. */
const FILES = ['edition2023', 'proto2', 'proto2_editions', 'proto3', 'proto3_editions']

/** A library that reads into objects: input → message → output. */
interface Library<T> {
  parseJson(type: string, text: string, ignoreUnknown: boolean): T
  parseWire(type: string, bytes: Uint8Array): T
  printJson(type: string, message: T): string
  printWire(type: string, message: T): Uint8Array
}

/** Whatever such a library throws is a refusal: none of them tells those from its own faults. */
const testeeOf = <T>(library: Library<T>): Testee => ({
  answer({ type, input, output, ignoreUnknown }: Asked): Answer {
    let message: T
    try {
      message =
        'json' in input ? library.parseJson(type, input.json, ignoreUnknown) : library.parseWire(type, input.wire)
    } catch (thrown) {
      return { parse: String(thrown) }
    }
    try {
      return output === 'json' ? { json: library.printJson(type, message) } : { wire: library.printWire(type, message) }
    } catch (thrown) {
      return { serialize: String(thrown) }
    }
  },
})

/** protobufjs with its ProtoJSON extension, over .proto files that it parses itself, told to keep unknown fields. */
export const protobufjsTestee = async (): Promise<Testee> => {
  const texts = FILES.map((name) =>
    readFileSync(join(INCLUDE, 'google', 'protobuf', `test_messages_${name}.proto`), 'utf8'),
  )
  const typeOf = protobufjsTypes(...texts)
  Object.assign(protobuf.Reader, { discardUnknown: false })
  return testeeOf<protobuf.Message>({
    parseJson: (type, text, ignoreUnknown) => typeOf(type).fromJsonString(text, { ignoreUnknownFields: ignoreUnknown }),
    parseWire: (type, bytes) => typeOf(type).decode(bytes),
    printJson: (type, message) => typeOf(type).toJsonString(message),
    printWire: (type, message) => typeOf(type).encode(message).finish(),
  })
}

/** @bufbuild/protobuf over descriptors that are made of our schema: it has no parser of its own. */
export const bufbuildTestee = async (): Promise<Testee> => {
  const { schema } = await loadSchema([INCLUDE], { base: INCLUDE })
  const registry = bufbuildTypes([...schema.types.values()])
  const find = (type: string) => bufbuildMessage(registry, type)
  return testeeOf({
    parseJson: (type, text, ignoreUnknownFields) => fromJsonString(find(type), text, { registry, ignoreUnknownFields }),
    parseWire: (type, bytes) => fromBinary(find(type), bytes),
    printJson: (type, message) => toJsonString(find(type), message, { registry }),
    printWire: (type, message) => toBinary(find(type), message),
  })
}
