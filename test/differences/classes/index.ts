import type { Disagreement } from '../model.ts'
import { type Difference, fits } from './difference.ts'
import { JSON_STRUCTURE } from './json.ts'
import { PATHS } from './paths.ts'
import { REPLIES } from './replies.ts'
import { REQUESTS } from './requests.ts'
import { VALUES } from './values.ts'

/** The groups in the order of the report. */
export const GROUPS: readonly (readonly [title: string, differences: readonly Difference[]])[] = [
  ['Paths and methods', PATHS],
  ['Values', VALUES],
  ['Requests', REQUESTS],
  ['JSON', JSON_STRUCTURE],
  ['Replies', REPLIES],
]

export const DIFFERENCES: readonly Difference[] = GROUPS.flatMap(([, differences]) => differences)

/** The class of a disagreement: the first that fits; undefined: none explains it. */
export const classify = (
  disagreement: Disagreement,
  differences: readonly Difference[] = DIFFERENCES,
): Difference | undefined => differences.find((difference) => fits(difference, disagreement))
