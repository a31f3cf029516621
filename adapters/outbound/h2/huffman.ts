/**
 * The Huffman code of HPACK (RFC 7541 appendix B). It is canonical: codes of one length count up in the order of their symbols,
 * so the lengths alone say everything. The last symbol, 256, is the end of a string, and may not stand in one.
 */
// biome-ignore format: rows of sixteen
const LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
]

/** A node of the code tree: two children, each another node or a symbol. */
type Node = [Node | number | undefined, Node | number | undefined]

const NOTHING = -1
const REFUSED = -2
/** By state × 16 + the next four bits: the state after them, and the symbol that they complete (no code is shorter than five). */
const NEXT = new Uint16Array(256 * 16)
const SYMBOL = new Int16Array(256 * 16)
/** A string may end here: the bits since the last symbol are at most seven, all of them ones. */
const MAY_END = new Uint8Array(256)

const buildTree = (): Node => {
  const root: Node = [undefined, undefined]
  const order = LENGTHS.map((length, symbol) => ({ length, symbol })).sort(
    (a, b) => a.length - b.length || a.symbol - b.symbol,
  )
  let code = 0
  let last = order[0]!.length
  for (const { length, symbol } of order) {
    code *= 2 ** (length - last)
    last = length
    let node = root
    for (let bit = length - 1; bit > 0; bit--) {
      const side = (code >>> bit) & 1
      const next = node[side] ?? [undefined, undefined]
      node[side] = next
      node = next as Node
    }
    node[code & 1] = symbol
    code++
  }
  return root
}

const buildTables = (): void => {
  const nodes: Node[] = [buildTree()]
  const numbers = new Map<Node, number>([[nodes[0]!, 0]])
  for (const node of nodes)
    for (const child of node)
      if (Array.isArray(child)) {
        numbers.set(child, nodes.length)
        nodes.push(child)
      }
  nodes.forEach((start, state) => {
    for (let bits = 0; bits < 16; bits++) {
      let node = start
      let symbol = NOTHING
      for (let bit = 3; bit >= 0; bit--) {
        const child = node[(bits >>> bit) & 1]
        if (Array.isArray(child)) node = child
        else {
          symbol = child === undefined || child === 256 ? REFUSED : child
          node = nodes[0]!
          if (symbol === REFUSED) break
        }
      }
      NEXT[state * 16 + bits] = numbers.get(node)!
      SYMBOL[state * 16 + bits] = symbol
    }
  })
  let node: Node | number | undefined = nodes[0]
  for (let ones = 0; ones <= 7 && Array.isArray(node); ones++) {
    MAY_END[numbers.get(node)!] = 1
    node = node[1]
  }
}
buildTables()

let room = Buffer.allocUnsafe(1024)

/** The text (one character for each byte) of a Huffman-coded string; undefined when it is none (RFC 7541 §5.2). */
export const decodeHuffman = (bytes: Uint8Array, start: number, end: number): string | undefined => {
  // The shortest code has five bits.
  const most = Math.ceil(((end - start) * 8) / 5)
  if (room.length < most) room = Buffer.allocUnsafe(most)
  let length = 0
  let state = 0
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!
    for (let shift = 4; shift >= 0; shift -= 4) {
      const entry = state * 16 + ((byte >>> shift) & 15)
      const symbol = SYMBOL[entry]!
      if (symbol === REFUSED) return undefined
      if (symbol !== NOTHING) room[length++] = symbol
      state = NEXT[entry]!
    }
  }
  return MAY_END[state] === 1 ? room.toString('latin1', 0, length) : undefined
}
