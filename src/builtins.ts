import type { Module } from './core/module.ts'
import { roundRobin } from './upstream/balancers.ts'

/** The built-in policies, balancers and discoveries: one line each. */
export const builtins: readonly Module[] = [roundRobin]
