import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { fromBinary, fromJson, toBinary, toJsonString } from '@bufbuild/protobuf'
import { type CodecOptions, CodecTable } from '../../src/codec/codec.ts'
import type { MessageType } from '../../src/core/descriptor.ts'
import { Bytes } from '../../src/core/message.ts'
import { loadSchema } from '../../src/schema/schema.ts'
import { bufbuildMessage, bufbuildTypes, type ProtobufjsJson, protobufjsTypes } from '../../test/support/oracles.ts'

/** One way from JSON bytes to wire bytes and back, for one type. What it returns belongs to the caller. */
export interface Contender {
  toWire(json: Buffer): Uint8Array
  toJson(wire: Buffer): Uint8Array
}

export const CONTENDERS = ['compiled', 'closures', 'reference', 'protobufjs', 'protojson', 'protobuf-es'] as const
export type ContenderName = (typeof CONTENDERS)[number]

const FILE = fileURLToPath(new URL('./data.proto', import.meta.url))

export interface Bench {
  /** The two directions of a contender for a type of data.proto. */
  contender(name: ContenderName, type: string): Contender
}

export const loadBench = async (): Promise<Bench> => {
  const { schema, problems } = await loadSchema([FILE], { base: '/' })
  if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join('\n'))
  const find = (name: string): MessageType => {
    const type = schema.type(name)
    if (type === undefined) throw new Error(`data.proto has no ${name}`)
    return type
  }
  const ours = (type: string, options: CodecOptions): Contender =>
    protogate(new CodecTable((name) => schema.type(name), options), find(type))
  return {
    contender(name, type) {
      switch (name) {
        case 'compiled':
          return ours(type, { compiled: 'generate' })
        case 'closures':
          return ours(type, { compiled: 'closures' })
        case 'reference':
          return ours(type, { compiled: false })
        case 'protobufjs':
          return protobufjs(protobufjsTypes(readFileSync(FILE, 'utf8'))(type))
        case 'protojson':
          return protojson(protobufjsTypes(readFileSync(FILE, 'utf8'))(type))
        case 'protobuf-es':
          return protobufEs(find(type))
      }
    },
  }
}

/** As `Message.as` does it: a buffer of its own for every message. */
const protogate = (table: CodecTable, type: MessageType): Contender => {
  const [json, proto] = [table.codec('json'), table.codec('proto')]
  const parse = table.transcoder(type, json, proto)
  const print = table.transcoder(type, proto, json)
  return {
    toWire(text) {
      const out = new Bytes(0)
      parse(text, out, undefined)
      return out.take()
    },
    toJson(wire) {
      const out = new Bytes(0)
      print(wire, out, undefined)
      return out.take()
    },
  }
}

const STRINGS = { longs: String, enums: String, bytes: String }

/** The usual way. It knows nothing of ProtoJSON's own forms: of well-known types it makes other messages. */
const protobufjs = (type: ProtobufjsJson): Contender => ({
  toWire: (text) => type.encode(type.fromObject(JSON.parse(text.toString()))).finish(),
  toJson: (wire) => Buffer.from(JSON.stringify(type.toObject(type.decode(wire), STRINGS))),
})

/** protobufjs with its own ProtoJSON extension. */
const protojson = (type: ProtobufjsJson): Contender => ({
  toWire: (text) => type.encode(type.fromJsonString(text.toString())).finish(),
  toJson: (wire) => Buffer.from(type.toJsonString(type.decode(wire))),
})

const protobufEs = (type: MessageType): Contender => {
  const registry = bufbuildTypes([type])
  const desc = bufbuildMessage(registry, type.name)
  return {
    toWire: (text) => toBinary(desc, fromJson(desc, JSON.parse(text.toString()), { registry })),
    toJson: (wire) => Buffer.from(toJsonString(desc, fromBinary(desc, wire), { registry })),
  }
}
