import { codeName } from '../core/status.ts'

/** What a label says in place of a word that came from outside or is one too many, so that the number of series is bounded. */
export const OTHER = '_OTHER'

const BEYOND = 17
/** A gRPC code for counting: a backend may send any number, those outside the table are one. */
export const boundedCode = (code: number): number => (code >= 0 && code < BEYOND ? code : BEYOND)
/** Its name: `NOT_FOUND`. */
export const codeLabel = (bounded: number): string => (bounded === BEYOND ? OTHER : codeName(bounded))
