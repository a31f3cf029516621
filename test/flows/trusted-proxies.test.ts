import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { ConfigError, createGateway } from '../../src/index.ts'
import { type RunningGateway, startGateway } from '../support/gateway.ts'

let backend: Server
let address: string
let seen: IncomingHttpHeaders[]
let running: RunningGateway | undefined
beforeAll(async () => {
  backend = createServer((request, response) => {
    seen.push(request.headers)
    response.end()
  })
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve))
  address = `http://127.0.0.1:${(backend.address() as AddressInfo).port}`
})
afterAll(() => {
  backend.closeAllConnections()
  backend.close()
})
beforeEach(() => {
  seen = []
})
afterEach(async () => {
  await running?.stop()
  running = undefined
})

const start = async (trustedProxies: readonly string[]): Promise<RunningGateway> => {
  running = await startGateway({
    schemas: [],
    upstreams: { shop: { endpoints: [address] } },
    routes: [{ path: '/*', to: 'shop' }],
    trustedProxies: [...trustedProxies],
  })
  return running
}
const FORWARDED = { 'x-forwarded-for': '198.51.100.9, 203.0.113.7', 'x-request-id': 'from-the-proxy' }

test('a trusted proxy says who the client is, and the chain is continued', async () => {
  const { url, lines } = await start(['127.0.0.0/8', '10.0.0.1'])
  const response = await fetch(url, { headers: FORWARDED })
  expect(response.headers.get('x-request-id')).toBe('from-the-proxy')
  expect(seen[0]!['x-forwarded-for']).toBe('198.51.100.9, 203.0.113.7, 127.0.0.1')
  await response.text()
  expect(lines.find(({ msg }) => msg === 'call')).toMatchObject({ peer: '203.0.113.7', id: 'from-the-proxy' })
})

test('nobody else does', async () => {
  const { url, lines } = await start(['10.0.0.1'])
  const response = await fetch(url, { headers: FORWARDED })
  expect(response.headers.get('x-request-id')).not.toBe('from-the-proxy')
  expect(seen[0]!['x-forwarded-for']).toBe('127.0.0.1')
  await response.text()
  expect(lines.find(({ msg }) => msg === 'call')).toMatchObject({ peer: '127.0.0.1' })
})

test('what is no address is refused with its place', async () => {
  const text = '{\n  "trustedProxies": ["10.0.0.1",\n    "10.0.0.0/33"]\n}'
  const gateway = createGateway({ text, env: {}, log: undefined })
  const error = await gateway.start().catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ConfigError)
  expect((error as ConfigError).problems).toMatchObject([
    { code: 'TRUSTED_PROXY_INVALID', pointer: '/trustedProxies/1', line: 3, column: 5 },
  ])
})
