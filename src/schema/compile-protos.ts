import { fromProtobufjs } from './from-protobufjs.ts'
import { rawRule } from './http-rule.ts'
import { isBuiltInName } from './include.ts'
import { joined, type Linked, type ProtoFile, textOption } from './link/index.ts'
import type { SchemaPart } from './merge.ts'
import type { EnumNode, ExtendNode, Ident, MessageNode, MethodNode } from './parse/index.ts'
import type { MethodSource, ServiceSource } from './services.ts'
import { restoreName, toProtobufjs } from './to-protobufjs.ts'

/** Types and services of linked .proto files. */
export const compileProtos = (linked: Linked): SchemaPart => {
  const comments = collectComments(linked.files)
  const types = fromProtobufjs(toProtobufjs(linked), {
    comment: (name) => comments.get(name) ?? '',
    restore: restoreName,
  })
  const origins = collectOrigins(linked.files)
  const origin = (name: string): Origin => originOf(origins.get(name))
  return { ...types, origin, services: linked.files.flatMap((file) => servicesOf(file, linked)) }
}

const servicesOf = (file: ProtoFile, linked: Linked): readonly ServiceSource[] =>
  file.node.services.map((service) => ({
    name: joined(file.node.package.text, service.name.text),
    exposed: file.exposed,
    comment: service.comment,
    methods: service.methods.map((method) => methodOf(file, method, linked)),
  }))

const methodOf = (file: ProtoFile, method: MethodNode, { meaning }: Linked): MethodSource => {
  const named = (ident: Ident): string => meaning.get(ident)?.name ?? ident.text.replace(/^\./, '')
  const http = method.options.filter(({ name: [first] }) => first?.extension && named(first) === 'google.api.http')
  return {
    name: method.name.text,
    input: named(method.input),
    output: named(method.output),
    clientStreaming: method.clientStreaming,
    serverStreaming: method.serverStreaming,
    idempotency: textOption(method.options, 'idempotency_level') ?? 'IDEMPOTENCY_UNKNOWN',
    rule: rawRule(http, file.node.source),
    place: file.node.source.place(method.name.offset),
    comment: method.comment,
  }
}

/** Leading comments of messages, fields and extensions by full name. */
const collectComments = (files: readonly ProtoFile[]): ReadonlyMap<string, string> => {
  const comments = new Map<string, string>()
  const extend = ({ fields }: ExtendNode, scope: string): void => {
    for (const field of fields) comments.set(joined(scope, field.name.text), field.comment)
  }
  const message = (node: MessageNode, scope: string): void => {
    const name = joined(scope, node.name.text)
    comments.set(name, node.comment)
    for (const field of node.fields) comments.set(joined(name, field.name.text), field.comment)
    for (const nested of node.messages) message(nested, name)
    for (const one of node.extends) extend(one, name)
  }
  for (const { node } of files) {
    for (const one of node.messages) message(one, node.package.text)
    for (const one of node.extends) extend(one, node.package.text)
  }
  return comments
}

type Origin = ReturnType<SchemaPart['origin']>
const originOf = (file: ProtoFile | undefined): Origin => ({
  file: file?.node.source.file ?? '',
  builtIn: file === undefined || file.builtIn || isBuiltInName(file.importName),
})

const collectOrigins = (files: readonly ProtoFile[]): ReadonlyMap<string, ProtoFile> => {
  const origins = new Map<string, ProtoFile>()
  const visit = (
    file: ProtoFile,
    messages: readonly MessageNode[],
    enums: readonly EnumNode[],
    scope: string,
  ): void => {
    for (const { name } of enums) origins.set(joined(scope, name.text), file)
    for (const message of messages) {
      const name = joined(scope, message.name.text)
      origins.set(name, file)
      visit(file, message.messages, message.enums, name)
    }
  }
  for (const file of files) visit(file, file.node.messages, file.node.enums, file.node.package.text)
  return origins
}
