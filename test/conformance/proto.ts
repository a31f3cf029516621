import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import protobuf from 'protobufjs'
import { includeText } from '../../src/schema/include.ts'
import { methodPaths } from '../support/scripted-backend.ts'
import { VECTORS } from '../support/vectors.ts'

/** The services that the tables about streams, raw bodies, metadata, deadlines and WebSockets call. */
export const CONFORMANCE_PROTO = join(VECTORS, 'proto/conformance.proto')
const TEXT = readFileSync(CONFORMANCE_PROTO, 'utf8')
export const CONFORMANCE_PATHS: readonly string[] = methodPaths(TEXT)

const { root } = protobuf.parse(TEXT, { keepCase: true })
for (const file of ['google/api/httpbody.proto', 'google/protobuf/struct.proto', 'google/protobuf/any.proto'])
  protobuf.parse(includeText(file)!, root, { keepCase: true })

export interface Item {
  readonly text?: string
  readonly n?: number
}
export interface HttpBody {
  readonly content_type?: string
  readonly data?: Uint8Array
}
export interface Piece {
  readonly name?: string
  readonly n?: number
  readonly file?: HttpBody
}

/** Wire bytes of a message of conformance.proto and back; fields by their proto names, unset ones absent. */
const wire = <T extends object>(name: string) => {
  const type = root.lookupType(name)
  return {
    encode: (value: T): Buffer => Buffer.from(type.encode(type.fromObject(value)).finish()),
    decode: (bytes: Uint8Array): T => type.toObject(type.decode(bytes)) as T,
  }
}
export const item = wire<Item>('conf.Item')
export const httpBody = wire<HttpBody>('google.api.HttpBody')
export const piece = wire<Piece>('conf.Piece')
const value = wire<object>('google.protobuf.Value')

/** Wire bytes of a `google.protobuf.Value`: numbers, strings and objects of them. */
export const valueBytes = (json: unknown): Buffer => value.encode(protoValue(json))
const protoValue = (json: unknown): object => {
  if (typeof json === 'number') return { number_value: json }
  if (typeof json === 'string') return { string_value: json }
  const fields = Object.entries(json as object).map(([name, each]) => [name, protoValue(each)])
  return { struct_value: { fields: Object.fromEntries(fields) } }
}
