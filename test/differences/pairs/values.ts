import type { Random } from './random.ts'

/** A text form of a value and its tag: `ok` where nobody could doubt it. */
export type Sample = readonly [text: string, tag: string]

type Kind =
  | 'i32'
  | 'i64'
  | 'u32'
  | 'u64'
  | 'float'
  | 'double'
  | 'bool'
  | 'bytes'
  | 'enum'
  | 'string'
  | 'timestamp'
  | 'duration'
  | 'mask'

const ODD_NUMBERS: readonly Sample[] = [
  ['1.0', 'number-fraction-zero'],
  ['-7.000', 'number-fraction-zero'],
  ['1e2', 'number-exponent'],
  ['2E+1', 'number-exponent'],
  ['100e-2', 'number-exponent'],
  ['1.5', 'integer-fraction'],
  ['1e-1', 'integer-fraction'],
  ['+1', 'number-plus'],
  ['01', 'number-leading-zero'],
  ['-01', 'number-leading-zero'],
  ['-0', 'number-minus-zero'],
  ['0x10', 'number-hex'],
  ['0b1', 'number-hex'],
  ['0o7', 'number-hex'],
  ['1_000', 'number-underscore'],
  ['', 'number-empty'],
  [' 1', 'number-space'],
  ['1 ', 'number-space'],
  ['abc', 'number-word'],
  ['NaN', 'integer-nan'],
  ['true', 'number-word'],
  ['1,000', 'number-word'],
  ['.5', 'number-bare-point'],
  ['5.', 'number-bare-point'],
  ['99999999999999999999999999', 'integer-overflow'],
]

const RANGE: Readonly<Record<'i32' | 'i64' | 'u32' | 'u64', readonly Sample[]>> = {
  i32: [
    ['2147483647', 'ok'],
    ['-2147483648', 'ok'],
    ['2147483648', 'integer-overflow'],
    ['-2147483649', 'integer-overflow'],
  ],
  i64: [
    ['9223372036854775807', 'ok'],
    ['-9223372036854775808', 'ok'],
    ['9007199254740993', 'ok'],
    ['9223372036854775808', 'integer-overflow'],
    ['-9223372036854775809', 'integer-overflow'],
  ],
  u32: [
    ['4294967295', 'ok'],
    ['4294967296', 'integer-overflow'],
    ['-1', 'integer-negative'],
  ],
  u64: [
    ['18446744073709551615', 'ok'],
    ['18446744073709551616', 'integer-overflow'],
    ['-1', 'integer-negative'],
  ],
}

const FLOATS: readonly Sample[] = [
  ['0.5', 'ok'],
  ['-1.25', 'ok'],
  ['1e10', 'ok'],
  ['NaN', 'float-nan'],
  ['Infinity', 'float-infinity'],
  ['-Infinity', 'float-infinity'],
  ['inf', 'float-other-infinity'],
  ['-inf', 'float-other-infinity'],
  ['+Inf', 'float-other-infinity'],
  ['nan', 'float-other-nan'],
  ['0x1p-2', 'number-hex'],
  ['+1.5', 'number-plus'],
  ['01.5', 'number-leading-zero'],
  ['.5', 'number-bare-point'],
  ['5.', 'number-bare-point'],
  ['', 'number-empty'],
  [' 1.5', 'number-space'],
  ['1_0.5', 'number-underscore'],
  ['abc', 'number-word'],
  ['-0', 'float-minus-zero'],
  ['-0.0', 'float-minus-zero'],
]

const BOOLS: readonly Sample[] = [
  ['true', 'ok'],
  ['false', 'ok'],
  ['True', 'bool-other'],
  ['TRUE', 'bool-other'],
  ['t', 'bool-other'],
  ['F', 'bool-other'],
  ['1', 'bool-other'],
  ['0', 'bool-other'],
  ['yes', 'bool-word'],
  ['on', 'bool-word'],
  ['', 'bool-empty'],
]

const BYTES: readonly Sample[] = [
  ['AQID', 'ok'],
  ['+/8=', 'ok'],
  ['', 'bytes-empty'],
  ['-_8=', 'bytes-url-alphabet'],
  ['-_8', 'bytes-url-alphabet'],
  ['+/8', 'bytes-unpadded'],
  ['AQ', 'bytes-unpadded'],
  ['AQ=', 'bytes-bad-padding'],
  ['AQI==', 'bytes-bad-padding'],
  ['AQI=AQI=', 'bytes-bad-padding'],
  ['A', 'bytes-bad-length'],
  ['AR==', 'bytes-stray-bits'],
  ['A+_8', 'bytes-mixed-alphabet'],
  ['A Q I D', 'bytes-other-characters'],
  ['A*==', 'bytes-other-characters'],
]

