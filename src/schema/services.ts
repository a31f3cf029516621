import { fromJSON, type MethodDefinition, type ServiceDefinition } from '@grpc/proto-loader'
import type protobuf from 'protobufjs'
import type { Problem } from '../core/config-error.ts'
import type { MessageType } from '../core/descriptor.ts'
import type { Operation, Place, Shape } from '../core/schema.ts'
import { compileRules, type RawRule } from './http-rule.ts'
import type { Method, Service } from './proto-schema.ts'

/** A service as it was declared, in .proto text or in a descriptor set. Names are full, without a leading dot. */
export interface ServiceSource {
  readonly name: string
  readonly exposed: boolean
  readonly comment: string
  readonly methods: readonly MethodSource[]
}
export interface MethodSource {
  readonly name: string
  readonly input: string
  readonly output: string
  readonly clientStreaming: boolean
  readonly serverStreaming: boolean
  /** Name of the `idempotency_level`: `NO_SIDE_EFFECTS`, `IDEMPOTENT`, `IDEMPOTENCY_UNKNOWN`. */
  readonly idempotency: string
  readonly rule: RawRule | undefined
  readonly place: Place
  readonly comment: string
}

/**
 * Operations and their rules. Path, streaming and idempotency of each method come from @grpc/proto-loader, as every gRPC client
 * of Node sees them. It is given each service alone, over one empty message: it would otherwise build serializers for all types, of
 * which none is used here, and names that it cannot bear would reach it, such as a message of one source that is called like a
 * service of another.
 */
export const compileServices = (
  sources: readonly ServiceSource[],
  type: (name: string) => MessageType | undefined,
): { readonly services: readonly Service[]; readonly problems: readonly Problem[] } => {
  const problems: Problem[] = []
  const services = sources.map((source): Service => {
    const definition = fromJSON(skeleton(source))[source.name] as ServiceDefinition
    const methods = source.methods.flatMap((method): Method[] => {
      const operation = operationOf(definition[method.name]!, method, type)
      const { rules, problems: found } = compileRules(operation.name, method.rule, method.place)
      problems.push(...found)
      return [{ operation, rules, place: method.place, comment: method.comment }]
    })
    return { name: source.name, methods, exposed: source.exposed, comment: source.comment }
  })
  return { services, problems }
}

const operationOf = (
  definition: MethodDefinition<object, object>,
  source: MethodSource,
  type: (name: string) => MessageType | undefined,
): Operation => {
  const input = type(source.input)
  const output = type(source.output)
  if (input === undefined || output === undefined)
    throw new Error(`the types of ${definition.path} were not loaded: ${source.input}, ${source.output}`)
  return {
    name: definition.path.slice(1),
    shape: shapeOf(definition.requestStream, definition.responseStream),
    input,
    output,
    idempotent: IDEMPOTENT.has(String(definition.options?.idempotency_level)),
  }
}

const IDEMPOTENT: ReadonlySet<string> = new Set(['NO_SIDE_EFFECTS', 'IDEMPOTENT'])

const shapeOf = (request: boolean, response: boolean): Shape => {
  if (request) return response ? 'bidi' : 'client_stream'
  return response ? 'server_stream' : 'unary'
}

interface Node {
  nested: Record<string, Node>
  fields?: object
  methods?: Record<string, object>
}
const node = (): Node => ({ nested: Object.create(null) as Record<string, Node> })

const skeleton = (source: ServiceSource): protobuf.INamespace => {
  const root = node()
  const parts = source.name.split('.')
  const type = parts[0] === 'Message' ? 'Empty' : 'Message'
  root.nested[type] = { ...node(), fields: {} }
  const methods: Record<string, object> = Object.create(null)
  for (const method of source.methods)
    methods[method.name] = {
      requestType: `.${type}`,
      responseType: `.${type}`,
      requestStream: method.clientStreaming,
      responseStream: method.serverStreaming,
      parsedOptions: [{ idempotency_level: method.idempotency }],
    }
  let at = root
  for (const part of parts) at = at.nested[part] ??= node()
  at.methods = methods
  return root as protobuf.INamespace
}
