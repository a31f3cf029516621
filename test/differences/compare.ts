import type { Outcome, Pair, Shape } from './model.ts'

/** Where two outcomes part ways, undefined when they agree. Texts of the gateways' own refusals are not compared, only their status. */
export const compare = (pair: Pair, ours: Outcome, theirs: Outcome): Shape | undefined => {
  if (theirs.end === 'crash') return 'crash'
  if (theirs.end === 'no-rule') return 'no-rule'
  if (ours.called === undefined && theirs.called === undefined)
    return ours.status === theirs.status && ours.end === theirs.end ? undefined : 'refusal'
  if (ours.called === undefined) return 'ours-refuses'
  if (theirs.called === undefined) return 'theirs-refuses'
  if (ours.called !== theirs.called) return 'method'
  if (ours.received !== theirs.received) return 'message'
  if (ours.end !== theirs.end) return 'end'
  if (ours.status !== theirs.status) return 'status'
  // A failure of the reply itself is told in each gateway's own words.
  if (ours.status >= 500 && (pair.answer?.code ?? 0) === 0) return undefined
  if (!ours.body.equals(theirs.body) && comparable(ours) !== comparable(theirs)) return 'body'
  return ours.body.length > 0 && ours.type !== theirs.type ? 'type' : undefined
}

/** google.rpc.Status with `details: []` is the one without; no other message here has such a field. */
const comparable = ({ answered }: Outcome): string => answered.replaceAll('"details":[],', '')
