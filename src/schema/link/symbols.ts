import type { EnumNode, ExtendNode, FieldNode, Ident, MessageNode, MethodNode, ServiceNode } from '../parse/index.ts'
import { joined, type ProtoFile, placeText, report } from './file.ts'

export type Kind =
  | { readonly kind: 'message'; readonly node: MessageNode }
  | { readonly kind: 'enum'; readonly node: EnumNode }
  | { readonly kind: 'service'; readonly node: ServiceNode }
  | { readonly kind: 'method'; readonly node: MethodNode }
  | { readonly kind: 'extension'; readonly node: FieldNode; readonly extend: ExtendNode }
  | { readonly kind: 'field' | 'oneof' | 'value' | 'package' }

/** One fully qualified name. A package has one symbol, of the first file that names it. */
export type Declaration = Kind & { readonly name: string; readonly file: ProtoFile; readonly at: Ident }

/** Names that JavaScript's objects react to. protobufjs makes properties of them, so no type or package may be called so. */
const REFUSED: ReadonlySet<string> = new Set(['__proto__', 'prototype', 'constructor'])

/** Longest full name of a message. Every field has a full name of its own, so long ones would take memory without bounds. */
export const MAX_FULL_NAME = 1000
/** protobufjs reads messages down to this level, packages included. */
const MAX_PARTS = 32

/** Every name that the files declare. */
export interface Symbols {
  /** The first declaration of a name that `sees` accepts. */
  find(name: string, sees: (declaration: Declaration) => boolean): Declaration | undefined
  /** First declarations, in the order of the files. */
  readonly all: Iterable<Declaration>
}

/** Collects what the files declare. What is declared twice is reported at its second place. */
export const collectSymbols = (files: readonly ProtoFile[]): Symbols => {
  const collector = new Collector()
  for (const file of files) collector.file(file)
  collector.reportClashes()
  return collector
}

class Collector implements Symbols {
  readonly #first = new Map<string, Declaration>()
  /** Second and later declarations: each is what its own file means, so that one mistake is not followed by others. */
  readonly #later = new Map<string, Declaration[]>()
  /** By the two files: a file that exists twice clashes in every line, and one problem says so. */
  readonly #clashes = new Map<string, { readonly first: Declaration; readonly second: Declaration; count: number }>()

  get all(): Iterable<Declaration> {
    return this.#first.values()
  }
  find(name: string, sees: (declaration: Declaration) => boolean): Declaration | undefined {
    const first = this.#first.get(name)
    if (first === undefined || sees(first)) return first
    return this.#later.get(name)?.find((declaration) => sees(declaration))
  }

  file(file: ProtoFile): void {
    const { node } = file
    this.#package(file)
    const scope = node.package.text
    for (const message of node.messages) this.#message(file, message, scope, false)
    for (const enumeration of node.enums) this.#enum(file, enumeration, scope, false)
    for (const extend of node.extends) this.#extend(file, extend, scope, false)
    for (const service of node.services) this.#service(file, service, scope)
  }

  reportClashes(): void {
    for (const { first, second, count } of this.#clashes.values()) {
      // Blame the user's file: the built-in one is not theirs to change.
      const [before, blamed] = second.file.builtIn && !first.file.builtIn ? [second, first] : [first, second]
      const others = count === 1 ? '' : `, and ${count - 1} more of the same file`
      report(blamed.file, blamed.at, 'PROTO_DUPLICATE_NAME', `"${blamed.name}" is declared twice${others}`, {
        hint: clashHint(before, blamed),
      })
    }
  }

