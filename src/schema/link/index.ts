import { isScalar } from '../message-type.ts'
import type { EnumNode, ExtendNode, FieldNode, Ident, MessageNode, OptionNode, ServiceNode } from '../parse/index.ts'
import { checkEnum, checkExtension, checkMessage } from './check.ts'
import { hasErrors, joined, type ProtoFile, placeText, report } from './file.ts'
import { checkOptions, type OptionTarget } from './options.ts'
import { Resolver } from './resolve.ts'
import { collectSymbols, type Declaration, type Symbols } from './symbols.ts'

export type { ProtoFile } from './file.ts'
export { joined } from './file.ts'
export { booleanOption, featuresOf, isLegacy, textOption } from './options.ts'
export { MAX_FULL_NAME } from './symbols.ts'

/** What the names in the files mean. */
export interface Linked {
  /** Files without errors whose imports are without errors too, in the order in which they were given. */
  readonly files: readonly ProtoFile[]
  /** The message, enum or extension that a name in the text stands for. */
  readonly meaning: ReadonlyMap<Ident, Declaration>
}

/**
 * Resolves every type name and custom option, and checks what a compiler of protobuf checks: names, numbers, imports. Problems
 * go to the file that they are in.
 */
export const link = (files: readonly ProtoFile[]): Linked => {
  const broken = new Set(files.filter(hasErrors))
  checkCycles(files)
  const symbols = collectSymbols(files)
  const meaning = new Map<Ident, Declaration>()
  const linker = new Linker(symbols, meaning, broken)
  for (const file of files) linker.file(file)
  return { files: sound(files), meaning }
}

const addTo = <K, V>(lists: Map<K, V[]>, key: K, value: V): void => {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}

/** Chains of imports may be as long as there are files: nothing here calls itself. */
const sound = (files: readonly ProtoFile[]): readonly ProtoFile[] => {
  const importers = new Map<ProtoFile, ProtoFile[]>()
  for (const file of files)
    for (const imported of file.imports) if (imported !== undefined) addTo(importers, imported, file)
  const bad = new Set(files.filter((file) => hasErrors(file) || file.imports.includes(undefined)))
  // What is added while it is walked is walked as well.
  for (const file of bad) for (const importer of importers.get(file) ?? []) bad.add(importer)
  return files.filter((file) => !bad.has(file))
}

/** Files that import each other in a circle cannot be compiled by protoc either. Reported at the import that closes it. */
const checkCycles = (files: readonly ProtoFile[]): void => {
  const done = new Set<ProtoFile>()
  for (const file of files) if (!done.has(file)) checkCyclesFrom(file, done)
}
const checkCyclesFrom = (start: ProtoFile, done: Set<ProtoFile>): void => {
  /** The way to the file that is looked at, and for each the import to look at next. */
  const open = new Map<ProtoFile, number>([[start, 0]])
  const way = [start]
  for (let file = way.at(-1); file !== undefined; file = way.at(-1)) {
    const index = open.get(file)!
    if (index >= file.imports.length) {
      done.add(file)
      open.delete(file)
      way.pop()
      continue
    }
    open.set(file, index + 1)
    const imported = file.imports[index]
    if (imported === undefined || done.has(imported)) continue
    if (!open.has(imported)) {
      open.set(imported, 0)
      way.push(imported)
      continue
    }
    const chain = [...way.slice(way.indexOf(imported)), imported].map(({ importName }) => importName).join(' → ')
    report(
      file,
      file.node.imports[index]!.path,
      'PROTO_IMPORT_CYCLE',
      `the import leads back to the same file: ${chain}`,
    )
  }
}

class Linker {
  readonly #symbols: Symbols
  readonly #meaning: Map<Ident, Declaration>
  readonly #broken: ReadonlySet<ProtoFile>
  /** Extension numbers by the message that they extend. */
  readonly #extensions = new Map<string, Map<bigint, { readonly file: ProtoFile; readonly field: FieldNode }>>()

