import { type WellKnown, wellKnown } from '../codec/plan.ts'
import type { Compat, HttpBinding, PathVariable, UnknownQuery } from '../core/binding.ts'
import { nearest, type Problem } from '../core/config-error.ts'
import type { FieldPath, FieldType, MessageType } from '../core/descriptor.ts'
import type { Operation, Place, Schema } from '../core/schema.ts'
import { GatewayError } from '../core/status.ts'

/** One HTTP rule with the settings of its route. */
export interface BindingRule {
  /** HTTP method: a PATCH may have its field mask filled in (SEMANTICS §14). */
  readonly method: string
  /** Of the path template, in its order: dot-joined proto names. */
  readonly variables: readonly { readonly path: string; readonly multi: boolean }[]
  /** `*`, a top-level field of the request by proto or JSON name, or '' for none. */
  readonly body: string
  /** A top-level field of the reply by proto or JSON name, or '' for the whole reply. */
  readonly responseBody: string
  readonly unknownQuery: UnknownQuery
  readonly ignoreUnknown: boolean
  readonly compat: Compat
  /** Fields of the request that the route fixes: paths of proto or JSON names, and JSON values. */
  readonly set?: Readonly<Record<string, unknown>> | undefined
}

export interface CompiledBinding {
  /** undefined when there are problems. */
  readonly binding: HttpBinding | undefined
  readonly problems: readonly Problem[]
}

/** Messages that are one string or number in JSON may stand in a path. */
const isLeafMessage = (type: MessageType): boolean => LEAF_FORMS.has(wellKnown(type))
const LEAF_FORMS: ReadonlySet<WellKnown | undefined> = new Set(['timestamp', 'duration', 'mask', 'wrapper'])

/**
 * Resolves the field names of an HTTP rule against the messages of its operation (SEMANTICS §1.3, §1.6, §4.1, §4.6). `place` is
 * where the rule stands; every problem is given it.
 */
export const compileBinding = (
  schema: Schema,
  operation: Operation,
  rule: BindingRule,
  place: Place | undefined,
): CompiledBinding => {
  const compiler = new BindingCompiler(schema, operation, place)
  const binding = compiler.compile(rule)
  return { binding: compiler.problems.length === 0 ? binding : undefined, problems: compiler.problems }
}

class BindingCompiler {
  readonly problems: Problem[] = []
  readonly #schema: Schema
  readonly #operation: Operation
  readonly #place: Place | undefined

  constructor(schema: Schema, operation: Operation, place: Place | undefined) {
    this.#schema = schema
    this.#operation = operation
    this.#place = place
  }

  compile(rule: BindingRule): HttpBinding {
    const { input, output, shape } = this.#operation
    const variables: PathVariable[] = []
    for (const { path, multi } of rule.variables) {
      const found = this.#variable(input, path)
      if (found === undefined) continue
      if (variables.some((other) => samePath(other.path, found)))
        this.#problem('BINDING_FIELD_TWICE', `{${path}} binds a field that another variable binds too`)
      this.#checkOneof(variables, found, path)
      variables.push({ path: found, multi })
    }
    const bodyField = rule.body === '*' ? undefined : this.#topField(input, rule.body, 'body', 'request')
    const responseField = this.#topField(output, rule.responseBody, 'response_body', 'reply')
    this.#checkBody(variables, bodyField)
    return {
      body: bodyField?.name ?? rule.body,
      responseBody: responseField?.name ?? rule.responseBody,
      streamed: shape === 'client_stream' || shape === 'bidi',
      bodyField,
      responseField,
      variables,
      unknownQuery: this.#unknownQuery(rule, bodyField, variables),
      ignoreUnknown: rule.ignoreUnknown,
      compat: rule.compat,
      updateMask: rule.method === 'PATCH' ? updateMask(input, bodyField) : undefined,
      set: this.#set(input, rule.set ?? {}, variables),
    }
  }

