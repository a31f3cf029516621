import { http } from '../../adapters/inbound/http/index.ts'
import { systemClock } from '../../src/core/clock.ts'
import type { Handler } from '../../src/core/handler.ts'
import type { Inbound } from '../../src/core/module.ts'
import type { HttpListenerOptions } from '../../src/listener/listener.ts'
import { type CaseOptions, caseIngress } from './http-cases.ts'
import type { TestIngress } from './ingress.ts'
import { recordingLog, type TestListener, testListener } from './listener.ts'

export interface HttpServer extends TestListener {
  readonly url: string
  readonly ingress: TestIngress
  readonly inbound: Inbound
  stop(): Promise<void>
}
/** The routes of http-cases.proto on a real socket, without upstreams: `handlers` as in `caseIngress`. */
export const httpServer = async (
  handlers: Readonly<Record<string, Handler>>,
  options: CaseOptions = {},
  listening: Partial<HttpListenerOptions> = {},
): Promise<HttpServer> => {
  const ingress = caseIngress(handlers, options)
  const inbound = http.create({ log: recordingLog(), clock: systemClock() })
  const served = await testListener((listener) => inbound.attach(listener, ingress), listening)
  return { ...served, url: `http://127.0.0.1:${served.port}`, ingress, inbound, stop: () => served.listener.stop() }
}
