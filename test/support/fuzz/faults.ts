/**
 * Faults to plant into the compiled lane, in the order of its folders: a text that stands exactly once in a file, and what is put in
 * its place. A text that is no longer there makes the test fail, so that the list goes with the code.
 */
export interface Fault {
  readonly name: string
  /** Below `src/codec/compile`. */
  readonly file: string
  readonly text: string
  readonly instead: string
}

export const FAULTS: readonly Fault[] = [
  {
    name: 'a 64-bit number above 2^53 is rounded',
    file: 'parse/integer.ts',
    text: 'return write(q, kind, negative, sum - carry * 0x1_0000_0000, productTop + carry)',
    instead: `const all = (productTop + carry) * 0x1_0000_0000 + (sum - carry * 0x1_0000_0000)
  return write(q, kind, negative, all % 0x1_0000_0000, Math.floor(all / 0x1_0000_0000))`,
  },
  {
    name: 'an integer may start with a zero',
    file: 'parse/integer.ts',
    text: '  if (value !== 0) {\n    const last = i + 8',
    instead: '  if (value >= 0) {\n    const last = i + 8',
  },
  {
    name: 'a lone surrogate is taken',
    file: 'parse/text.ts',
    text: 'if (code >= 0xd800 && code <= 0xdfff) {',
    instead: 'if (code >= 0xd800 && code <= 0xdbff) {',
  },
  {
    name: 'the URL alphabet of base64 gives other bytes',
    file: 'parse/text.ts',
    text: "'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'",
    instead: "'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-'",
  },
  {
    name: 'UTF-8 is not checked',
    file: 'parse/text.ts',
    text: '  if ((all & 0x8080_8080) !== 0 && !isValid()) return -1\n',
    instead: '',
  },
  {
    name: 'minus zero is lost',
    file: 'parse/decimal.ts',
    text: '    READ[0] = negative ? -value : value\n    return i',
    instead: '    READ[0] = negative && value !== 0 ? -value : value\n    return i',
  },
  {
    name: 'a member may be given twice',
    file: 'parse/generate.ts',
    text: '`case ${index}:${mark(index)}$',
    instead: '`case ${index}:$',
  },
  {
    name: 'two members of a oneof',
    file: 'parse/generate.ts',
    text: "oneof < 0 ? '' : mark(oneof)",
    instead: "''",
  },
  {
    name: 'a key of a map twice',
    file: 'parse/element.ts',
    text: 'return distinct(op.key.form, base) ? to : -1',
    instead: 'distinct(op.key.form, base)\n  return to',
  },
  {
    name: 'a length of 128 in one byte',
    file: 'parse/lengths.ts',
    text: '  if (size < 0x80) {\n    SCRATCH[at] = size',
    instead: '  if (size <= 0x80) {\n    SCRATCH[at] = size',
  },
  {
    name: 'a level too many of lists in a Value',
    file: 'parse/known.ts',
    text: 'if (INPUT[at] !== 0x5b || depth > MAX_DEPTH) return -1',
    instead: 'if (INPUT[at] !== 0x5b || depth > MAX_DEPTH + 1) return -1',
  },
  {
    name: 'the offset of a time has the wrong sign',
    file: 'parse/time.ts',
    text: '(sign === 0x2d ? -1 : 1)',
    instead: '(sign === 0x2d ? 1 : -1)',
  },
  {
    name: 'white space that JSON does not have',
    file: 'parse/state.ts',
    text: 'c === 0x0d || c === 0x09)',
    instead: 'c === 0x0d || c === 0x09 || c === 0x0b)',
  },
  {
    name: 'something behind the end of the text',
    file: 'parse/index.ts',
    text: 'space(S.at) === S.end',
    instead: 'space(S.at) <= S.end',
  },
  {
    name: 'an unknown number of an open enum is dropped',
    file: 'print/enums.ts',
    text: 'if (i < 0) return !open ? q : asNull ? putNull(q) : putSigned(q, number)',
    instead: 'if (i < 0) return q',
  },
  {
    name: 'the last element of a packed list is lost',
    file: 'print/generate.ts',
    text: "while(j<z){${value('z')}}}`",
    instead: "while(j<z-1){${value('z')}}j=z}`",
  },
  {
    name: 'the last member of a oneof does not win',
    file: 'print/generate.ts',
    text: '`if(o${oneof}!==0)return -1;o${oneof}=1;`',
    instead: "''",
  },
  {
    name: 'a key of a map printed twice',
    file: 'print/steps.ts',
    text: '      if (!isNewText(map, buffer, start, stop)) return -1\n',
    instead: '',
  },
  {
    name: 'a float is printed as a double',
    file: 'print/scalars.ts',
    text: 'return putFloat(q, BITS.getFloat32(0, true))',
    instead: 'return putDouble(q, BITS.getFloat32(0, true))',
  },
  {
    name: 'a uint32 from 2^31 on is negative',
    file: 'print/scalars.ts',
    text: 'putUnsigned(q, value >>> 0)',
    instead: 'putSigned(q, value)',
  },
  {
    name: 'U+0000 without an escape',
    file: 'print/text.ts',
    text: 'CLASS.fill(CONTROL, 0, 0x20)',
    instead: 'CLASS.fill(CONTROL, 1, 0x20)',
  },
  {
    name: 'a long form of a short character',
    file: 'print/text.ts',
    text: 'if (c < 0xc2 || c > 0xf4) return 0',
    instead: 'if (c < 0xc0 || c > 0xf4) return 0',
  },
  {
    name: 'a negative duration of less than a second without its sign',
    file: 'print/well-known.ts',
    text: 'if (seconds < 0 || nanos < 0) O[p++] = 0x2d',
    instead: 'if (seconds < 0) O[p++] = 0x2d',
  },
  {
    name: 'a level too many of unknown groups',
    file: 'print/read.ts',
    text: 'return depth >= MAX_DEPTH ? -1',
    instead: 'return depth > MAX_DEPTH ? -1',
  },
  {
    name: 'a group ends with any end',
    file: 'print/read.ts',
    text: 'return inner >>> 3 === tag >>> 3 ? j : -1',
    instead: 'return j',
  },
  {
    name: 'a varint of more than 64 bits',
    file: 'print/read.ts',
    text: '    else if (shift === 63 && byte > 1) return 0\n',
    instead: '',
  },
]
