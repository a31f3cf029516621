import type { FileRegistry } from '@bufbuild/protobuf'
import { dumpMessage } from './dump.ts'
import type { Outcome, Pair } from './model.ts'
import type { Peer } from './peers/peer.ts'

let requests = 0

/** Sends a pair to one gateway and tells what it and its backend saw. */
export const observe = async (peer: Peer, pair: Pair, registry: FileRegistry): Promise<Outcome> => {
  peer.backend.calls = []
  peer.backend.answer = pair.answer ?? {}
  const id = String(++requests)
  peer.backend.pair = id
  const answer = await peer.send({ ...pair, headers: [...pair.headers, ['X-Pair', id]] })
  const call = peer.backend.calls[0]
  const type = (answer.headers.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase()
  return {
    peer: peer.name,
    end: answer.crashed ? 'crash' : answer.outcome,
    status: answer.status,
    headers: answer.headers,
    type,
    body: answer.body,
    called: call?.path,
    received: call === undefined ? '' : received(registry, call.path, call.messages),
    answered: canonicalBody(type, answer.body),
  }
}

/** What stands for a gateway that refuses to load the rule. */
export const noRule = (peer: string, why: string): Outcome => ({
  peer,
  end: 'no-rule',
  status: 0,
  headers: new Map(),
  type: '',
  body: Buffer.from(why),
  called: undefined,
  received: '',
  answered: '',
})

const received = (registry: FileRegistry, path: string, messages: readonly Buffer[]): string => {
  const [, service = '', name = ''] = path.split('/')
  const method = registry.getService(service)?.methods.find((one) => one.name === name)
  if (method === undefined) return `<no such method: ${path}>`
  return messages.map((message) => dumpMessage(registry, method.input.typeName, message)).join(' ')
}

const JSON_TYPE = /^(?:application\/json|application\/(?:x-)?ndjson|[^/]+\/[^/]*\+json)$/

const canonicalBody = (type: string, body: Buffer): string => {
  if (!JSON_TYPE.test(type)) return body.length === 0 ? '' : JSON.stringify(body.toString('latin1'))
  const lines = body.toString('utf8').split('\n')
  if (lines.at(-1) === '') lines.pop()
  const whole = parsed(body.toString('utf8'))
  return whole ?? lines.map((line) => parsed(line) ?? `<not JSON: ${line}>`).join('\n')
}

const parsed = (text: string): string | undefined => {
  try {
    return canonicalJson(JSON.parse(text))
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** JSON text with sorted members. */
export const canonicalJson = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : JSON.stringify(value)
  const members = Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}:${canonicalJson(one)}`)
  return `{${members.sort().join(',')}}`
}
