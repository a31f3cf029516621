import type { RequestHead } from '../core/exchange.ts'
import type { PathTemplate } from './path-template.ts'
import type { Predicates } from './predicates.ts'
import { isDotSegment } from './segment.ts'
import { below, type SplitPath } from './split.ts'

/** What the trie holds at the end of a template. */
export interface Candidate {
  readonly template: PathTemplate
  /** Upper case, or `*`. */
  readonly method: string
  readonly predicates: Predicates
  /** `/x/` matches `/x`. */
  readonly trailingSlash: boolean
}

/** Which candidates a search takes. */
export interface Wish {
  readonly head: RequestHead
  readonly method: string
  /** Candidates of the method `*` count too. */
  readonly any: boolean
  /** An upgrade: those that `finish` gave for upgrades, whatever their method. */
  readonly upgrade: boolean
  /** Filled with the methods of all candidates of the path; then the search goes on and finds nothing. */
  readonly methods: Set<string> | undefined
}

export interface Found<C extends Candidate> {
  readonly candidate: C
  /** Raw captures in the order of the variables; of a prefix also what follows it, last. */
  readonly params: readonly string[]
}

class Leaf<C> {
  plain: C[] = []
  upgrade: readonly C[] = []
}
/** Behind a `**`: the literals that follow it, last one first (lenient templates). Without any it is the `**` itself. */
class Tail<C> {
  literals: Map<string, Tail<C>> | undefined
  leaf: Leaf<C> | undefined
}
class Node<C> {
  literals: Map<string, Node<C>> | undefined
  star: Node<C> | undefined
  leaf: Leaf<C> | undefined
  rest: Tail<C> | undefined
  prefix: Leaf<C> | undefined
}

/** One walk over a tree. */
interface Walk {
  readonly wish: Wish
  readonly names: readonly string[]
  /** How many of `names` count. */
  readonly count: number
  /** Stands for the last of them: without its verb. */
  readonly last: string
  /** The last one is the empty one behind a trailing slash: candidates with `trailingSlash` do not see it. */
  readonly slash: boolean
  /** Only candidates with `trailingSlash`. */
  readonly flagged: boolean
}

/**
 * The templates of one table and host. At each segment literals are tried before `*`, then what ends here, then `**`, then
 * prefixes; depth first, with full backtracking. A walk visits a node at most once, because the depth of a node is the index
 * of its segment (behind a `**`: counted from the end). So a search costs no more than the trie has nodes, whatever the path.
 */
export class Trie<C extends Candidate> {
  readonly #root = new Node<C>()
  readonly #verbs = new Map<string, Node<C>>()
  readonly #leaves: Leaf<C>[] = []
  #longestVerb = 0

  add(candidate: C): void {
    this.#leafOf(candidate.template).plain.push(candidate)
  }

  /** After the last `add`: the order in which the candidates of a place are tried, and which of them answer upgrades. */
  finish(order: (a: C, b: C) => number, upgrades: (candidates: readonly C[]) => readonly C[]): void {
    for (const leaf of this.#leaves) {
      leaf.plain.sort(order)
      leaf.upgrade = upgrades(leaf.plain)
    }
  }

  /** `refused`: all that would be left before the verb is a dot segment. */
  find(path: SplitPath, wish: Wish): Found<C> | 'refused' | undefined {
    const { names, raw } = path
    const count = names.length
    const last = count === 0 ? '' : names[count - 1]!
    const slash = count > 1 && last === ''
    if (this.#verbs.size > 0 && count > 0) {
      const found = this.#findVerb(path, slash ? count - 1 : count, slash, wish)
      if (found !== undefined) return found
    }
    const candidate = walk(this.#root, 0, { wish, names, count, last, slash, flagged: false })
    if (candidate === undefined) return undefined
    return capture(candidate, path.path, raw, slash && candidate.trailingSlash ? count - 1 : count)
  }

  /** The verb at the last colon of the last segment is tried first, then earlier ones. Nothing longer than the longest is looked at. */
  #findVerb(path: SplitPath, count: number, flagged: boolean, wish: Wish): Found<C> | 'refused' | undefined {
    const { names } = path
    const segment = names[count - 1]!
    const lowest = Math.max(0, segment.length - this.#longestVerb - 1)
    for (let colon = segment.lastIndexOf(':'); colon >= lowest; colon = colonBefore(segment, colon)) {
      const root = this.#verbs.get(segment.slice(colon + 1))
      if (root === undefined) continue
      const last = segment.slice(0, colon)
      const candidate = walk(root, 0, { wish, names, count, last, slash: false, flagged })
      if (candidate === undefined) continue
      if (isDotSegment(last)) return 'refused'
      const raw = path.raw.slice(0, count)
      raw[count - 1] = cutAt(raw[count - 1]!, segment, colon)
      return capture(candidate, path.path, raw, count)
    }
    return undefined
  }

  #leafOf(template: PathTemplate): Leaf<C> {
    let node = template.verb === undefined ? this.#root : this.#verbRoot(template.verb)
    for (const [index, segment] of template.segments.entries()) {
      if (segment.kind === 'literal') {
        node.literals ??= new Map()
        node = child(node.literals, segment.text, () => new Node<C>())
      } else if (segment.kind === 'star') {
        node.star ??= new Node<C>()
        node = node.star
      } else {
        node.rest ??= new Tail<C>()
        const tail = tailOf(node.rest, template, index)
        tail.leaf ??= this.#leaf()
        return tail.leaf
      }
    }
    if (template.prefix) node.prefix ??= this.#leaf()
    else node.leaf ??= this.#leaf()
    return (template.prefix ? node.prefix : node.leaf)!
  }