const ENUMS: readonly Sample[] = [
  ['RED', 'ok'],
  ['BLUE', 'ok'],
  ['BELOW', 'ok'],
  ['COLOR_UNSPECIFIED', 'ok'],
  ['1', 'enum-number'],
  ['-3', 'enum-number'],
  ['7', 'enum-number'],
  ['99', 'enum-unknown-number'],
  ['-99', 'enum-unknown-number'],
  ['PINK', 'enum-unknown-name'],
  ['red', 'enum-other-case'],
  ['Red', 'enum-other-case'],
  ['', 'enum-empty'],
  ['1.0', 'enum-fraction-zero'],
  ['1e0', 'enum-fraction-zero'],
  ['1.5', 'enum-fraction'],
  ['2147483648', 'enum-overflow'],
]

const TIMES: readonly Sample[] = [
  ['2024-02-29T12:00:00Z', 'ok'],
  ['1969-12-31T23:59:59.999Z', 'ok'],
  ['2024-02-29T12:00:00.123456789Z', 'ok'],
  ['0001-01-01T00:00:00Z', 'ok'],
  ['9999-12-31T23:59:59.999999999Z', 'ok'],
  ['2024-02-29T12:00:00+05:30', 'time-offset'],
  ['2024-02-29T12:00:00-08:00', 'time-offset'],
  ['2024-02-29T12:00:00.1Z', 'time-one-digit'],
  ['2024-02-29T12:00:00.1234567890Z', 'time-ten-digits'],
  ['2024-02-29t12:00:00z', 'time-lower-case'],
  ['2024-02-29 12:00:00Z', 'time-blank'],
  ['2024-02-29T12:00:00', 'time-without-zone'],
  ['2024-02-29', 'time-date-alone'],
  ['2023-02-29T12:00:00Z', 'time-no-such-day'],
  ['2024-13-01T12:00:00Z', 'time-no-such-day'],
  ['2024-02-29T24:00:00Z', 'time-no-such-hour'],
  ['2016-12-31T23:59:60Z', 'time-leap-second'],
  ['0000-01-01T00:00:00Z', 'time-out-of-range'],
  ['10000-01-01T00:00:00Z', 'time-out-of-range'],
  ['0001-01-01T00:00:00+01:00', 'time-out-of-range-by-offset'],
  ['2024-02-29T12:00:00.Z', 'time-bare-point'],
  ['2024-02-29T12:00:00,5Z', 'time-comma'],
  ['2024-2-29T12:00:00Z', 'time-short-fields'],
  ['2024-02-29T12:00Z', 'time-short-fields'],
  ['2024-02-29T12:00:00+24:00', 'time-offset-range'],
  ['2024-02-29T12:00:00+0530', 'time-offset-form'],
  ['1709208000', 'time-number'],
  ['', 'time-empty'],
]

const DURATIONS: readonly Sample[] = [
  ['1s', 'ok'],
  ['-1.5s', 'ok'],
  ['0s', 'ok'],
  ['0.000000001s', 'ok'],
  ['315576000000s', 'duration-longest'],
  ['1.5000s', 'ok'],
  ['315576000001s', 'duration-out-of-range'],
  ['-315576000000.5s', 'duration-out-of-range'],
  ['1.1234567890s', 'duration-ten-digits'],
  ['1', 'duration-without-unit'],
  ['1m', 'duration-other-unit'],
  ['1h30m', 'duration-other-unit'],
  ['100ms', 'duration-other-unit'],
  ['.5s', 'duration-bare-point'],
  ['1.s', 'duration-bare-point'],
  ['+1s', 'duration-plus'],
  ['1e3s', 'duration-exponent'],
  ['01s', 'duration-leading-zero'],
  [' 1s', 'duration-space'],
  ['1S', 'duration-upper-case'],
  ['s', 'duration-bare-unit'],
  ['-0.5s', 'ok'],
  ['', 'duration-empty'],
]

