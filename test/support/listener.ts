import { systemClock } from '../../src/core/clock.ts'
import type { Log } from '../../src/core/module.ts'
import { createHttpListener, type HttpListener, type HttpListenerOptions } from '../../src/listener/listener.ts'

export interface LogRecorder extends Log {
  readonly lines: { readonly level: 'warn' | 'info'; readonly fields: object; readonly message: string }[]
}
/** A log that can be asked what was written to it. */
export const recordingLog = (): LogRecorder => {
  const lines: LogRecorder['lines'] = []
  return {
    lines,
    warn: (fields, message) => void lines.push({ level: 'warn', fields, message }),
    info: (fields, message) => void lines.push({ level: 'info', fields, message }),
  }
}

export interface TestListener {
  readonly listener: HttpListener
  readonly port: number
  readonly log: LogRecorder
}
/** A listener on a free loopback port; `attach` registers handlers before it listens. */
export const testListener = async (
  attach: (listener: HttpListener) => void,
  options: Partial<HttpListenerOptions> = {},
): Promise<TestListener> => {
  const log = recordingLog()
  const listener = createHttpListener({ host: '127.0.0.1', port: 0, log, clock: systemClock(), ...options })
  attach(listener)
  const { port } = await listener.listen()
  return { listener, port, log }
}

/** Resolves once `holds` is true; looks again after every turn of the loop, and gives up after `turns`. */
export const eventually = async (holds: () => boolean, turns = 2_000): Promise<void> => {
  for (let i = 0; i < turns; i++) {
    if (holds()) return
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  throw new Error(`did not become true: ${holds}`)
}
