import type { Disagreement } from './entry.ts'
import { JSON_DISAGREEMENTS } from './json.ts'
import { WIRE_DISAGREEMENTS } from './wire.ts'

/** Every known disagreement. One that is not in here fails the tests, and so does one whose example no longer shows it. */
export const DISAGREEMENTS: readonly Disagreement[] = [...JSON_DISAGREEMENTS, ...WIRE_DISAGREEMENTS]
