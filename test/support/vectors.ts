import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where the tables stand. */
export const VECTORS = join(import.meta.dirname, '../vectors')
export const readVectors = <T>(name: string): T => JSON.parse(readFileSync(join(VECTORS, name), 'utf8')) as T
