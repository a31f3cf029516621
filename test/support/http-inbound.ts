import { http } from '../../adapters/inbound/http/index.ts'
import { testClock } from '../../src/core/clock.ts'
import type { RequestHead } from '../../src/core/exchange.ts'
import type { HttpRequest, HttpResponse } from '../../src/core/http.ts'
import type { Inbound, Ingress } from '../../src/core/module.ts'
import { type FakeHttp, type FakeHttpInit, fakeHttp } from './http-io.ts'
import { type LogRecorder, recordingLog } from './listener.ts'

export interface HttpBench {
  readonly inbound: Inbound
  readonly clock: ReturnType<typeof testClock>
  readonly log: LogRecorder
  /** Serves one request; what it is answered with stands in the returned object. */
  serve(init?: FakeHttpInit): FakeHttp
}
/** The inbound adapter `http` on a listener without sockets and with a clock that stands still. */
export const httpBench = (ingress: Ingress): HttpBench => {
  const clock = testClock(1_000_000)
  const log = recordingLog()
  const inbound = http.create({ log, clock })
  let claims: ((head: RequestHead) => boolean) | undefined
  let handle: ((request: HttpRequest, response: HttpResponse) => void) | undefined
  inbound.attach(
    {
      onRequest(claiming, handling) {
        claims = claiming
        handle = handling
      },
      onUpgrade() {
        throw new Error('http takes no upgrades')
      },
    },
    ingress,
  )
  return {
    inbound,
    clock,
    log,
    serve(init) {
      const fake = fakeHttp(init)
      if (claims?.(fake.request.head) !== true) throw new Error('http claims every request')
      handle?.(fake.request, fake.response)
      return fake
    },
  }
}
