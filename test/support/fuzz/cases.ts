import type { MessageType } from '../../../src/core/descriptor.ts'
import type { JsonOptions } from '../../../src/core/schema.ts'
import { typesOf } from '../codec.ts'
import { bufbuildOracle, ownOracle, protobufjsOracle } from '../oracles.ts'
import type { Choices } from './choices.ts'
import { type Direction, differences, explained, type Panel } from './foreign.ts'
import { type CodecModules, Subject } from './lanes.ts'
import { mutateJson, mutateWire, tokensOf } from './mutate.ts'
import { schemaText } from './schema.ts'
import { spellMessage } from './spell.ts'
import { ANY_TYPES, type FindType, messageValue } from './values.ts'
import { wireMessage } from './wire.ts'

/** A schema with options of the printer, and inputs for both directions. */
export interface Case {
  readonly schema: string
  readonly type: MessageType
  readonly find: FindType
  readonly options: JsonOptions
  readonly inputs: readonly Input[]
}
export interface Input {
  readonly direction: Direction
  readonly bytes: Buffer
}

/** A schema and its types. */
export interface Subjects {
  readonly schema: string
  readonly type: MessageType
  readonly find: FindType
}
export const randomSchema = (choices: Choices): Subjects => {
  const schema = schemaText(choices)
  const { find, type } = typesOf(schema)
  return { schema, type: type('fz.M0'), find }
}

/** Options of the printer. Most often none, because everything else builds on that. */
export const randomOptions = (type: MessageType, choices: Choices): JsonOptions => {
  if (!choices.oneIn(3)) return {}
  const on = (): boolean => choices.oneIn(2)
  const field = type.fields.length > 0 && choices.oneIn(3) ? { field: choices.pick(type.fields).name } : {}
  return { emitDefaults: on(), protoNames: on(), enumNumbers: on(), int64Numbers: on(), ...field }
}

/** One message in a random spelling for each direction: the right inputs that others are made of. */
export const randomBase = (
  { type, find }: Pick<Subjects, 'type' | 'find'>,
  choices: Choices,
): { json: Buffer; wire: Buffer } => {
  for (;;) {
    const value = messageValue(type, choices, find)
    const json = Buffer.from(spellMessage(type, value, choices, find))
    const wire = wireMessage(type, value, choices, find)
    // What is large teaches little more, and takes as long as hundreds of others.
    if (json.length + wire.length < LARGE || choices.oneIn(50)) return { json, wire }
  }
}
const LARGE = 20_000

/** `messages` messages, each right and `mutants` times mutated. */
export const randomCase = (choices: Choices, messages: number, mutants: number): Case => {
  const subjects = randomSchema(choices)
  const inputs: Input[] = []
  for (let i = 0; i < messages; i++) {
    const { json, wire } = randomBase(subjects, choices)
    const tokens = tokensOf(json)
    inputs.push({ direction: 'JSON to wire', bytes: json }, { direction: 'wire to JSON', bytes: wire })
    for (let k = 0; k < mutants; k++)
      inputs.push(
        { direction: 'JSON to wire', bytes: mutateJson(json, tokens, choices) },
        { direction: 'wire to JSON', bytes: mutateWire(wire, choices) },
      )
  }
  return { ...subjects, options: randomOptions(subjects.type, choices), inputs }
}

const shown = ({ direction, bytes }: Input): string =>
  direction === 'JSON to wire' ? `${bytes.toString('hex')} ${bytes}` : bytes.toString('hex')

/** The compiled lane is the reference lane: throws on the first input where it is not. */
export const checkLanes = (modules: CodecModules, { schema, type, find, options, inputs }: Case): Subject => {
  const subject = new Subject(modules, type, find, options)
  for (const input of inputs) {
    const problem = subject.problem(input.direction, input.bytes, true)
    if (problem !== undefined)
      throw new Error(`${problem}\noptions ${JSON.stringify(options)}\ninput ${shown(input)}\n${schema}`)
  }
  return subject
}

export const panelOf = ({ schema, type, find }: Subjects): Panel => {
  const more = ANY_TYPES.map(find).filter((one) => one !== undefined)
  return {
    type,
    find,
    reference: ownOracle(type, find, false),
    others: [protobufjsOracle(type, [schema]), bufbuildOracle(type, more)],
  }
}

/** The reference lane is what the foreign ones are, but for what is listed: throws on the first difference that is not. */
export const checkForeign = (panel: Panel, schema: string, input: Input): string[] => {
  const used: string[] = []
  for (const difference of differences(panel, input.direction, input.bytes)) {
    const names = explained(difference)
    if (names === undefined) {
      const { who, ours, theirs, facts, leaves } = difference
      throw new Error(
        `${who} differs: ours ${ours}\ntheirs ${theirs}\n${[...facts].join(', ')} ${JSON.stringify(leaves)}\ninput ${shown(input)}\n${schema}`,
      )
    }
    used.push(...names.map(({ name }) => `${difference.who}: ${name}`))
  }
  return used
}
