import protobuf from 'protobufjs'
import { booleanOption, featuresOf, isLegacy, joined, type Linked, type ProtoFile, textOption } from './link/index.ts'
import { isScalar } from './message-type.ts'
import type { EnumNode, ExtendNode, FieldNode, Ident, MessageNode, OneofNode, ServiceNode } from './parse/index.ts'

/**
 * A resolved protobufjs Root of linked files. It is given every name absolute, so that protobufjs's own lookup (which sees all
 * files, imported or not, and any depth) decides nothing, and no option that it would round or lose. What it does is link the
 * types and resolve the features of editions.
 */
export const toProtobufjs = (linked: Linked): protobuf.Root => {
  const json: Namespace = namespace()
  const members: Members = { messages: [], extensions: [] }
  for (const file of linked.files)
    new FileWriter(file, linked, members).write(packageOf(json, file.node.package.text), file.node.package.text)
  const root = new protobuf.Root()
  root.addJSON(json.nested as protobuf.INamespace['nested'] & object)
  addMembers(root, members)
  root.resolveAll()
  return root
}

/** What is added when all types are there, under their full names. */
interface Members {
  readonly messages: {
    readonly name: string
    readonly fields: Named<FieldJson>
    readonly oneofs: Named<protobuf.IOneOf>
  }[]
  readonly extensions: { readonly scope: string; readonly name: string; readonly json: FieldJson }[]
}
type FieldJson = protobuf.IField & Partial<protobuf.IMapField>

/**
 * protobufjs looks at all fields of a message by their numbers whenever it adds one: the square of their count, seconds for some
 * thousand. The linker has checked the numbers, so while fields are added there is nothing to look at.
 */
const addMembers = (root: protobuf.Root, { messages, extensions }: Members): void => {
  const types = messages.map(({ name, fields, oneofs }) => {
    const type = find(root, name) as protobuf.Type
    Object.defineProperty(type, 'fieldsById', { value: NO_FIELDS, configurable: true })
    for (const [own, json] of Object.entries(fields)) {
      const { keyType } = json
      type.add(
        keyType === undefined
          ? protobuf.Field.fromJSON(own, json)
          : protobuf.MapField.fromJSON(own, { ...json, keyType }),
      )
    }
    for (const [own, json] of Object.entries(oneofs)) type.add(protobuf.OneOf.fromJSON(own, json))
    return type
  })
  for (const { scope, name, json } of extensions) find(root, scope).add(protobuf.Field.fromJSON(name, json))
  for (const type of types) Reflect.deleteProperty(type, 'fieldsById')
}
const NO_FIELDS = Object.freeze(Object.create(null) as object)

const find = (root: protobuf.Root, name: string): protobuf.NamespaceBase => {
  let at: protobuf.NamespaceBase = root
  if (name !== '') for (const part of name.split('.')) at = at.nested![part] as protobuf.NamespaceBase
  return at
}

/**
 * protobufjs drops members called `__proto__` without a word. It gets them under another name, which no file can contain: an
 * identifier has no `-`.
 */
const PROTO_ALIAS = 'proto-name'
const toAlias = (name: string): string => (name === '__proto__' ? PROTO_ALIAS : name)
/** Undoes the renaming, for `fromProtobufjs`. */
export const restoreName = (name: string): string => name.replace(PROTO_ALIAS, '__proto__')

/** Objects without a prototype: `constructor` and `toString` are names like any other. */
type Named<T> = Record<string, T>
const named = <T>(): Named<T> => Object.create(null)
interface Namespace {
  nested: Named<Namespace | object>
}
const namespace = (): Namespace => ({ nested: named() })

const packageOf = (root: Namespace, name: string): Namespace => {
  let at = root
  if (name === '') return at
  for (const part of name.split('.')) {
    at.nested[part] ??= namespace()
    at = at.nested[part] as Namespace
  }
  return at
}

class FileWriter {
  readonly #file: ProtoFile
  readonly #linked: Linked
  readonly #members: Members
  readonly #features: Record<string, string>

  constructor(file: ProtoFile, linked: Linked, members: Members) {
    this.#file = file
    this.#linked = linked
    this.#members = members
    this.#features = featuresOf(file.node.options)
  }

