import fc from 'fast-check'
import { type Case, checkLanes, randomCase } from './cases.ts'
import { made } from './choices.ts'
import type { CodecModules } from './lanes.ts'

/** How many schemas one run of the property looks at, with 30 inputs per direction each. */
export const RUNS = 300

/** The compiled lane of these modules is their reference lane. The same property for the project and for what has a planted fault. */
export const laneProperty = (modules: CodecModules): fc.IPropertyWithHooks<[Case]> =>
  fc.property(
    made((choices) => randomCase(choices, 5, 5)),
    (one) => {
      checkLanes(modules, one)
    },
  )
