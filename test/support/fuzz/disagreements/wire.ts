import type { MessageType } from '../../../../src/core/descriptor.ts'
import type { Difference } from '../foreign.ts'
import type { WireFact } from '../wire-facts.ts'
import { type Disagreement, ENCODING, message, PROTOJSON, refusedByUs } from './entry.ts'

const has =
  (fact: WireFact) =>
  ({ facts }: Difference): boolean =>
    facts.has(fact)

/** Whether a message of this type may hold one with a required field. */
const holdsRequired = (type: MessageType, seen = new Set<MessageType>()): boolean => {
  if (seen.has(type)) return false
  seen.add(type)
  return type.fields.some(
    ({ required, message: inner }) => required || (inner !== undefined && holdsRequired(inner, seen)),
  )
}

/** What is seen when wire bytes are read and JSON is printed, and what shows in both directions. */
export const WIRE_DISAGREEMENTS: readonly Disagreement[] = [
  {
    name: 'minus zero is lost',
    who: ['protobufjs', 'bufbuild'],
    reason: 'JSON.stringify writes 0; protobufjs also takes -0 for the default that is not written',
    authority: `IEEE 754, and ${ENCODING}: only +0 is the default of a field without presence`,
    example: { fields: 'repeated double d = 1;', wire: '0a080000000000000080' },
    explainsLeaf: ({ ours, theirs }) => Object.is(ours, -0) && (theirs === undefined || Object.is(theirs, 0)),
  },
  {
    name: 'a float is printed with the digits of a double',
    who: ['protobufjs', 'bufbuild'],
    direction: 'wire to JSON',
    reason: 'JavaScript has no shorter text for a single; ours is the shortest that reads back as the same 32 bits',
    authority: 'the C++ and Java implementations print the shortest text of a float; both texts mean the same',
    example: { fields: 'float f = 1;', wire: '0dcdcccc3d' },
    explainsLeaf: ({ ours, theirs }) =>
      typeof ours === 'number' &&
      typeof theirs === 'number' &&
      Math.fround(theirs) === theirs &&
      Math.fround(ours) === theirs,
  },
  {
    name: 'a required field is missing',
    who: ['protobufjs', 'bufbuild'],
    reason: 'they refuse the message; a gateway leaves that to the backend',
    authority: `${PROTOJSON} says nothing of required; our semantics: presence is not checked`,
    example: { syntax: 'proto2', fields: 'required int32 n = 1;', wire: '' },
    explains: ({ ours, theirs }) =>
      typeof ours === 'string' && /missing required|required field not set/.test(message(theirs)),
    // protobufjs writes the default of what is missing.
    explainsLeaf: ({ ours }, { type }) => ours === undefined && holdsRequired(type),
  },
  {
    name: 'the wire type of a known field is not looked at',
    who: ['bufbuild'],
    direction: 'wire to JSON',
    reason: 'it reads what the field should be, whatever the tag says',
    authority: `${ENCODING}: a field with another wire type is an unknown field`,
    example: { fields: 'fixed32 n = 1;', wire: '0801' },
    explains: has('another wire type than the field has'),
  },
  {
    name: 'an unknown group in a message without fields',
    who: ['protobufjs'],
    direction: 'wire to JSON',
    reason: 'its decoder for such a type does not know groups',
    authority: `${ENCODING}: unknown fields are passed over`,
    example: { fields: '', wire: '0b0c' },
    explains: has('a group in a message without fields'),
  },
  {
    name: 'a longer varint than its number needs',
    who: ['protobufjs', 'bufbuild'],
    direction: 'wire to JSON',
    reason: 'tags and lengths of more than five bytes and bits above the 64th are refused by one and read by the other',
    authority: `${ENCODING}: a varint has ten bytes at most; C++ takes lengths of five`,
    example: { fields: 'int32 n = 1;', wire: '08ffffffffffffffffff7f' },
    explains: has('a varint longer than its number needs'),
  },
  {
    name: 'the field number 0',
    who: ['protobufjs'],
    direction: 'wire to JSON',
    reason: 'its decoder for a type without fields passes over it',
    authority: `${ENCODING}: field numbers start with 1; C++ refuses the tag`,
    example: { fields: '', wire: '010707070707070707' },
    explains: has('the field number 0'),
  },
  {
    name: 'unknown groups without a limit of nesting',
    who: ['protobufjs'],
    direction: 'wire to JSON',
    reason: 'it counts messages alone',
    authority: 'a limit is the choice of an implementation; 100 levels is that of protobuf, unknown groups included',
    example: { fields: 'int32 n = 1;', wire: '1b'.repeat(101) + '1c'.repeat(101) },
    explains: has('nested more than 60 deep'),
  },
  {
    name: 'the last level of nesting on the wire',
    who: ['bufbuild'],
    direction: 'wire to JSON',
    reason: 'it counts the message itself, and every Value, which its JSON does not show',
    authority: 'a limit is the choice of an implementation; what fits as JSON must fit on the wire',
    example: { fields: 'int32 n = 1;', wire: '1b'.repeat(100) + '1c'.repeat(100) },
    explains: has('nested more than 60 deep'),
  },
  {
    name: 'an Any of an unknown type',
    who: ['protobufjs', 'bufbuild'],
    direction: 'wire to JSON',
    reason: 'they refuse to print it; we print its bytes in base64',
    authority: `${PROTOJSON} leaves it open; a gateway must not lose a reply for an unknown detail`,
    example: { fields: 'google.protobuf.Any a = 1;', wire: '0a060a04742f6e6f' },
    explains: has('an Any of an unknown type'),
  },
  {
    name: 'a Value of no kind',
    who: ['bufbuild'],
    direction: 'wire to JSON',
    reason: 'it refuses to print it; we print null',
    authority:
      'google/protobuf/struct.proto: absence of any variant is an error, for which there is no JSON; protobufjs prints null',
    example: { fields: 'google.protobuf.Value v = 1;', wire: '0a00' },
    explains: has('a Value of no kind'),
  },
  {
    name: 'a mask without a lowerCamelCase form',
    who: ['protobufjs', 'bufbuild'],
    direction: 'wire to JSON',
    reason: 'a path that holds a comma comes back as two',
    authority: 'google/protobuf/field_mask.proto: a path that does not round-trip is an error',
    example: { fields: 'google.protobuf.FieldMask m = 1;', wire: '0a050a03612c62' },
    explains: refusedByUs(/a path that has no lowerCamelCase form/),
  },
  {
    name: 'a packed list with a number that its closed enum lacks',
    who: ['bufbuild'],
    direction: 'wire to JSON',
    reason: 'it keeps the number in the list',
    authority: `${ENCODING}: unknown values of a closed enum are unknown fields`,
    example: {
      syntax: 'proto2',
      fields: 'enum E { A = 1; } repeated E e = 1 [packed = true];',
      wire: '0a0109',
    },
    explains: has('a number that its closed enum lacks'),
  },
  {
    name: 'an entry of a map of a closed enum without its value',
    who: ['protobufjs'],
    direction: 'wire to JSON',
    reason: 'it drops the entry, or takes the value 0',
    authority: `${ENCODING}: a missing value is the default, which is the first one of the enum`,
    example: { syntax: 'proto2', fields: 'enum E { A = 7; } map<int32, E> m = 1;', wire: '0a020801' },
    explains: has('an entry of a map without its value'),
  },
  {
    name: 'a map entry without its 64-bit key',
    who: ['protobufjs'],
    direction: 'wire to JSON',
    reason: 'it keeps such keys as eight bytes, but the missing one as 0, which is then another key',
    authority: `${ENCODING}: a missing key is the default, and the last entry of a key counts`,
    example: { fields: 'map<sfixed64, string> m = 1;', wire: '0a0c0900000000000000001201610a03120162' },
    explains: has('an entry of a map without its 64-bit key'),
  },
  {
    name: 'a nested message that ends too late',
    who: ['bufbuild'],
    direction: 'wire to JSON',
    reason: 'it reads over the end of a nested message or packed list into what follows',
    authority: `${ENCODING}: the length says where a nested message ends`,
    example: { fields: 'M0 m = 1; int32 n = 2;', wire: '0a011001' },
    explains: ({ ours, theirs, facts }) =>
      ours instanceof Error && typeof theirs === 'string' && facts.has('cut short or malformed'),
  },
]