  /** `book.name`: through singular messages to a scalar, an enum or a message that is a scalar in JSON. */
  #variable(type: MessageType, path: string): FieldPath | undefined {
    const fields: FieldType[] = []
    let within = type
    const parts = path.split('.')
    for (const [i, part] of parts.entries()) {
      const field = within.field(part)
      if (field === undefined || field.name !== part) {
        this.#unknown(within, part, `{${path}}`, false)
        return undefined
      }
      fields.push(field)
      if (field.repeated || field.mapKey !== undefined) {
        const what = field.repeated ? 'repeated' : 'a map'
        this.#problem('BINDING_REPEATED', `{${path}}: "${part}" of ${within.name} is ${what}, a path has one value`)
        return undefined
      }
      const last = i === parts.length - 1
      const leaf = field.message === undefined || isLeafMessage(field.message)
      if (last && leaf) return fields
      if (last) {
        this.#problem(
          'BINDING_NOT_LEAF',
          `{${path}}: "${part}" is the message ${field.message!.name}, a path binds single values`,
          `bind one of its fields: ${suggested(path, field.message!)}`,
        )
        return undefined
      }
      if (leaf) {
        const what =
          field.message === undefined ? `${field.kind}, it has no fields` : `${field.message.name}, bind it whole`
        this.#problem('BINDING_NOT_LEAF', `{${path}}: "${part}" is ${what}`)
        return undefined
      }
      within = field.message!
    }
    return fields
  }

  /** Two members of a oneof in one path: every request would be refused. */
  #checkOneof(variables: readonly PathVariable[], path: FieldPath, name: string): void {
    for (const other of variables) {
      const clash = oneofClash(other.path, path)
      if (clash !== undefined)
        this.#problem('BINDING_ONEOF', `{${pathName(other.path)}} and {${name}} are members of the oneof "${clash}"`)
    }
  }

  #topField(type: MessageType, name: string, key: string, what: string): FieldType | undefined {
    if (name === '') return undefined
    const field = type.field(name)
    if (field !== undefined) return field
    if (name === '*')
      this.#problem('BINDING_BODY', `${key} "*" does not exist`, `without ${key} the whole ${what} is sent`)
    else if (name.includes('.'))
      this.#problem(
        'BINDING_BODY',
        `${key} "${name}": only a top-level field of the ${what} can be named`,
        type.field(name.slice(0, name.indexOf('.'))) === undefined
          ? undefined
          : `name "${name.slice(0, name.indexOf('.'))}"`,
      )
    else this.#unknown(type, name, key, true)
    return undefined
  }

  #checkBody(variables: readonly PathVariable[], body: FieldType | undefined): void {
    if (body === undefined) return
    for (const { path } of variables) {
      if (path.length === 1 && path[0] === body)
        this.#problem('BINDING_FIELD_TWICE', `body "${body.name}" is bound by the path already`)
      const clash = oneofClash(path, [body])
      if (clash !== undefined)
        this.#problem(
          'BINDING_ONEOF',
          `{${pathName(path)}} and body "${body.name}" are members of the oneof "${clash}"`,
        )
    }
  }

  #unknownQuery(
    { unknownQuery, body }: BindingRule,
    bodyField: FieldType | undefined,
    variables: readonly PathVariable[],
  ): UnknownQuery {
    if (typeof unknownQuery === 'string') return unknownQuery
    // The body has every field, so no query key may set one: as `reject` says.
    if (body === '*') return 'reject'
    const { capture } = unknownQuery
    const { input } = this.#operation
    const field = input.field(capture)
    if (field === undefined) this.#unknown(input, capture, 'unknownQuery.capture', true)
    else if (field.mapKey !== 'string' || field.kind !== 'string')
      this.#problem(
        'BINDING_CAPTURE',
        `unknownQuery.capture: "${capture}" of ${input.name} is not a map<string, string>`,
      )
    else if (field === bodyField || variables.some(({ path }) => path[0] === field))
      this.#problem('BINDING_FIELD_TWICE', `unknownQuery.capture: "${capture}" is bound already`)
    return { capture: field?.name ?? capture }
  }

  #set(
    input: MessageType,
    set: Readonly<Record<string, unknown>>,
    variables: readonly PathVariable[],
  ): HttpBinding['set'] {
    const result: { path: FieldPath; json: unknown }[] = []
    for (const [name, json] of Object.entries(set)) {
      const path = this.#setPath(input, name)
      if (path === undefined) continue
      const twice = result.find((other) => overlaps(other.path, path))
      if (twice !== undefined)
        this.#problem('BINDING_FIELD_TWICE', `set: "${name}" and "${pathName(twice.path)}" fix the same field`)
      if (variables.some((variable) => overlaps(variable.path, path)))
        this.#problem(
          'BINDING_FIELD_TWICE',
          `set: "${name}" is bound by the path already`,
          `write "*" in the path in place of {${name}}`,
        )
      this.#checkValue(input, name, path, json)
      result.push({ path, json })
    }
    return result
  }

  #setPath(type: MessageType, name: string): FieldPath | undefined {
    const fields: FieldType[] = []
    let within: MessageType | undefined = type
    for (const part of name.split('.')) {
      const previous = fields.at(-1)
      if (within === undefined || previous?.repeated === true || previous?.mapKey !== undefined) {
        this.#problem('BINDING_SET', `set: "${name}" goes through "${previous?.name}", which is no single message`)
        return undefined
      }
      const field = within.field(part)
      if (field === undefined) {
        this.#unknown(within, part, `set "${name}"`, true)
        return undefined
      }
      fields.push(field)
      within = field.message
    }
    return fields
  }

  /** The value must be JSON of its field: found out now and not at the first request. */
  #checkValue(input: MessageType, name: string, path: FieldPath, json: unknown): void {
    const text = `${path.map((field) => `{${JSON.stringify(field.jsonName)}:`).join('')}${JSON.stringify(json)}${'}'.repeat(path.length)}`
    try {
      this.#schema.codec('json').decode(input, Buffer.from(text))
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      this.#problem('BINDING_SET', `set: the value of "${name}" does not fit its field: ${error.message}`)
    }
  }

  #unknown(type: MessageType, name: string, what: string, jsonNames: boolean): void {
    const names = type.fields.flatMap((field) => (jsonNames ? [field.name, field.jsonName] : [field.name]))
    const byJson = type.field(name)
    const near = jsonNames || byJson === undefined ? nearest(name, names) : byJson.name
    const hint = near === undefined ? fieldList(type) : `did you mean "${near}"?`
    this.#problem('BINDING_UNKNOWN_FIELD', `${what}: ${type.name} has no field "${name}"`, hint)
  }

  #problem(code: string, message: string, hint?: string): void {
    const { file, line, column } = this.#place ?? {}
    this.problems.push({
      code,
      severity: 'error',
      message: `${this.#operation.name}: ${message}`,
      file,
      line,
      column,
      hint,
    })
  }
}

