import type { FileRegistry } from '@bufbuild/protobuf'
import type { Difference } from '../classes/difference.ts'
import { GROUPS } from '../classes/index.ts'
import { type Compared, PEERS, type PeerName } from '../compared.ts'
import { answerLine, outcomeLine, requestLine } from './answers.ts'

export interface Report {
  readonly seed: number
  readonly versions: { readonly envoy: string; readonly grpcGateway: string }
  readonly compared: readonly Compared[]
  readonly registry: FileRegistry
}

/** docs/differences.md. The same seed and versions give the same text. */
export const writeReport = (report: Report): string =>
  [
    ...head(report),
    ...features(report.compared),
    ...GROUPS.flatMap(([title, list]) => group(title, list, report)),
  ].join('\n')

const head = ({ seed, versions, compared }: Report): string[] => [
  '# Differences from Envoy and grpc-gateway',
  '',
  '<!-- Made by `npm run differences`. Do not edit: change test/differences and run it. -->',
  '',
  `Protogate beside Envoy ${versions.envoy} (\`grpc_json_transcoder\`) and grpc-gateway ${versions.grpcGateway}, all live, with the same`,
  '`google.api.http` rules in front of a backend that keeps every byte it gets. ' +
    `${compared.length} generated requests (seed ${seed}) went to each.`,
  'Two gateways agree on one when they give the same HTTP status, the same request message (or none) to the backend, and the same answer:',
  'JSON by its meaning, other bodies byte by byte, and the same media type. Texts of their own refusals are not compared.',
  '',
  'Each disagreement belongs to one class below, by rules in `test/differences/classes`; the command fails on one that no class explains, on',
  'a class that no request showed, and on a switch of Protogate that does not do what is said here. Which answer is right is told by the',
  'source that says so; a **Choice** is ours where no source decides, with its reason in [semantics.md](semantics.md).',
  '',
  '## Settings',
  '',
  'The peers are set to what Protogate does by default, where they can be:',
  '',
  '| Set here | Default of the peer | In Protogate |',
  '|---|---|---|',
  '| Envoy `url_unescape_spec: ALL_CHARACTERS_EXCEPT_SLASH` | reserved characters stay escaped in variables of several segments | `compat.unescape: "keep-reserved"` |',
  '| Envoy `query_param_unescape_plus: true` | `+` in the query is a plus | none |',
  '| Envoy `reject_unknown_method`, `reject_unknown_query_parameters` | such requests go to the backend as they are | none; `unknownQuery: "ignore"` |',
  '| Envoy `reject_binding_body_field_collisions` | the body wins over the path | `compat.conflict: "body"` |',
  '| Envoy `convert_grpc_status` | a failure has no body | none |',
  '| Envoy `stream_newline_delimited` | a stream is one JSON array | `stream: "array"` |',
  '| grpc-gateway `EmitUnpopulated: false` | unset fields are printed | `json.emitDefaults` |',
  '| grpc-gateway `DiscardUnknown: false` | unknown members are passed over | `json.ignoreUnknown` |',
  '| grpc-gateway `UnescapingModeAllExceptSlash` | the path is decoded before it is matched | `compat.unescape: "all"` is the nearest |',
  '',
]

const features = (compared: readonly Compared[]): string[] => {
  const names = [...new Set(compared.map(({ pair }) => pair.feature))]
  const rows = names.map((name) => {
    const own = compared.filter(({ pair }) => pair.feature === name)
    const cells = PEERS.flatMap((peer) => [agreeing(own, peer), crashing(own, peer)])
    return `| ${name} | ${own.length} | ${cells.join(' | ')} |`
  })
  const totals = PEERS.flatMap((peer) => [agreeing(compared, peer), crashing(compared, peer)])
  return [
    '## Features',
    '',
    '| Feature | Requests | Envoy agrees | Envoy crashes | grpc-gateway agrees | grpc-gateway crashes |',
    '|---|---|---|---|---|---|',
    ...rows,
    `| **all** | ${compared.length} | ${totals.join(' | ')} |`,
    '',
  ]
}

const agreeing = (compared: readonly Compared[], peer: PeerName): number =>
  compared.filter(({ disagreements }) => disagreements[peer] === undefined).length
const crashing = (compared: readonly Compared[], peer: PeerName): number =>
  compared.filter(({ theirs }) => theirs[peer].end === 'crash').length

const group = (title: string, differences: readonly Difference[], report: Report): string[] => [
  `## ${title}`,
  '',
  ...differences.flatMap((difference) => entry(difference, report)),
]

const entry = (difference: Difference, { compared, registry }: Report): string[] => {
  const shown = PEERS.map(
    (peer) => [peer, compared.filter((one) => one.disagreements[peer]?.class === difference)] as const,
  )
  const counts = shown.filter(([, list]) => list.length > 0).map(([peer, list]) => `${peer} ${list.length}`)
  const one = exampleOf(difference, compared)
  if (one === undefined) throw new Error(`no request showed the class "${difference.id}"`)
  const answer = answerLine(registry, one.pair, one.ours.called ?? one.pair.rpc)
  return [
    `### ${difference.id}`,
    '',
    difference.what,
    '',
    '```',
    `              ${requestLine(one.pair)}`,
    ...(answer === undefined ? [] : [`backend       ${answer}`]),
    `Protogate     ${outcomeLine(one.ours)}`,
    ...PEERS.map((peer) => `${peer.padEnd(13)} ${outcomeLine(one.theirs[peer])}`),
    '```',
    '',
    `- Requests: ${counts.join(', ')}.`,
    `- Right: ${RIGHT[difference.right]}: ${difference.source}.`,
    `- Our switch: ${difference.switch?.say ?? 'none'}.`,
    '',
  ]
}

const RIGHT: Readonly<Record<Difference['right'], string>> = {
  Protogate: 'Protogate',
  Envoy: 'Envoy',
  'grpc-gateway': 'grpc-gateway',
  both: 'either',
  open: 'undecided',
}

/** The shortest of those that show it best, in most peers. */
export const exampleOf = (difference: Difference, compared: readonly Compared[]): Compared | undefined => {
  const peersIn = (one: Compared): number =>
    PEERS.filter((peer) => one.disagreements[peer]?.class === difference).length
  const rank = (one: Compared): number => (difference.example?.test(one.pair.tag) === true ? 10 : 0) + peersIn(one)
  const length = ({ pair }: Compared): number => pair.target.length + (pair.body?.length ?? 0)
  return compared
    .filter((one) => peersIn(one) > 0)
    .reduce<Compared | undefined>((best, one) => {
      if (best === undefined || rank(one) > rank(best)) return one
      return rank(one) === rank(best) && length(one) < length(best) ? one : best
    }, undefined)
}
