import { z } from 'zod'
import { duration, size } from './units.ts'

const path = z.string().startsWith('/', { error: 'expected a path that starts with "/"' })
const dictionary = (description: string) => z.record(z.string(), z.string()).describe(description)

const match = {
  service: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Every method of this service, by its google.api.http rules or as POST /package.Service/Method. "*": every service that no other route names',
    ),
  path: path
    .optional()
    .describe(
      'Path template of one route; in front of a proxy, redirect or respond a final "/*" means everything below',
    ),
  method: z
    .string()
    .regex(/^(?:\*|[A-Z][A-Z0-9_-]*)$/, { error: 'expected an HTTP method in capitals, or "*"' })
    .optional()
    .describe(
      'HTTP method of a path route, or "*". Default: every method in front of a proxy, redirect or respond, POST for an RPC',
    ),
  host: z
    .string()
    .min(1)
    .optional()
    .describe('Host that the request must name: exact, or "*.example.com" for all its subdomains'),
  headers: dictionary('Headers that the request must have, with their exact values').optional(),
  query: dictionary('Query keys that the request must have, with their exact values').optional(),
  prefix: path.optional().describe('Put before every path of a service'),
  ws: z.boolean().default(false).describe('The route is a WebSocket upgrade'),
}

const redirect = z.union([
  z.string().min(1),
  z.strictObject({
    location: z.string().min(1).describe('Where to: a path or a URL'),
    status: z
      .union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)])
      .default(308)
      .describe('HTTP status'),
  }),
])
const respond = z.strictObject({
  status: z.int().min(200).max(599).default(200).describe('HTTP status'),
  headers: z.record(z.string(), z.string()).default({}).describe('Headers of the answer'),
  body: z.unknown().optional().describe('Body of the answer: text is sent as it is, anything else as JSON'),
})
const target = {
  rpc: z
    .string()
    .regex(/^[^/]+\/[^/]+$/, { error: 'expected "package.Service/Method"' })
    .optional()
    .describe('Method that is called: "package.Service/Method"'),
  to: z
    .union([z.string().min(1), z.record(z.string(), z.int().min(0).max(1_000_000))])
    .optional()
    .describe('Upstream, or upstreams with their weights: { "v1": 95, "v2": 5 }'),
  mock: z
    .strictObject({
      seed: z
        .int()
        .min(0)
        .max(0xffffffff)
        .default(0)
        .describe('Other seeds give other answers; the same one always the same'),
    })
    .optional()
    .describe('Answers made up from the schema, in place of a backend'),
  redirect: redirect.optional().describe('Answers with a redirect'),
  respond: respond.optional().describe('Answers by itself'),
}

const json = z
  .strictObject({
    emitDefaults: z.boolean().default(false).describe('Replies have unset fields with their default values'),
    protoNames: z
      .boolean()
      .default(false)
      .describe('Replies have the field names of the .proto in place of lowerCamelCase'),
    enumNumbers: z.boolean().default(false).describe('Replies have enum values as numbers'),
    int64Numbers: z.boolean().default(false).describe('Replies have 64-bit integers as numbers where they are exact'),
    ignoreUnknown: z.boolean().default(false).describe('Requests may have members that are no field'),
  })
  .prefault({})
const compat = z
  .strictObject({
    template: z.enum(['strict', 'lenient']).default('strict').describe('How path templates are read'),
    unescape: z
      .enum(['spec', 'keep-reserved', 'all'])
      .default('spec')
      .describe('What percent-decoding of path variables leaves encoded'),
    trailingSlash: z.boolean().default(false).describe('"/a/" is served as "/a"'),
    queryForms: z
      .boolean()
      .default(false)
      .describe('Query forms of grpc-gateway: m[key]=value, JSON text, 1/t/T for true, Go durations'),
    streamEnvelope: z.boolean().default(false).describe('NDJSON lines are { "result": … } and { "error": … }'),
    conflict: z
      .enum(['reject', 'path', 'body'])
      .default('reject')
      .describe(
        'When path, query and body feed one field: "reject" refuses, unless path and body agree; "path": the path wins, then the body, then the query; "body": the body wins over the path, as in Envoy. That is dangerous where a policy or a proxy decides by the path',
      ),
  })
  .prefault({})

const shaping = {
  stripPrefix: path.optional().describe('Taken from the front of the path that a proxy asks for'),
  rewrite: path
    .optional()
    .describe('Path that a proxy asks for: {name} is a variable of the path, a final "/*" the rest of it'),
  set: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('Fields of the request message that the route fixes, by field path'),
  body: z
    .string()
    .optional()
    .describe(
      'Field of the request message that the body feeds, "*" for the whole message, "" for none. Default: "*", but "" for GET, HEAD, DELETE and WebSocket',
    ),
  responseBody: z.string().optional().describe('Field of the reply that is sent, "" for the whole message'),
  json: json.describe('JSON form of requests and replies'),
  unknownQuery: z
    .union([
      z.enum(['reject', 'ignore']),
      z.strictObject({ capture: z.string().min(1).describe('Map field that takes the key and its value') }),
    ])
    .default('reject')
    .describe('What happens to a query key that names no field'),
  compat: compat.describe('Deviations from the rules'),
  stream: z
    .enum(['ndjson', 'array', 'sse'])
    .default('ndjson')
    .describe('Form of a server stream when Accept does not decide'),
  forward: z
    .strictObject({
      request: z.array(z.string()).default([]).describe('Headers that become metadata, beside those that always do'),
      response: z
        .array(z.string())
        .default([])
        .describe('Metadata of replies that become headers, beside those that always do'),
    })
    .prefault({})
    .describe('Headers that pass to and from an RPC'),
}

/** One member of `routes`. Which keys go together is checked by `rules.ts`. */
export const routeSchema = (policies: z.ZodType<readonly Readonly<Record<string, unknown>>[]>) =>
  z
    .strictObject({
      name: z
        .string()
        .min(1)
        .optional()
        .describe('Id of the route in logs and metrics. Default: made from what it matches'),
      ...match,
      ...target,
      ...shaping,
      timeout: duration({ none: true })
        .optional()
        .describe('Longest time of a call, "none" for no limit. Default: "limits.timeout" for unary, none for streams'),
      limits: z
        .strictObject({
          body: size({ none: true }).optional().describe('Largest body of a request'),
          message: size({ none: true }).optional().describe('Largest message, in both directions'),
          idle: duration({ none: true }).optional().describe('Longest silence of a stream or of a proxied body'),
        })
        .prefault({})
        .describe('Limits of this route, in place of the general ones'),
      policies: policies.default([]).describe('Policies of this route, outermost first'),
    })
    .meta({ title: 'route', oneOf: [{ required: ['service'] }, { required: ['path'] }] })