  constructor(symbols: Symbols, meaning: Map<Ident, Declaration>, broken: ReadonlySet<ProtoFile>) {
    this.#symbols = symbols
    this.#meaning = meaning
    this.#broken = broken
  }

  file(file: ProtoFile): void {
    const { node } = file
    const resolver = new Resolver(file, this.#symbols, this.#broken)
    const scope = node.package.text
    this.#options(file, resolver, 'file', node.options, scope)
    for (const message of node.messages) this.#message(file, resolver, message, scope)
    for (const enumeration of node.enums) this.#enum(file, resolver, enumeration, scope)
    for (const extend of node.extends) this.#extend(file, resolver, extend, scope)
    for (const service of node.services) this.#service(file, resolver, service, scope)
    resolver.reportOptions()
  }

  #message(file: ProtoFile, resolver: Resolver, message: MessageNode, scope: string): void {
    const name = joined(scope, message.name.text)
    checkMessage(file, message)
    this.#options(file, resolver, 'message', message.options, name)
    for (const oneof of message.oneofs) this.#options(file, resolver, 'oneof', oneof.options, name)
    for (const field of message.fields) this.#field(file, resolver, field, name)
    for (const nested of message.messages) this.#message(file, resolver, nested, name)
    for (const enumeration of message.enums) this.#enum(file, resolver, enumeration, name)
    for (const extend of message.extends) this.#extend(file, resolver, extend, name)
  }

  #field(file: ProtoFile, resolver: Resolver, field: FieldNode, scope: string): void {
    this.#options(file, resolver, 'field', field.options, scope)
    if (isScalar(field.type.text)) return
    this.#remember(field.type, resolver.type(field.type, scope, field.group ? ['message'] : ['message', 'enum']))
  }

  #enum(file: ProtoFile, resolver: Resolver, node: EnumNode, scope: string): void {
    checkEnum(file, node)
    this.#options(file, resolver, 'enum', node.options, joined(scope, node.name.text))
    for (const value of node.values) this.#options(file, resolver, 'value', value.options, scope)
  }

  #extend(file: ProtoFile, resolver: Resolver, extend: ExtendNode, scope: string): void {
    const extendee = resolver.type(extend.extendee, scope, ['message'])
    this.#remember(extend.extendee, extendee)
    for (const field of extend.fields) {
      this.#field(file, resolver, field, scope)
      if (extendee?.kind !== 'message') continue
      checkExtension(file, field, extendee.node)
      this.#extensionNumber(file, field, extendee.name)
    }
  }

  #extensionNumber(file: ProtoFile, field: FieldNode, extendee: string): void {
    const numbers = this.#extensions.get(extendee) ?? new Map()
    this.#extensions.set(extendee, numbers)
    const { value } = field.number
    const before = numbers.get(value)
    if (before === undefined) numbers.set(value, { file, field })
    else
      report(
        file,
        field.number,
        'PROTO_DUPLICATE_NUMBER',
        `the number ${value} of "${extendee}" is used by two extensions`,
        {
          hint: `the other is "${before.field.name.text}", ${placeText(before.file, before.field.name)}`,
        },
      )
  }

  #service(file: ProtoFile, resolver: Resolver, service: ServiceNode, scope: string): void {
    const name = joined(scope, service.name.text)
    this.#options(file, resolver, 'service', service.options, name)
    for (const method of service.methods) {
      this.#remember(method.input, resolver.type(method.input, name, ['message']))
      this.#remember(method.output, resolver.type(method.output, name, ['message']))
      this.#options(file, resolver, 'method', method.options, joined(name, method.name.text))
    }
  }

  #options(
    file: ProtoFile,
    resolver: Resolver,
    target: OptionTarget,
    options: readonly OptionNode[],
    scope: string,
  ): void {
    for (const [ident, extension] of checkOptions(file, resolver, target, options, scope))
      this.#meaning.set(ident, extension)
  }

  #remember(ident: Ident, found: Declaration | undefined): void {
    if (found !== undefined) this.#meaning.set(ident, found)
  }
}