const pathName = (path: FieldPath): string => path.map(({ name }) => name).join('.')
const samePath = (a: FieldPath, b: FieldPath): boolean => a.length === b.length && a.every((field, i) => field === b[i])
/** The one field mask of a request whose body is another field; undefined when there are several, or none. */
const updateMask = (input: MessageType, body: FieldType | undefined): FieldType | undefined => {
  if (body === undefined) return undefined
  const masks = input.fields.filter(
    ({ message, repeated, mapKey }) => wellKnown(message) === 'mask' && !repeated && mapKey === undefined,
  )
  return masks.length === 1 && masks[0] !== body ? masks[0] : undefined
}

/** One is the other or lies in it. */
const overlaps = (a: FieldPath, b: FieldPath): boolean => {
  const length = Math.min(a.length, b.length)
  return samePath(a.slice(0, length), b.slice(0, length))
}

/** The oneof of which two paths set different members, below the fields that they share. */
const oneofClash = (a: FieldPath, b: FieldPath): string | undefined => {
  let i = 0
  while (i < a.length && i < b.length && a[i] === b[i]) i++
  const first = a[i]?.oneof
  return first !== undefined && first === b[i]?.oneof ? first : undefined
}

const fieldList = (type: MessageType): string => {
  const names = type.fields.map(({ name }) => name)
  if (names.length === 0) return `${type.name} has no fields`
  return `its fields: ${names.slice(0, 8).join(', ')}${names.length > 8 ? ' …' : ''}`
}
const suggested = (path: string, type: MessageType): string => {
  const fields = type.fields.filter(
    (field) => !field.repeated && field.mapKey === undefined && field.kind !== 'message',
  )
  return fields.length === 0
    ? 'it has no single value'
    : fields
        .slice(0, 3)
        .map(({ name }) => `{${path}.${name}}`)
        .join(', ')
}