const MASKS: readonly Sample[] = [
  ['s', 'ok'],
  ['s,i32', 'ok'],
  ['n.s,snakeCaseName', 'ok'],
  ['snake_case_name', 'mask-underscore'],
  ['n.two_words', 'mask-underscore'],
  ['', 'mask-empty'],
  ['s,,i32', 'mask-empty-path'],
  ['s,', 'mask-empty-path'],
  ['S', 'mask-capital'],
  ['n.S', 'mask-capital'],
  ['a1', 'ok'],
  ['fooBar3', 'ok'],
  ['foo3Bar', 'ok'],
  ['s, i32', 'mask-space'],
  ['*', 'mask-other-characters'],
  ['foo-bar', 'mask-other-characters'],
]

const STRINGS: readonly Sample[] = [
  ['', 'ok'],
  ['null', 'ok'],
  ['"quoted"', 'ok'],
  ['a b', 'ok'],
  ['ä€😀', 'ok'],
  ['\\n', 'ok'],
  ['{}', 'ok'],
  ['true', 'ok'],
  ['17', 'ok'],
]

const POOLS: Readonly<Record<Exclude<Kind, 'i32' | 'i64' | 'u32' | 'u64'>, readonly Sample[]>> = {
  float: [
    ...FLOATS,
    ['3.4028235e38', 'float-max'],
    ['3.5e38', 'float-overflow'],
    ['1e39', 'float-overflow'],
    ['1e-60', 'float-underflow'],
  ],
  double: [...FLOATS, ['1.7976931348623157e308', 'ok'], ['1e309', 'float-overflow'], ['1e-400', 'float-underflow']],
  bool: BOOLS,
  bytes: BYTES,
  enum: ENUMS,
  string: STRINGS,
  timestamp: TIMES,
  duration: DURATIONS,
  mask: MASKS,
}

/** A value of a kind as text, ordinary or odd. */
export const sample = (random: Random, kind: Kind): Sample => {
  switch (kind) {
    case 'i32':
    case 'i64':
    case 'u32':
    case 'u64': {
      if (random.chance(0.35)) return [String(random.integer(Number(kind.slice(1)), kind[0] === 'i')), 'ok']
      return random.pick(random.chance(0.3) ? RANGE[kind] : ODD_NUMBERS)
    }
    case 'float':
    case 'double':
      return random.chance(0.3) ? [String(random.below(100_000) / 64), 'ok'] : random.pick(POOLS[kind])
    case 'string':
      return random.chance(0.5) ? [random.word(), 'ok'] : random.pick(STRINGS)
    case 'bytes':
      if (random.chance(0.4)) return [Buffer.from(random.word(12)).toString('base64'), 'ok']
      return random.pick(BYTES)
    case 'timestamp':
      if (random.chance(0.3)) return [new Date(random.below(4_000_000) * 1_000_000).toISOString(), 'ok']
      return random.pick(TIMES)
    case 'duration':
      return random.chance(0.3) ? [`${random.below(10_000) / 8}s`, 'ok'] : random.pick(DURATIONS)
    default:
      return random.pick(POOLS[kind])
  }
}

/** Fields of `All` by the kind of their text form. */
export const SCALARS: readonly (readonly [field: string, kind: Kind])[] = [
  ['s', 'string'],
  ['i32', 'i32'],
  ['i64', 'i64'],
  ['u32', 'u32'],
  ['u64', 'u64'],
  ['z32', 'i32'],
  ['z64', 'i64'],
  ['f32', 'u32'],
  ['f64', 'u64'],
  ['g32', 'i32'],
  ['g64', 'i64'],
  ['flt', 'float'],
  ['dbl', 'double'],
  ['b', 'bool'],
  ['y', 'bytes'],
  ['c', 'enum'],
  ['oi', 'i32'],
  ['os', 'string'],
  ['ob', 'bool'],
  ['oc', 'enum'],
]

export const LISTS: readonly (readonly [field: string, kind: Kind])[] = [
  ['rs', 'string'],
  ['ri', 'i32'],
  ['rl', 'i64'],
  ['rb', 'bool'],
  ['rd', 'double'],
  ['rc', 'enum'],
  ['ry', 'bytes'],
]

// The kinds with most forms stand twice, to be picked more often.
export const WELL_KNOWN: readonly (readonly [field: string, kind: Kind])[] = [
  ['ts', 'timestamp'],
  ['du', 'duration'],
  ['du', 'duration'],
  ['fm', 'mask'],
  ['ts', 'timestamp'],
  ['du', 'duration'],
  ['fm', 'mask'],
  ['wb', 'bool'],
  ['wi', 'i32'],
  ['wl', 'i64'],
  ['wu', 'u64'],
  ['wf', 'float'],
  ['wd', 'double'],
  ['ws', 'string'],
  ['wy', 'bytes'],
]
