import { isDeepStrictEqual } from 'node:util'
import { CodecTable } from '../../../src/codec/codec.ts'
import type { HttpBinding } from '../../../src/core/binding.ts'
import type { FieldType, MessageType, ScalarKind } from '../../../src/core/descriptor.ts'
import { Bytes, type Overlay } from '../../../src/core/message.ts'
import { bindingOf, overlayOf } from '../codec.ts'
import { randomSchema, type Subjects } from './cases.ts'
import type { Choices } from './choices.ts'
import { MODES, sameError } from './lanes.ts'
import { mutateJson, tokensOf } from './mutate.ts'
import { spellField, spellMessage } from './spell.ts'
import { fieldValue, messageValue, scalarValue } from './values.ts'

/** An HTTP binding of a random type, and requests for it. */
export interface BindingCase extends Subjects {
  readonly binding: HttpBinding
  readonly requests: readonly Request[]
}
interface Request {
  readonly body: Buffer
  readonly overlay: Overlay
}

const LEAVES = /^google\.protobuf\.(Timestamp|Duration|FieldMask|\w+Value)$/
const isLeaf = (field: FieldType): boolean =>
  !field.repeated &&
  field.mapKey === undefined &&
  (field.kind !== 'message' || (LEAVES.test(field.message!.name) && !/\.(List)?Value$/.test(field.message!.name)))

/** Dotted paths of fields that a path variable may bind. */
const leafPaths = (type: MessageType, depth: number): string[] =>
  type.fields
    .filter(({ name }) => !name.startsWith('[') && !name.includes('.'))
    .flatMap((field) => {
      if (isLeaf(field)) return [field.name]
      const inside = field.kind === 'message' && !field.repeated && field.mapKey === undefined && depth > 0
      if (!inside || field.message!.name.startsWith('google.')) return []
      return leafPaths(field.message!, depth - 1).map((path) => `${field.name}.${path}`)
    })

const TEXTS = [
  '1',
  '-1',
  'true',
  'E0_V0',
  'a',
  '',
  '1e2',
  '1.5s',
  '2024-02-29T10:00:00Z',
  'NaN',
  'QUI=',
  'a,b',
  '%zz',
  '€',
]
const leafText = (field: FieldType | undefined, choices: Choices): string => {
  if (field === undefined || choices.oneIn(6)) return choices.pick(TEXTS)
  if (field.kind === 'enum') return choices.pick([...field.enum!.numbers.keys(), '0', '1', '-1'])
  if (field.kind === 'message') {
    const [first] = field.message!.fields
    return field.message!.fields.length === 1 && first!.kind !== 'message' && !first!.repeated
      ? leafText(first, choices)
      : choices.pick(['2024-02-29T10:00:00.5Z', '1.5s', '-3s', 'a.b,cD', '1970-01-01T00:00:00+01:00'])
  }
  const value = scalarValue(field.kind as ScalarKind, choices)
  return value instanceof Uint8Array ? Buffer.from(value).toString(choices.pick(['base64', 'base64url'])) : `${value}`
}
const encoded = (text: string, choices: Choices): string => {
  const escaped = text.isWellFormed() ? encodeURIComponent(text) : ''
  return choices.oneIn(8) ? escaped.replaceAll('%20', '+') : choices.oneIn(20) ? `${escaped}%` : escaped
}

export const randomBindingCase = (choices: Choices, requests: number): BindingCase => {
  const subjects = randomSchema(choices)
  const { type } = subjects
  const paths = leafPaths(type, 2)
  const variables = choices
    .shuffled(paths)
    .slice(0, choices.below(3))
    .map((path) => (choices.oneIn(4) ? `${path}=**` : path))
  const plain = type.fields.filter(({ name }) => !name.startsWith('['))
  const body = plain.length === 0 || choices.oneIn(3) ? '*' : choices.oneIn(4) ? '' : choices.pick(plain).name
  const masks = plain.filter((field) => field.message?.name === 'google.protobuf.FieldMask' && isLeaf(field))
  const binding = bindingOf(type, {
    variables,
    body,
    ...(masks.length > 0 && choices.oneIn(2) ? { updateMask: masks[0]!.name } : {}),
    streamed: choices.oneIn(6),
    unknownQuery: choices.pick(['reject', 'ignore']),
    ignoreUnknown: choices.oneIn(6),
    compat: {
      unescape: choices.pick(['spec', 'keep-reserved', 'all']),
      queryForms: choices.oneIn(4),
      conflict: choices.pick(['reject', 'reject', 'path', 'body']),
    },
  })
  return {
    ...subjects,
    binding,
    requests: Array.from({ length: requests }, () => randomRequest(subjects, binding, paths, choices)),
  }
}