  /** Into the namespace of the package `scope`. */
  write(target: Namespace, scope: string): void {
    const { node } = this.#file
    const top = { edition: node.syntax }
    for (const message of node.messages) target.nested[message.name.text] = this.#message(message, scope, top)
    for (const enumeration of node.enums) target.nested[enumeration.name.text] = this.#enum(enumeration, top)
    for (const service of node.services) target.nested[service.name.text] = { ...this.#service(service), ...top }
    for (const extend of node.extends) this.#extend(extend, scope, top)
  }

  /** Elements of the top level carry the features of the file, because protobufjs has no files. */
  #options(features: Record<string, string>, top: object | undefined): { options?: object } {
    const merged = top === undefined ? features : { ...this.#features, ...features }
    return Object.keys(merged).length === 0 ? {} : { options: { features: merged } }
  }

  #message(node: MessageNode, scope: string, top?: object): object {
    const own = joined(scope, node.name.text)
    const fields = named<FieldJson>()
    const oneofs = named<protobuf.IOneOf>()
    const nested = named<object>()
    const members = Map.groupBy(node.fields, ({ oneof }) => oneof)
    for (const oneof of node.oneofs)
      oneofs[toAlias(oneof.name.text)] = this.#oneof(oneof, members.get(oneof.name.text) ?? [])
    for (const field of node.fields) {
      const name = toAlias(field.name.text)
      fields[name] = this.#field(field)
      if (this.#isOptional(field)) oneofs[`_${name}`] = { oneof: [name] }
    }
    for (const message of node.messages) nested[message.name.text] = this.#message(message, own)
    for (const enumeration of node.enums) nested[enumeration.name.text] = this.#enum(enumeration)
    for (const extend of node.extends) this.#extend(extend, own)
    this.#members.messages.push({ name: own, fields, oneofs })
    return { fields: {}, nested, ...this.#options(featuresOf(node.options), top), ...top }
  }

  #oneof(node: OneofNode, members: readonly FieldNode[]): protobuf.IOneOf {
    const oneof = members.map(({ name }) => toAlias(name.text))
    return { oneof, ...this.#options(featuresOf(node.options), undefined) }
  }

  #isOptional(field: FieldNode): boolean {
    return this.#file.node.syntax === 'proto3' && field.label === 'optional'
  }

  #field(node: FieldNode, top?: object): FieldJson {
    const features = featuresOf(node.options)
    if (node.group) features.message_encoding = 'DELIMITED'
    const { options } = this.#options(features, top)
    const packed = booleanOption(node.options, 'packed')
    const json = textOption(node.options, 'json_name')
    return {
      id: Number(node.number.value),
      type: this.#type(node.type),
      ...(node.mapKey === undefined ? {} : { keyType: node.mapKey.text }),
      ...(node.label === undefined ? {} : { rule: node.label }),
      options: {
        ...options,
        ...(packed === undefined || !isLegacy(this.#file.node.syntax) ? {} : { packed }),
        ...(json === undefined ? {} : { json_name: json }),
        ...(this.#isOptional(node) ? { proto3_optional: true } : {}),
      },
      ...top,
    }
  }

  #enum(node: EnumNode, top?: object): object {
    const values = named<number>()
    for (const value of node.values) values[toAlias(value.name.text)] = Number(value.number.value)
    return { values, ...this.#options(featuresOf(node.options), top), ...top }
  }

  #extend(node: ExtendNode, scope: string, top?: object): void {
    const extendee = this.#linked.meaning.get(node.extendee)
    if (extendee?.kind !== 'message') throw new Error(`the linker left "${node.extendee.text}" without a meaning`)
    if (booleanOption(extendee.node.options, 'message_set_wire_format') === true) return
    for (const field of node.fields) {
      const json = { ...this.#field(field, top), extend: `.${extendee.name}` }
      this.#members.extensions.push({ scope, name: toAlias(field.name.text), json })
    }
  }

  #service(node: ServiceNode): object {
    const methods = named<object>()
    for (const method of node.methods)
      methods[method.name.text] = {
        requestType: this.#type(method.input),
        responseType: this.#type(method.output),
        requestStream: method.clientStreaming,
        responseStream: method.serverStreaming,
      }
    return { methods }
  }

  #type(ident: Ident): string {
    if (isScalar(ident.text) && !this.#linked.meaning.has(ident)) return ident.text
    const found = this.#linked.meaning.get(ident)
    if (found === undefined) throw new Error(`the linker left "${ident.text}" without a meaning`)
    return `.${found.name}`
  }
}
