import { type Disagreement, message, PROTOJSON, RFC8259, refusedByThem, refusedByUs } from './entry.ts'

const isNumeric = (value: unknown): value is string | number =>
  typeof value === 'number' || (typeof value === 'string' && /^-?\d+$/.test(value))
const closeTo = (a: number, b: number): boolean => Math.abs(a - b) <= Math.abs(a) * 1e-15
const LARGE = /\d{15}|\d[eE]\+?\d/

/** What is seen when JSON is read. */
export const JSON_DISAGREEMENTS: readonly Disagreement[] = [
  {
    name: 'a 64-bit number is rounded to a double',
    who: ['protobufjs', 'bufbuild'],
    direction: 'JSON to wire',
    reason: 'both read numbers with JSON.parse, which rounds above 2^53; rounded, the largest are out of range',
    authority: `${PROTOJSON}: int64, fixed64, uint64 are decimal, as numbers or strings, whatever their size`,
    example: { fields: 'int64 n = 1;', json: '{"n":9007199254740993}' },
    explains: ({ input, ours, theirs }) =>
      typeof ours === 'string' && /out of range/.test(message(theirs)) && LARGE.test(input.toString()),
    explainsLeaf: ({ ours, theirs }) =>
      isNumeric(ours) &&
      isNumeric(theirs) &&
      Math.abs(Number(ours)) >= 2 ** 53 &&
      closeTo(Number(ours), Number(theirs)),
  },
  {
    name: 'a 64-bit number with a fraction or an exponent, or in quotes with a sign of zero',
    who: ['bufbuild'],
    direction: 'JSON to wire',
    reason: 'its 64-bit reader gives texts to BigInt, which takes digits alone',
    authority: `${PROTOJSON}: exponents and trailing zeros are allowed where the value is whole`,
    example: { fields: 'int64 n = 1;', json: '{"n":"1e3"}' },
    explains: refusedByThem(/expected bigint \(\w+\): .*[.eE]/),
  },
  {
    name: 'null counts as a member of a oneof',
    who: ['bufbuild'],
    direction: 'JSON to wire',
    reason: 'its reader marks the oneof as set before it looks at the value of a message or enum',
    authority: `${PROTOJSON}: null is accepted for every field and is the same as no member`,
    example: { fields: 'oneof o { google.protobuf.Empty a = 1; M0 b = 2; }', json: '{"a":null,"b":null}' },
    explains: refusedByThem(/oneof set multiple times/),
  },
  {
    name: 'the host of a type URL is replaced',
    who: ['bufbuild'],
    direction: 'JSON to wire',
    reason: 'it packs the message anew, under type.googleapis.com',
    authority: 'google/protobuf/any.proto: the type URL is a value of the message; only its last part names the type',
    example: { fields: 'google.protobuf.Any a = 1;', json: '{"a":{"@type":"x.org/google.protobuf.Empty"}}' },
    explainsLeaf: ({ ours, theirs }) =>
      typeof ours === 'string' &&
      typeof theirs === 'string' &&
      theirs === `type.googleapis.com/${ours.slice(ours.lastIndexOf('/') + 1)}`,
  },
  {
    name: 'a float that rounds to the largest one',
    who: ['protobufjs'],
    direction: 'JSON to wire',
    reason: 'it compares the double with the largest float before it rounds',
    authority: 'IEEE 754: 3.4028235e38 is nearest to the largest float, and is what printers write for it',
    example: { fields: 'float f = 1;', json: '{"f":3.4028235e38}' },
    explains: refusedByThem(/out of range for float/),
  },
  {
    name: 'a number in quotes that JSON would not take without them',
    who: ['protobufjs', 'bufbuild'],
    direction: 'JSON to wire',
    reason: 'signs, leading zeros, white space, hexadecimal and the empty text go through Number or BigInt',
    authority: `${PROTOJSON}: a number in quotes is a number as in JSON`,
    example: { fields: 'int32 n = 1;', json: '{"n":"01"}' },
    explains: refusedByUs(/expected (a|.*) ?(whole )?number.*found "/),
  },
  {
    name: 'a number that is whole only when rounded',
    who: ['protobufjs', 'bufbuild'],
    direction: 'JSON to wire',
    reason: 'JSON.parse makes 0 of 1e-400 and 2 of 1.99999999999999999999',
    authority: `${PROTOJSON}: an integer field takes no fraction`,
    example: { fields: 'int32 n = 1;', json: '{"n":1e-400}' },
    explains: refusedByUs(/expected (a whole number|a name or number).*found [-\d]/),
  },
  {
    name: 'an Any without its type',
    who: ['protobufjs'],
    direction: 'JSON to wire',
    reason: 'it makes an empty Any of an object without @type, whatever is in it',
    authority: `${PROTOJSON}: an Any is written with @type`,
    example: { fields: 'google.protobuf.Any a = 1;', json: '{"a":{"x":1}}' },
    explains: refusedByUs(/needs its type as the string/),
  },
  {
    name: 'more members beside the value of an Any',
    who: ['protobufjs', 'bufbuild'],
    direction: 'JSON to wire',
    reason: 'only "@type" and "value" are looked at',
    authority: `${PROTOJSON}: a parser refuses unknown members by default`,
    example: {
      fields: 'google.protobuf.Any a = 1;',
      json: '{"a":{"@type":"t/google.protobuf.Duration","value":"1s","x":1}}',
    },
    explains: refusedByUs(/in an Any has no member but/),
  },
  {
    name: 'an Empty in an Any with a value',
    who: ['protobufjs', 'bufbuild'],
    direction: 'JSON to wire',
    reason: 'they know only the form without one',
    authority: `${PROTOJSON} lists Empty among the types with a form of their own, C++ prints it as a plain message: both are taken`,
    example: {
      fields: 'google.protobuf.Any a = 1;',
      json: '{"a":{"@type":"t/google.protobuf.Empty","value":{}}}',
    },
    explains: refusedByThem(/unknown field: "value"|key "value" is unknown/),
  },
  {
    name: 'a type URL without a slash',
    who: ['protobufjs', 'bufbuild'],
    direction: 'JSON to wire',
    reason: 'they look for the name whatever stands before it',
    authority: 'google/protobuf/any.proto: the string must contain at least one "/" character',
    example: { fields: 'google.protobuf.Any a = 1;', json: '{"a":{"@type":"google.protobuf.Empty"}}' },
    explains: refusedByUs(/is not a type URL/),
  },
  {
    name: 'a text that is not base64',
    who: ['protobufjs', 'bufbuild'],
    direction: 'JSON to wire',
    reason: 'characters of no alphabet, or too many or too few at the end, are passed over',
    authority: 'RFC 4648 §3.3: characters outside of the alphabet are refused',
    example: { fields: 'bytes b = 1;', json: '{"b":"QQ="}' },
    explains: refusedByUs(/expected base64/),
  },
  {
    name: 'a lone surrogate',
    who: ['bufbuild'],
    direction: 'JSON to wire',
    reason: 'in a Value it is written as U+FFFD',
    authority: `${RFC8259} §8.2, and a string of protobuf is UTF-8, which has no surrogates`,
    example: { fields: 'google.protobuf.Value v = 1;', json: '{"v":"\\udc00"}' },
    explains: refusedByUs(/lone surrogate/),
  },
  {
    name: 'a lone surrogate where no string is read',
    who: ['protobufjs'],
    direction: 'JSON to wire',
    reason: 'it looks for them in strings alone, not in base64 and names of members',
    authority: `${RFC8259} §8.2; base64 has no such character`,
    example: { fields: 'bytes b = 1;', json: '{"b":"QQ==\\udc00"}' },
    explains: refusedByUs(/lone surrogate/),
  },
  {
    name: 'a name of its own for a field',
    who: ['protobufjs'],
    direction: 'JSON to wire',
    reason: 'beside both names of a field it takes the one that its objects have',
    authority: `${PROTOJSON}: parsers take the lowerCamelCase name and the original one`,
    example: { fields: 'int32 f_5_z = 1;', json: '{"f_5Z":1}' },
    explains: refusedByUs(/has no field "\w*[a-z\d][A-Z]/),
  },
  {
    name: 'another limit of nesting in JSON',
    who: ['protobufjs', 'bufbuild'],
    direction: 'JSON to wire',
    reason: 'ours counts brackets, theirs count messages',
    authority: 'a limit is the choice of an implementation; 100 levels is that of protobuf',
    example: { fields: 'google.protobuf.Value v = 1;', json: `{"v":${'['.repeat(99)}${']'.repeat(99)}}` },
    explains: ({ ours, theirs }) =>
      /nested deeper than/.test(message(ours)) || /max depth|recursion (limit|depth)/.test(message(theirs)),
  },
  {
    name: 'a mask with empty parts',
    who: ['protobufjs', 'bufbuild'],
    direction: 'JSON to wire',
    reason: 'the text is only cut at commas',
    authority: 'google/protobuf/field_mask.proto: a path is made of field names',
    example: { fields: 'google.protobuf.FieldMask m = 1;', json: '{"m":"a,,b"}' },
    explains: refusedByUs(/expected field paths/),
  },
  {
    name: 'something behind the unit of a duration',
    who: ['bufbuild'],
    direction: 'JSON to wire',
    reason: 'its pattern does not ask for the end of the text',
    authority: `${PROTOJSON}: a duration ends with the suffix "s"`,
    example: { fields: 'google.protobuf.Duration d = 1;', json: '{"d":"1sZ"}' },
    explains: refusedByUs(/expected a duration .*found ".*s./),
  },
  {
    name: 'a member name that is one escaped character',
    who: ['protobufjs', 'bufbuild'],
    direction: 'JSON to wire',
    reason:
      'JSON.parse of V8 13 takes its backslash for the name when an earlier object has a member "\\\\" in the same place',
    authority: `${RFC8259} §7: an escape stands for its character`,
    example: { fields: 'google.protobuf.Value v = 1;', json: '{"v":{"a":{"x":1,"\\\\":2},"b":{"x":1,"\\u007f":3}}}' },
    explains: ({ input }) => /"\\(u[0-9a-fA-F]{4}|["/bfnrt])"\s*:/.test(input.toString()),
  },
  {
    name: 'null sets an extension',
    who: ['bufbuild'],
    direction: 'JSON to wire',
    reason: 'its reader of extensions puts what is unset into the message as a default',
    authority: `${PROTOJSON}: null is accepted for every field and is the same as no member`,
    example: {
      syntax: 'proto2',
      fields: 'extensions 10 to 11; extend M0 { optional int32 x = 10; }',
      json: '{"[fz.M0.x]":null}',
    },
    explainsLeaf: ({ ours }, { input }) => ours === undefined && /"(\[|\\u005b)/i.test(input.toString()),
  },
  {
    name: 'null for a list or map of Value',
    who: ['protobufjs'],
    direction: 'JSON to wire',
    reason: 'it takes the null of the field for a null in it',
    authority: `${PROTOJSON}: null for a list or map is the empty one`,
    example: { fields: 'map<int32, google.protobuf.Value> m = 1;', json: '{"m":null}' },
    explainsLeaf: ({ ours, theirs }) =>
      ours === undefined &&
      typeof theirs === 'object' &&
      theirs !== null &&
      Object.values(theirs).every((one) => one === null),
  },
  {
    name: 'a date that does not exist',
    who: ['bufbuild'],
    direction: 'JSON to wire',
    reason: 'Date.parse carries over to the next month',
    authority: 'RFC 3339 §5.7: the days of a month',
    example: { fields: 'google.protobuf.Timestamp t = 1;', json: '{"t":"2024-02-30T00:00:00Z"}' },
    explains: refusedByUs(/expected an RFC 3339 time/),
  },
]