  #verbRoot(verb: string): Node<C> {
    this.#longestVerb = Math.max(this.#longestVerb, verb.length)
    return child(this.#verbs, verb, () => new Node<C>())
  }

  #leaf(): Leaf<C> {
    const leaf = new Leaf<C>()
    this.#leaves.push(leaf)
    return leaf
  }
}

const walk = <C extends Candidate>(node: Node<C>, index: number, at: Walk): C | undefined => {
  const { count, slash, flagged, wish } = at
  let found: C | undefined
  if (index < count) {
    const name = index === count - 1 ? at.last : at.names[index]!
    const literal = node.literals?.get(name)
    if (literal !== undefined) found = walk(literal, index + 1, at)
    if (found === undefined && node.star !== undefined && name !== '') found = walk(node.star, index + 1, at)
    if (found === undefined && slash && index === count - 1) found = accept(node.leaf, wish, true)
  } else {
    found = accept(node.leaf, wish, flagged)
  }
  if (found === undefined && node.rest !== undefined) {
    if (slash && node.rest.literals !== undefined && index < count)
      found = walkTail(
        node.rest,
        0,
        index,
        { ...at, count: count - 1, last: at.names[count - 2]!, flagged: true },
        false,
      )
    found ??= walkTail(node.rest, 0, index, at, true)
  }
  return found ?? accept(node.prefix, wish, flagged)
}

/** `depth` literals behind the `**` have matched. `plain`: the `**` alone counts too. */
const walkTail = <C extends Candidate>(
  tail: Tail<C>,
  depth: number,
  index: number,
  at: Walk,
  plain: boolean,
): C | undefined => {
  const position = at.count - 1 - depth
  if (position >= index && tail.literals !== undefined) {
    const next = tail.literals.get(depth === 0 ? at.last : at.names[position]!)
    const found = next === undefined ? undefined : walkTail(next, depth + 1, index, at, plain)
    if (found !== undefined) return found
  }
  return depth > 0 || plain ? accept(tail.leaf, at.wish, at.flagged) : undefined
}

const accept = <C extends Candidate>(leaf: Leaf<C> | undefined, wish: Wish, flagged: boolean): C | undefined => {
  if (leaf === undefined) return undefined
  for (const candidate of wish.upgrade ? leaf.upgrade : leaf.plain) {
    if (flagged && !candidate.trailingSlash) continue
    const wanted = wish.methods !== undefined || wish.upgrade || serves(candidate.method, wish)
    if (!wanted || !candidate.predicates.accepts(wish.head)) continue
    if (wish.methods === undefined) return candidate
    wish.methods.add(candidate.method)
  }
  return undefined
}

const serves = (method: string, wish: Wish): boolean =>
  method === wish.method || (method === 'GET' && wish.method === 'HEAD') || (method === '*' && wish.any)

/** Cuts the captures of a match out of the first `count` raw segments. */
const capture = <C extends Candidate>(candidate: C, path: string, raw: readonly string[], count: number): Found<C> => {
  const { variables, segments, rest, prefix } = candidate.template
  if (variables.length === 0 && !prefix) return { candidate, params: NONE }
  // What stands behind a `**` is counted from the end.
  const shift = rest === -1 ? 0 : count - segments.length
  const params: string[] = []
  for (const { from, to } of variables) {
    const start = rest !== -1 && from > rest ? from + shift : from
    const end = rest !== -1 && to > rest ? to + shift : to
    params.push(end === start + 1 ? raw[start]! : raw.slice(start, end).join('/'))
  }
  if (prefix) params.push(below(path, segments.length))
  return { candidate, params }
}
const NONE: readonly string[] = []

const tailOf = <C>(rest: Tail<C>, template: PathTemplate, index: number): Tail<C> => {
  let tail = rest
  for (const segment of template.segments.slice(index + 1).reverse()) {
    if (segment.kind !== 'literal') throw new Error(`"${template.text}": only literals may follow "**"`)
    tail.literals ??= new Map()
    tail = child(tail.literals, segment.text, () => new Tail<C>())
  }
  return tail
}

const child = <N>(map: Map<string, N>, key: string, make: () => N): N => {
  let node = map.get(key)
  if (node === undefined) {
    node = make()
    map.set(key, node)
  }
  return node
}

const colonBefore = (text: string, colon: number): number => (colon === 0 ? -1 : text.lastIndexOf(':', colon - 1))

/** The raw text before the colon that stands at `colon` of its normalised form. Normalising makes no colons and takes none away. */
const cutAt = (raw: string, segment: string, colon: number): string => {
  let at = raw.lastIndexOf(':')
  for (let from = segment.lastIndexOf(':'); from > colon; from = colonBefore(segment, from)) at = colonBefore(raw, at)
  return raw.slice(0, at)
}
