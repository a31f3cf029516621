import { Bytes } from '../../../core/message.ts'
import type { JsonOptions } from '../../../core/schema.ts'
import { printField } from '../../json/print.ts'
import { defaultOf, type FieldPlan, GROUP, makeValue, type TypePlan, type Types, wireOf } from '../../plan.ts'
import { enumWriter, MAX_NAME } from './enums.ts'
import type { Write } from './page.ts'
import { scalarWriter, zeroSize } from './scalars.ts'
import { refuse } from './well-known.ts'

/** Members of a message without the braces, each with a comma behind it, up to `end` or up to the tag `group` (0: none). */
export type Members = (buffer: Buffer, at: number, end: number, q: number, depth: number, group: number) => number

/** One message type that is, or is about to be, compiled. */
export interface Node {
  readonly plan: TypePlan
  /** What its fields need; undefined: a type that is not done. */
  readonly forms: readonly Form[] | undefined
  members: Members
  /** The same with a group tag as its end. */
  grouped: Members
}

/** What the compiler of one set of options lends to its parts. */
export interface Compiler {
  readonly options: JsonOptions
  readonly types: Types
  /** The node of a type that is no well-known one; it may be compiled later, but before it is used. */
  node(plan: TypePlan): Node
  /** The JSON of a message of any type that fills its range. */
  content(plan: TypePlan): Write
}

/** What printing a field needs, worked out once. */
export interface Form {
  readonly plan: FieldPlan
  /** `"name":` */
  readonly key: Buffer
  /** Printed in place of a field that is not there; undefined: nothing. */
  readonly absent: Buffer | undefined
  /** So many bytes, all of them zero, are a value that means nothing; 0: there is no such value. */
  readonly zero: number
  /** An element may be a number that its closed enum does not know: then its writer leaves q as it is. */
  readonly drops: boolean
  /** Place of its oneof among those of the message; -1: none. */
  readonly oneof: number
  /** One scalar or enum element; undefined: messages. */
  readonly scalar: Write | undefined
  /** Of a map: the key and the text of a missing value. */
  readonly mapKey: MapKey | undefined
  readonly missing: Buffer | undefined
}

export interface MapKey {
  readonly text: boolean
  /** With the quotes, if `quoted`. */
  readonly write: Write
  readonly quoted: boolean
  readonly tag: number
  readonly missing: Buffer
}

/** Kinds that a map key may have, and what a missing one is. */
const KEYS: ReadonlyMap<string, string> = new Map([
  ['string', '""'],
  ['bool', 'false'],
  ...['int32', 'uint32', 'sint32', 'fixed32', 'sfixed32'].map((kind): [string, string] => [kind, '0']),
  ...['int64', 'uint64', 'sint64', 'fixed64', 'sfixed64'].map((kind): [string, string] => [kind, '"0"']),
])

/** The forms of all fields; undefined: a type whose fields get into each other's way, or with names too long. */
export const formsOf = (plan: TypePlan, compiler: Compiler): readonly Form[] | undefined => {
  const { fields } = plan
  const names = new Set(fields.map(({ name }) => name))
  const ascending = fields.every(({ field }, i) => i === 0 || field.number > fields[i - 1]!.field.number)
  if (names.size !== fields.length || !ascending) return undefined
  const oneofs = new Map<string, number>()
  const forms: Form[] = []
  for (const field of fields) {
    const form = formOf(field, compiler, oneofs)
    if (form === undefined) return undefined
    forms.push(form)
  }
  return forms
}

const formOf = (plan: FieldPlan, compiler: Compiler, oneofs: Map<string, number>): Form | undefined => {
  const { field } = plan
  const { options } = compiler
  const key = options.protoNames === true ? plan.protoKey : plan.jsonKey
  if (key.length > MAX_NAME) return undefined
  const single = !field.repeated && field.mapKey === undefined
  const bare = options.int64Numbers === true
  let scalar: Write | undefined
  if (field.kind === 'enum') scalar = enumWriter(field, options.enumNumbers === true)
  else if (field.kind !== 'message') scalar = scalarWriter(field.kind, bare)
  if (scalar === undefined && field.kind !== 'message') return undefined
  const mapKey = field.mapKey === undefined ? undefined : mapKeyOf(field.mapKey)
  if (field.mapKey !== undefined && mapKey === undefined) return undefined
  const emitted = options.emitDefaults === true && plan.emitted
  const print = (value: Record<string, unknown>): Buffer => {
    const out = new Bytes()
    printField(plan, value, out, options, compiler.types)
    return out.take()
  }
  let missing: Buffer | undefined
  if (mapKey !== undefined && scalar !== undefined) {
    const value = makeValue()
    value[plan.name] = new Map([['', defaultOf(field)]])
    missing = print(value).subarray(4, -1)
    if (missing.length > MAX_NAME) return undefined
  }
  return {
    plan,
    key,
    absent: emitted ? print(makeValue()) : undefined,
    zero: single && scalar !== undefined && !field.presence && !emitted ? zeroSize(plan.wire) : 0,
    drops: field.kind === 'enum' && !field.enum!.open,
    oneof: single && field.oneof !== undefined ? placeOf(oneofs, field.oneof) : -1,
    scalar,
    mapKey,
    missing,
  }
}

const placeOf = (oneofs: Map<string, number>, name: string): number => {
  const known = oneofs.get(name) ?? oneofs.size
  oneofs.set(name, known)
  return known
}

const mapKeyOf = (kind: NonNullable<FieldPlan['field']['mapKey']>): MapKey | undefined => {
  const missing = KEYS.get(kind)
  if (missing === undefined) return undefined
  return {
    text: kind === 'string',
    write: scalarWriter(kind, false),
    quoted: missing.startsWith('"'),
    tag: (1 << 3) | wireOf(kind),
    missing: Buffer.from(missing),
  }
}

/** The tag that ends a group field; 0: it is none. */
export const groupEnd = ({ wire, field }: FieldPlan): number => (wire === GROUP ? ((field.number << 3) | 4) >>> 0 : 0)

/** What prints a message field between its bounds; of a group see `groupContent`. */
export const contentOf = (plan: FieldPlan, compiler: Compiler): Write =>
  plan.wire === GROUP ? refuse : compiler.content(plan.message)

/** A message in a field stands a level deeper, except for `Value` (see decode). */
export const levelOf = (plan: FieldPlan): number => (plan.wellKnown === 'value' ? 0 : 1)