const randomRequest = (
  { type, find }: Subjects,
  binding: HttpBinding,
  paths: readonly string[],
  choices: Choices,
): Request => {
  const params = binding.variables.map(({ path }) => encoded(leafText(path.at(-1), choices), choices))
  const query = Array.from({ length: choices.below(4) }, () => {
    const path = paths.length === 0 || choices.oneIn(8) ? choices.pick(['zz', 'zz.a', '']) : choices.pick(paths)
    return `${encoded(path, choices)}=${encoded(leafText(fieldAt(type, path), choices), choices)}`
  }).join(choices.oneIn(9) ? '&&' : '&')
  const overlay = overlayOf(binding, { params, query: choices.oneIn(3) ? '' : query, whole: choices.oneIn(6) })
  return { body: randomBody(type, binding, overlay, choices, find), overlay }
}
const fieldAt = (type: MessageType, path: string): FieldType | undefined => {
  let at: MessageType | undefined = type
  let field: FieldType | undefined
  for (const name of path.split('.')) {
    field = at?.field(name)
    at = field?.message
  }
  return field
}

const randomBody = (
  type: MessageType,
  binding: HttpBinding,
  overlay: Overlay,
  choices: Choices,
  find: Subjects['find'],
): Buffer => {
  if (choices.oneIn(8)) return Buffer.alloc(0)
  const whole = binding.body === '*' || overlay.whole === true || (binding.body === '' && binding.streamed)
  let text: string
  if (whole) {
    const value = messageValue(type, choices, find)
    // Mostly without what the path binds: the rest is about conflicts.
    if (!choices.oneIn(4)) for (const { path } of binding.variables) delete value[path[0]!.jsonName]
    text = spellMessage(type, value, choices, find)
  } else if (binding.bodyField === undefined) return Buffer.from(choices.oneIn(4) ? '{}' : '')
  else text = spellField(binding.bodyField, fieldValue(binding.bodyField, choices, find), choices, find)
  const bytes = Buffer.from(text)
  return choices.oneIn(4) ? mutateJson(bytes, tokensOf(bytes), choices) : bytes
}

/** The compiled lane makes of each request what the reference lane makes of it: throws where it does not. */
export const checkBinding = ({ schema, type, find, binding, requests }: BindingCase): void => {
  const lane = (compiled: false | (typeof MODES)[number]) => {
    const table = new CodecTable(find, { compiled })
    const run = table.transcoder(type, table.codec('json'), table.codec('proto'), binding)
    return ({ body, overlay }: Request): Buffer | Error => {
      const out = new Bytes(16)
      try {
        run(body, out, overlay)
        return out.take()
      } catch (thrown) {
        return thrown as Error
      }
    }
  }
  const reference = lane(false)
  const proto = new CodecTable(find, { compiled: false }).codec('proto')
  const decoded = (bytes: Buffer): unknown => proto.decode(type, bytes)
  for (const mode of MODES) {
    const compiled = lane(mode)
    for (const request of requests) {
      const [ours, theirs] = [compiled(request), reference(request)]
      const same =
        ours instanceof Error || theirs instanceof Error
          ? sameError(ours, theirs)
          : ours.equals(theirs) || isDeepStrictEqual(decoded(ours), decoded(theirs))
      if (same) continue
      const show = (outcome: Buffer | Error): string =>
        outcome instanceof Error ? `${outcome}` : outcome.toString('hex')
      const { variables, ...rest } = binding
      const names = variables.map(({ path, multi }) => `${path.map(({ name }) => name).join('.')}${multi ? '=**' : ''}`)
      const { params, query, whole } = request.overlay
      throw new Error(
        `${mode}: ${show(ours)} instead of ${show(theirs)}\nbody ${request.body}\nvariables ${names} ` +
          `${JSON.stringify({ ...rest, bodyField: undefined, updateMask: rest.updateMask?.name })}\n` +
          `${JSON.stringify({ params, query, whole })}\n${schema}`,
      )
    }
  }
}
