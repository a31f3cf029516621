import type { Problem } from '../core/config-error.ts'
import type { EnumType, FieldType, MessageType } from '../core/descriptor.ts'
import type { Types } from './from-protobufjs.ts'
import type { RawRule } from './http-rule.ts'
import type { ServiceSource } from './services.ts'

/** What one kind of source gave: all .proto files together, or one descriptor set. */
export interface SchemaPart extends Types {
  readonly services: readonly ServiceSource[]
  /** The file that a message or enum is from; `builtIn`: it is one of the files that Protogate ships, or a copy of one. */
  readonly origin: (name: string) => { readonly file: string; readonly builtIn: boolean }
}

export interface MergedParts extends Types {
  readonly services: readonly ServiceSource[]
  readonly problems: readonly Problem[]
}

/**
 * Puts parts together. What two of them declare alike is one; what they declare differently is a conflict, because a name has
 * one meaning. Copies of built-in files may be of another version: there the first part counts.
 */
export const mergeParts = (parts: readonly SchemaPart[]): MergedParts => {
  const [only] = parts
  if (only !== undefined && parts.length === 1) return { ...only, problems: [] }
  const problems: Problem[] = []
  const messages = new Map<string, MessageType>()
  const enums = new Map<string, EnumType>()
  const services = new Map<string, ServiceSource>()
  const owners = new Map<string, SchemaPart>()
  const conflict = (name: string, first: string, second: string): void => {
    const message = `"${name}" is declared differently here and in ${first}`
    problems.push({ code: 'SCHEMA_CONFLICT', severity: 'error', message, file: second })
  }
  const take = <T>(
    into: Map<string, T>,
    part: SchemaPart,
    name: string,
    value: T,
    same: (a: T, b: T) => boolean,
  ): void => {
    const before = into.get(name)
    if (before === undefined) {
      into.set(name, value)
      owners.set(name, part)
      return
    }
    const first = owners.get(name)!.origin(name)
    const second = part.origin(name)
    if (!first.builtIn && !second.builtIn && !same(before, value)) conflict(name, first.file, second.file)
  }
  for (const part of parts) {
    for (const [name, type] of part.messages) take(messages, part, name, type, sameMessage)
    for (const [name, type] of part.enums) take(enums, part, name, type, sameEnum)
    for (const service of part.services) {
      const before = services.get(service.name)
      if (before === undefined) services.set(service.name, service)
      else if (!sameService(before, service))
        conflict(service.name, fileOf(before) ?? 'another source', fileOf(service) ?? 'another source')
      else if (service.exposed && !before.exposed) services.set(service.name, { ...before, exposed: true })
    }
  }
  return { messages, enums, services: [...services.values()], problems }
}

const fileOf = (service: ServiceSource): string | undefined => service.methods[0]?.place.file

/** The same fields under the same names and numbers, of types of the same names. Comments do not count. */
export const sameMessage = (a: MessageType, b: MessageType): boolean =>
  a.fields.length === b.fields.length && a.fields.every((field, i) => sameField(field, b.fields[i]!))

const sameField = (a: FieldType, b: FieldType): boolean =>
  a.name === b.name &&
  a.jsonName === b.jsonName &&
  a.number === b.number &&
  a.kind === b.kind &&
  a.repeated === b.repeated &&
  a.mapKey === b.mapKey &&
  a.packed === b.packed &&
  a.delimited === b.delimited &&
  a.presence === b.presence &&
  a.required === b.required &&
  a.utf8 === b.utf8 &&
  a.oneof === b.oneof &&
  a.message?.name === b.message?.name &&
  a.enum?.name === b.enum?.name

const sameEnum = (a: EnumType, b: EnumType): boolean =>
  a.open === b.open &&
  a.numbers.size === b.numbers.size &&
  [...a.numbers].every(([name, number]) => b.numbers.get(name) === number)

const sameService = (a: ServiceSource, b: ServiceSource): boolean => shapeOf(a) === shapeOf(b)
const shapeOf = ({ methods }: ServiceSource): string =>
  JSON.stringify(
    methods.map(({ name, input, output, clientStreaming, serverStreaming, idempotency, rule }) => [
      [name, input, output, clientStreaming, serverStreaming, idempotency],
      rule === undefined ? null : ruleShape(rule),
    ]),
  )
const ruleShape = (rule: RawRule): unknown =>
  rule.members.map(({ name, value }) => [name, typeof value === 'object' ? ruleShape(value) : value])
