import { isUtf8 } from 'node:buffer'
import { LIMIT } from '../scratch.ts'

/**
 * The text that is being read, copied to a place that never changes, so that compiled code has its address as a constant. Behind
 * the text stand a zero byte, at which every loop stops because no JSON has it, and a quote, at which every search ends: nothing
 * here asks for the end of the text, save the check that all of it was read.
 */
export const INPUT: Buffer = Buffer.allocUnsafeSlow(LIMIT + 64)
export const IN: DataView = new DataView(INPUT.buffer, INPUT.byteOffset, INPUT.length)

interface State {
  /** Where the last reader stopped. */
  at: number
  /** Length of the text. */
  end: number
  /**
   * A value may be read when the place in SCRATCH is at most this far before the place in INPUT: no text makes a string or bytes
   * longer than itself, so they fit; numbers, tags and lengths have the room behind LIMIT.
   */
  slack: number
  /** Whether the text is UTF-8: 0 nobody has looked, 1 yes, 2 no. */
  utf8: number
  /** Lengths that are still to be written, see `close`. */
  patches: number
  /** Keys of the maps that are being read, see `distinct`. */
  keys: number
  /** Words in use of SEEN. */
  seen: number
  /** The text as it was given, while it is being read. */
  text: Uint8Array
}
const NOTHING = new Uint8Array(0)

/**
 * What a reader leaves for its caller. Readers get a place in INPUT and a place in SCRATCH and return the place behind what they
 * wrote, or −1: handed over.
 */
export const S: State = { at: 0, end: 0, slack: 0, utf8: 0, patches: 0, keys: 0, seen: 0, text: NOTHING }

/** Members that an object has had, for types with many fields: a stack. */
export const SEEN: Int32Array = new Int32Array(1 << 16)
/** Bits of the outermost object: what is taken when it begins, with what it has mentioned when it ends. */
export const TOP: Int32Array = new Int32Array(1 << 12)

/** Takes in a text. False: too long. */
export const load = (text: Uint8Array): boolean => {
  const { length } = text
  if (length > LIMIT) return false
  INPUT.set(text)
  INPUT[length] = 0
  INPUT[length + 1] = 0x22
  S.end = length
  S.slack = LIMIT - length
  S.utf8 = 0
  S.patches = 0
  S.keys = 0
  S.seen = 0
  S.text = text
  return true
}

/** The text is done with: nothing here keeps it in memory. */
export const unload = (): void => {
  S.text = NOTHING
}

/** Whether the whole text is UTF-8. Asked when the first byte that is not ASCII is met; the answer is kept. */
export const isValid = (): boolean => {
  if (S.utf8 === 0) S.utf8 = isUtf8(S.text) ? 1 : 2
  return S.utf8 === 1
}

/** Past white space. */
export const space = (at: number): number => {
  let i = at
  let c = INPUT[i]!
  while (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) c = INPUT[++i]!
  return i
}

/** Whether `null` stands here; then it is read. */
export const takesNull = (i: number): boolean => {
  if (IN.getInt32(i, true) !== 0x6c6c756e) return false
  S.at = i + 4
  return true
}
