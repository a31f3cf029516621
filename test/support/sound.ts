import { expect } from 'vitest'
import type { ConfigInput } from '../../src/index.ts'
import { startGateway } from './gateway.ts'
import { BACKEND_PROTO, type GrpcBackend, startGrpcBackend } from './grpc-backend.ts'
import type { Answer } from './http-client.ts'
import { type Relay, startRelay } from './relay.ts'
import type { WsClient } from './ws-client.ts'

/** A whole gateway before a real backend, `test.v1.Backend`, and the ways to ask whether it is still sound. */
export interface Stage {
  readonly url: string
  readonly ws: string
  readonly port: number
  readonly admin: string
  readonly backend: GrpcBackend
  /** What the gateway reaches the backend through. */
  readonly relay: Relay
  /** What was logged: one object a line. */
  readonly lines: Record<string, unknown>[]
  /** Another call is answered, and no call is open: neither as the gateway counts them nor as the backend does. */
  expectSound(): Promise<void>
  stop(): Promise<void>
}

/** `upstream`: settings of the upstream that is the backend. */
export const startStage = async (
  config: Omit<ConfigInput, 'listeners' | 'admin' | 'schemas'> = {},
  upstream: NonNullable<ConfigInput['upstreams']>[string] = {},
): Promise<Stage> => {
  const backend = await startGrpcBackend()
  const relay = await startRelay(backend.port)
  const running = await startGateway({
    schemas: [BACKEND_PROTO],
    ...config,
    upstreams: { ...config.upstreams, backend: { ...upstream, endpoints: [`grpc://127.0.0.1:${relay.port}`] } },
    routes: [{ service: 'test.v1.Backend', to: 'backend' }, ...(config.routes ?? [])],
  })
  const openExchanges = async (): Promise<number> => {
    const text = await (await fetch(`${running.admin}/metrics`)).text()
    const counts = [...text.matchAll(/^protogate_open_exchanges\{[^}]*\} (\d+)$/gm)]
    return counts.reduce((sum, [, count]) => sum + Number(count), 0)
  }
  return {
    url: running.url,
    ws: running.ws,
    port: Number(new URL(running.url).port),
    admin: running.admin,
    backend,
    relay,
    lines: running.lines,
    async expectSound() {
      const response = await fetch(`${running.url}/v1/say/sound`)
      expect([response.status, ((await response.json()) as { text: string }).text]).toEqual([200, 'sound'])
      let open = await openExchanges()
      for (let i = 0; i < 200 && (open > 0 || backend.open > 0); i++) {
        await new Promise((resolve) => setTimeout(resolve, 20))
        open = await openExchanges()
      }
      expect({ gateway: open, backend: backend.open }).toEqual({ gateway: 0, backend: 0 })
      expect(running.lines.filter(({ level }) => level === 'error')).toEqual([])
    },
    async stop() {
      await running.stop()
      await relay.stop()
      await backend.stop()
    },
  }
}

/** Stacks, files, and addresses of what is behind the gateway. */
const INSIDE = [
  /\n\s+at /,
  /node:|node_modules|\.[mc]?[jt]s\b/,
  /\/(?:src|adapters|tmp|home|work|usr)\//,
  /127\.0\.0\.1|::1|\bE[A-Z]{5,}\b/,
]
/** Nothing in `text` tells how the gateway is built or what is behind it. */
export const expectNothingInside = (text: string): void => {
  for (const pattern of INSIDE) expect(text).not.toMatch(pattern)
}

export interface Refusal {
  readonly status: number
  readonly code: number
  readonly reason: string | undefined
  readonly message: string
}
/** The error of an HTTP answer. Fails when the body is none, or tells what is inside. */
export const refusalOf = ({ status, headers, text }: Pick<Answer, 'status' | 'headers' | 'text'>): Refusal => {
  expect(headers['content-type']).toBe('application/json')
  expectNothingInside(text)
  return { status, ...errorOf(JSON.parse(text) as Shown) }
}
/** The error that a socket was told in its last frame, with the close code as `status`. */
export const socketRefusal = async (client: WsClient): Promise<Refusal> => {
  const closed = await client.closed
  const { status } = client.result
  if (status === undefined) return { status: closed?.code ?? 0, code: 0, reason: closed?.reason, message: '' }
  expectNothingInside(JSON.stringify(status))
  return { status: closed?.code ?? 0, ...errorOf(status as Shown) }
}

interface Shown {
  readonly code: number
  readonly message: string
  readonly details: readonly { readonly reason?: string; readonly domain?: string }[]
}
const errorOf = ({ code, message, details }: Shown): Omit<Refusal, 'status'> => ({
  code,
  message,
  reason: details.find(({ domain }) => domain === 'protogate')?.reason,
})
