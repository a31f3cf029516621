import type {
  DescriptorProto,
  EnumDescriptorProto,
  FieldDescriptorProto,
  FileDescriptorProto,
  ServiceDescriptorProto,
} from '@bufbuild/protobuf/wkt'
import type { Problem } from '../../core/config-error.ts'
import { MAX_FULL_NAME } from '../link/index.ts'
import { defaultJsonName } from '../message-type.ts'
import { MAX_PACKAGE_PARTS } from '../parse/index.ts'

/** What a compiler of protobuf makes sure of, and a set written by hand may lack. */
export const checkDescriptors = (files: readonly FileDescriptorProto[], shown: string): readonly Problem[] => {
  const checker = new Checker(shown)
  for (const file of files) checker.file(file)
  return checker.problems
}

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/
const REFUSED: ReadonlySet<string> = new Set(['__proto__', 'prototype', 'constructor'])
const MAX_NUMBER = 536_870_911
const MAX_NESTING = 32
/** Longest name of anything. */
const MAX_NAME = 255

class Checker {
  readonly problems: Problem[] = []
  readonly #shown: string
  /** Full names of types, services and extensions, and the files that they are from. */
  readonly #names = new Map<string, string>()

  constructor(shown: string) {
    this.#shown = shown
  }

  file(file: FileDescriptorProto): void {
    const scope = file.package
    if (scope.split('.', MAX_PACKAGE_PARTS + 1).length > MAX_PACKAGE_PARTS) {
      this.#problem(file, `the name of the package has more than ${MAX_PACKAGE_PARTS} parts`)
      return
    }
    if (scope !== '') for (const part of scope.split('.')) this.#identifier(file, part, 'package', true)
    for (const message of file.messageType) this.#message(file, message, scope, 1)
    for (const one of file.enumType) this.#enum(file, one, scope)
    for (const one of file.extension) this.#extension(file, one, scope)
    for (const service of file.service) this.#service(file, service, scope)
  }

  #message(file: FileDescriptorProto, message: DescriptorProto, scope: string, depth: number): void {
    if (depth > MAX_NESTING) {
      this.#problem(file, `messages are nested deeper than ${MAX_NESTING} levels`)
      return
    }
    if (scope.length + message.name.length >= MAX_FULL_NAME) {
      this.#problem(file, `the full name of a message has more than ${MAX_FULL_NAME} characters`)
      return
    }
    const name = this.#declare(file, message.name, scope, 'message')
    const numbers = new Set<number>()
    const names = new Set<string>()
    const jsonNames = new Set<string>()
    for (const field of message.field) {
      this.#identifier(file, field.name, 'field', false)
      if (numbers.has(field.number)) this.#problem(file, `the number ${field.number} is used twice in "${name}"`)
      if (names.has(field.name)) this.#problem(file, `the field "${field.name}" is declared twice in "${name}"`)
      const json = field.jsonName === '' ? defaultJsonName(field.name) : field.jsonName
      if (jsonNames.has(json))
        this.#problem(file, `the JSON name "${json}" is that of two fields of "${name}"`, 'warning')
      this.#number(file, field, name)
      numbers.add(field.number)
      names.add(field.name)
      jsonNames.add(json)
    }
    if (message.options?.messageSetWireFormat === true)
      this.#problem(
        file,
        `"${name}" is a message set: its extensions are passed on as unknown fields and are absent in JSON`,
        'warning',
      )
    for (const oneof of message.oneofDecl) this.#identifier(file, oneof.name, 'oneof', false)
    for (const nested of message.nestedType) this.#message(file, nested, name, depth + 1)
    for (const one of message.enumType) this.#enum(file, one, name)
    for (const one of message.extension) this.#extension(file, one, name)
  }

  #number(file: FileDescriptorProto, field: FieldDescriptorProto, name: string): void {
    if (field.number < 1 || field.number > MAX_NUMBER)
      this.#problem(file, `${field.number}, of "${name}.${field.name}", is not a field number`)
  }

  #enum(file: FileDescriptorProto, one: EnumDescriptorProto, scope: string): void {
    const name = this.#declare(file, one.name, scope, 'enum')
    if (one.value.length === 0) this.#problem(file, `the enum "${name}" has no values`)
    const names = new Set<string>()
    for (const value of one.value) {
      this.#identifier(file, value.name, 'enum value', false)
      if (names.has(value.name)) this.#problem(file, `the value "${value.name}" is declared twice in "${name}"`)
      names.add(value.name)
    }
  }

  #extension(file: FileDescriptorProto, field: FieldDescriptorProto, scope: string): void {
    const name = this.#declare(file, field.name, scope, 'extension')
    this.#number(file, field, name)
  }

  #service(file: FileDescriptorProto, service: ServiceDescriptorProto, scope: string): void {
    const name = this.#declare(file, service.name, scope, 'service')
    const names = new Set<string>()
    for (const method of service.method) {
      this.#identifier(file, method.name, 'rpc', false)
      if (method.name === '__proto__') this.#refuse(file, method.name, 'rpc')
      if (names.has(method.name)) this.#problem(file, `the rpc "${method.name}" is declared twice in "${name}"`)
      names.add(method.name)
    }
  }

  #declare(file: FileDescriptorProto, name: string, scope: string, what: string): string {
    const full = scope === '' ? name : `${scope}.${name}`
    this.#identifier(file, name, what, what !== 'extension')
    const before = this.#names.get(full)
    if (before === undefined) this.#names.set(full, file.name)
    else this.#problem(file, `"${full}" is declared twice, first in ${before}`)
    return full
  }

  #identifier(file: FileDescriptorProto, name: string, what: string, isType: boolean): void {
    if (name.length > MAX_NAME) this.#problem(file, `the name of a ${what} has more than ${MAX_NAME} characters`)
    else if (!IDENTIFIER.test(name)) this.#problem(file, `${JSON.stringify(name)} is not the name of a ${what}`)
    else if (isType && REFUSED.has(name)) this.#refuse(file, name, what)
  }
  #refuse(file: FileDescriptorProto, name: string, what: string): void {
    this.#problem(file, `the ${what} name "${name}" is refused, JavaScript objects react to it`)
  }
  #problem(file: FileDescriptorProto, message: string, severity: Problem['severity'] = 'error'): void {
    this.problems.push({ code: 'DESCRIPTOR_INVALID', severity, message: `${file.name}: ${message}`, file: this.#shown })
  }
}
