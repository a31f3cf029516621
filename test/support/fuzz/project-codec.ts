/** The codec of the project, in the form in which `loadCodec` loads a copy of it. */
export { CodecTable } from '../../../src/codec/codec.ts'
export { makeParse } from '../../../src/codec/compile/parse/index.ts'
export { makePrint } from '../../../src/codec/compile/print/index.ts'
export { planOf } from '../../../src/codec/plan.ts'
