import { instantValue, textOf, wrap } from './json/index.ts'
import { enumByNumber, toBytes, toNumber } from './lexical.ts'
import { type FieldPlan, isNullValue } from './plan.ts'
import { durationFromGo } from './time.ts'

/**
 * Leaves of a request that come as bare text, from the path or the query: scalars, enums and the well-known types with a scalar
 * JSON form.
 */
export const isLeaf = (plan: FieldPlan): boolean => {
  switch (plan.wellKnown) {
    case undefined:
      return plan.field.kind !== 'message'
    case 'timestamp':
    case 'duration':
    case 'mask':
    case 'wrapper':
      return true
    default:
      return false
  }
}

/**
 * One element from its text, in the lexical forms of ProtoJSON without quotes. `forms`: Go's booleans and durations too
 * (`compat.queryForms`). undefined: the text does not fit.
 */
export const leafFromText = (plan: FieldPlan, text: string, forms: boolean): unknown => {
  const { field } = plan
  if (field.kind === 'enum')
    return (
      field.enum!.numbers.get(text) ?? (text === 'null' && isNullValue(field) ? 0 : enumByNumber(field.enum!, text))
    )
  if (field.kind !== 'message') return scalarFromText(field.kind, text, forms)
  switch (plan.wellKnown) {
    case 'timestamp':
    case 'mask':
      return textOf(plan.wellKnown, text)
    case 'duration': {
      const value = textOf('duration', text)
      const go = value === undefined && forms ? durationFromGo(text) : undefined
      return go === undefined ? value : instantValue(go.seconds, go.nanos)
    }
    case 'wrapper': {
      const { name, field: wrapped } = plan.message.fields[0]!
      const scalar = scalarFromText(wrapped.kind, text, forms)
      return scalar === undefined ? undefined : wrap(name, scalar)
    }
    default:
      return undefined
  }
}

const scalarFromText = (kind: FieldPlan['field']['kind'], text: string, forms: boolean): unknown => {
  switch (kind) {
    case 'string':
      return text
    case 'bytes':
      return toBytes(text)
    case 'bool':
      return boolFromText(text, forms)
    default:
      return toNumber(kind, text, true)
  }
}

/** `true` and `false`; with `forms` those of Go too. */
export const boolFromText = (text: string, forms: boolean): boolean | undefined =>
  text === 'true' ? true : text === 'false' ? false : forms ? GO_BOOLS.get(text) : undefined

const GO_BOOLS: ReadonlyMap<string, boolean> = new Map([
  ...['1', 't', 'T', 'TRUE', 'True'].map((text): [string, boolean] => [text, true]),
  ...['0', 'f', 'F', 'FALSE', 'False'].map((text): [string, boolean] => [text, false]),
])
