/** How the compiled lane is made: as program text, or as closures where `new Function` is forbidden. Both behave alike. */
export type Mode = 'generate' | 'closures'

/**
 * Where the compiled lane writes before it hands its bytes to a ByteWriter: one place for the whole thread, so that generated code
 * can have it as a constant. Nothing in it outlives the call that wrote it, and no call may start while another is at work.
 * Memory that no message has needed yet is not resident.
 */
export const SCRATCH: Buffer = Buffer.allocUnsafeSlow(8 * 1024 * 1024)
export const VIEW: DataView = new DataView(SCRATCH.buffer, SCRATCH.byteOffset, SCRATCH.length)

/** Below this position there is always room for a few keys, numbers and brackets; strings and the like ask for more. */
export const LIMIT: number = SCRATCH.length - 64 * 1024

let generates: boolean | undefined

/** Whether program text may be compiled here: not under `--disallow-code-generation-from-strings`. */
export const canGenerate = (): boolean => {
  if (generates === undefined) {
    try {
      generates = new Function('return true')() === true
    } catch {
      generates = false
    }
  }
  return generates
}