  #package(file: ProtoFile): void {
    const { package: name } = file.node
    if (name.text === '') return
    let scope = ''
    for (const part of name.text.split('.')) {
      refuse(file, { ...name, text: part }, 'package')
      scope = joined(scope, part)
      const before = this.#first.get(scope)
      if (before === undefined) this.#first.set(scope, { kind: 'package', name: scope, file, at: name })
      else if (before.kind !== 'package') this.#clash(before, { kind: 'package', name: scope, file, at: name })
    }
  }

  /** false: the name was there already. `quiet`: that is said by something around it. */
  #add(symbol: Declaration, quiet: boolean): boolean {
    const before = this.#first.get(symbol.name)
    if (before === undefined) {
      this.#first.set(symbol.name, symbol)
      return true
    }
    const later = this.#later.get(symbol.name)
    if (later === undefined) this.#later.set(symbol.name, [symbol])
    else later.push(symbol)
    if (!quiet) this.#clash(before, symbol)
    return false
  }

  #clash(first: Declaration, second: Declaration): void {
    const key = `${first.file.node.source.file}\n${second.file.node.source.file}`
    const key2 = first.file === second.file ? `${key}\n${second.name}` : key
    const clash = this.#clashes.get(key2)
    if (clash === undefined) this.#clashes.set(key2, { first, second, count: 1 })
    else clash.count++
  }

  #message(file: ProtoFile, node: MessageNode, scope: string, within: boolean): void {
    refuse(file, node.name, 'message')
    const name = joined(scope, node.name.text)
    if (name.length > MAX_FULL_NAME || name.split('.').length > MAX_PARTS) {
      const limits = `${MAX_PARTS} parts or ${MAX_FULL_NAME} characters`
      report(file, node.name, 'PROTO_NAME_REFUSED', `the full name of a message has more than ${limits}`)
      return
    }
    const quiet = !this.#add({ kind: 'message', node, name, file, at: node.name }, within) || within
    for (const field of node.fields)
      this.#add({ kind: 'field', name: joined(name, field.name.text), file, at: field.name }, quiet)
    for (const oneof of node.oneofs)
      this.#add({ kind: 'oneof', name: joined(name, oneof.name.text), file, at: oneof.name }, quiet)
    for (const message of node.messages) this.#message(file, message, name, quiet)
    for (const enumeration of node.enums) this.#enum(file, enumeration, name, quiet)
    for (const extend of node.extends) this.#extend(file, extend, name, quiet)
  }

  /** Values are names of the scope that the enum stands in, as in C++. */
  #enum(file: ProtoFile, node: EnumNode, scope: string, within: boolean): void {
    refuse(file, node.name, 'enum')
    const enumeration: Declaration = { kind: 'enum', node, name: joined(scope, node.name.text), file, at: node.name }
    const quiet = !this.#add(enumeration, within) || within
    for (const value of node.values)
      this.#add({ kind: 'value', name: joined(scope, value.name.text), file, at: value.name }, quiet)
  }

  #extend(file: ProtoFile, extend: ExtendNode, scope: string, quiet: boolean): void {
    for (const node of extend.fields)
      this.#add({ kind: 'extension', node, extend, name: joined(scope, node.name.text), file, at: node.name }, quiet)
  }

  #service(file: ProtoFile, node: ServiceNode, scope: string): void {
    refuse(file, node.name, 'service')
    const name = joined(scope, node.name.text)
    const quiet = !this.#add({ kind: 'service', node, name, file, at: node.name }, false)
    for (const method of node.methods) {
      if (method.name.text === '__proto__') refuse(file, method.name, 'rpc')
      this.#add({ kind: 'method', node: method, name: joined(name, method.name.text), file, at: method.name }, quiet)
    }
  }
}

const refuse = (file: ProtoFile, name: Ident, what: string): void => {
  if (!REFUSED.has(name.text)) return
  report(
    file,
    name,
    'PROTO_NAME_REFUSED',
    `the ${what} name "${name.text}" is refused, JavaScript objects react to it`,
    {
      hint: `rename the ${what}; fields may be called so`,
    },
  )
}

const clashHint = (first: Declaration, second: Declaration): string => {
  if (first.file.builtIn)
    return `it is built in: import "${first.file.importName}", or keep your copy under a path that ends so`
  const where = `first in ${placeText(first.file, first.at)}`
  if (first.kind === 'value' && second.kind === 'value')
    return `${where}; the values of all enums of a message or package share one scope`
  return where
}
