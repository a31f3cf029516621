import type { ScalarKind } from '../../../../src/core/descriptor.ts'
import { type Types, typesOf } from '../../../support/codec.ts'

/** A schema with every kind of field in every place that it may have. */

export const SCALARS: readonly ScalarKind[] = [
  'double',
  'float',
  'int32',
  'int64',
  'uint32',
  'uint64',
  'sint32',
  'sint64',
  'fixed32',
  'fixed64',
  'sfixed32',
  'sfixed64',
  'bool',
  'string',
  'bytes',
]
export const KEYS: readonly ScalarKind[] = SCALARS.filter((kind) => !['double', 'float', 'bytes'].includes(kind))
const WRAPPERS = ['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes'].map(
  (name) => `${name}Value`,
)
const KNOWN = ['Timestamp', 'Duration', 'FieldMask', 'Struct', 'Value', 'ListValue', 'Empty', 'Any', 'NullValue']

/** Name of a field → type of an element, as written in a .proto. */
export const ELEMENTS: ReadonlyMap<string, string> = new Map([
  ...SCALARS.map((kind): [string, string] => [kind, kind]),
  ['color', 'Color'],
  ['leaf', 'Leaf'],
  ...[...WRAPPERS, ...KNOWN].map((name): [string, string] => [name.toLowerCase(), `google.protobuf.${name}`]),
])

const IMPORTS = ['any', 'duration', 'empty', 'field_mask', 'struct', 'timestamp', 'wrappers']
let number = 0
const next = (): number => ++number
const fields = (line: (name: string, type: string) => string): string =>
  [...ELEMENTS].map(([name, type]) => line(name, type)).join('\n')

const SCHEMA = `
syntax = "proto3";
package p;
${IMPORTS.map((name) => `import "google/protobuf/${name}.proto";`).join('\n')}
enum Color { NONE = 0; RED = 1; CRIMSON = -2; }
message Leaf { string t = 1; Leaf leaf = 2; repeated Leaf leaves = 3; map<string, Leaf> map_of = 4; int32 n = 5; }
message One { ${fields((name, type) => `${type} ${name}_f = ${next()};`)} }
message Optional { ${fields((name, type) => `optional ${type} ${name}_f = ${next()};`)} }
message Many { ${fields((name, type) => `repeated ${type} ${name}_f = ${next()};`)} }
message Loose { ${[...SCALARS, 'Color'].map((kind) => `repeated ${kind} ${kind.toLowerCase()}_f = ${next()}${['string', 'bytes'].includes(kind) ? '' : ' [packed = false]'};`).join('\n')} }
message Maps { ${fields((name, type) => `map<string, ${type}> ${name}_f = ${next()};`)} }
message Keyed { ${KEYS.map((kind) => `map<${kind}, int32> ${kind}_f = ${next()};`).join('\n')} }
message Either { oneof o { ${fields((name, type) => `${type} ${name}_f = ${next()};`)} } oneof other { string a = 5000; int32 b = 5001; } string c = 5002; }
message Far { int32 a = 536870911; repeated int32 b = 536870910 [packed = false]; map<int32, Far> c = 536870909; Far d = 536870908; string e = 2047; bytes f = 2048; repeated double g = 262143; Leaf h = 16; }
`

export const schemaTypes = (): Types => typesOf(SCHEMA)
