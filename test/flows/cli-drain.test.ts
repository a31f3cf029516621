import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type CliProcess, startCli } from '../support/cli.ts'
import { served } from '../support/cli-project.ts'
import { BACKEND_PROTO, type GrpcBackend, startGrpcBackend } from '../support/grpc-backend.ts'
import { begin } from '../support/http-client.ts'
import { protoFolder } from '../support/proto-folder.ts'
import { RawClient } from '../support/raw-client.ts'
import { refusalOf, socketRefusal } from '../support/sound.ts'
import { WsClient } from '../support/ws-client.ts'

let backend: GrpcBackend
const processes: CliProcess[] = []
beforeAll(async () => {
  backend = await startGrpcBackend()
})
afterEach(async () => {
  for (const cli of processes.splice(0)) {
    cli.child.kill('SIGKILL')
    await cli.ended
  }
})
afterAll(() => backend.stop())

const serve = async (more: object = {}) => {
  const config = { schemas: [BACKEND_PROTO], upstreams: { backend: { endpoints: [backend.address] } }, ...more }
  const cwd = protoFolder({ 'routes.json': JSON.stringify(config) })
  const cli = startCli(['run', '--host', '127.0.0.1', '--port', '0', '--admin-port', '0'], { cwd })
  processes.push(cli)
  return { cli, ...(await served(cli)) }
}

test('SIGTERM under load: calls end well, sockets are told, exit 0', async () => {
  const { cli, http: url, port, admin } = await serve({ subscriptions: { limits: { drainTime: '100ms' } } })
  const readyz = async (): Promise<unknown> => {
    const response = await fetch(`${admin}/readyz`)
    return [response.status, ((await response.json()) as { status: string }).status]
  }
  expect(await readyz()).toEqual([200, 'ok'])
  const idle = await RawClient.open(port)
  const unary = Array.from({ length: 40 }, (_, i) => begin(url, { path: `/v1/say/${i}?wait_ms=600` }))
  const streams = Array.from({ length: 10 }, () => begin(url, { path: '/v1/watch/a?count=20&wait_ms=40' }))
  const events = begin(url, { path: '/v1/watch/a?count=20&wait_ms=40', headers: { accept: 'text/event-stream' } })
  const upload = begin(url, {
    method: 'POST',
    path: '/v1/collect',
    headers: { 'content-type': 'application/x-ndjson' },
    body: '{"text":"a"}\n',
    unended: true,
  })
  const opened = await Promise.all(
    ['/v1/chat', '/v1/watch/a?endless=true&wait_ms=10', '/v1/watch'].map((path) => WsClient.open(port, { path })),
  )
  // The third socket still waits for its first frame.
  await backend.until(() => backend.open === 54, '54 calls')

  cli.child.kill('SIGTERM')
  await cli.until('"msg":"draining"')
  expect(await readyz()).toEqual([503, 'draining'])
  await expect(fetch(`${url}/v1/say/late`)).rejects.toThrow()
  await idle.ended
  idle.destroy()
  upload.request.end('{"text":"b"}\n')

  for (const { client } of opened)
    expect(await socketRefusal(client)).toMatchObject({ status: 1012, code: 14, reason: 'DRAINING' })
  for (const [i, { answer }] of unary.entries()) {
    const { status, text, headers } = await answer
    expect([status, (JSON.parse(text) as { text: string }).text, headers.connection]).toEqual([200, String(i), 'close'])
  }
  for (const { answer } of streams) {
    const { complete, text } = await answer
    expect([complete, text.trim().split('\n').length]).toEqual([true, 20])
    expect(text).not.toContain('"error"')
  }
  expect((await events.answer).text).toMatch(/event: end\nid: .+\ndata: \{"code":0/)
  expect(JSON.parse((await upload.answer).text)).toMatchObject({ text: 'a,b', index: 2 })
  expect(await cli.ended).toBe(0)
  expect(cli.stderr()).toBe('')
  expect(backend.open).toBe(0)
})

test.each([
  ['its limit', { drain: '300ms' }, 143],
  ['a second SIGTERM', {}, 143],
  ['a SIGINT', {}, 130],
] as const)('%s cuts the drain short: what is left is told, exit code by the signal', async (what, config, code) => {
  const { cli, http: url, port } = await serve(config)
  const stream = begin(url, { path: '/v1/watch/a?endless=true&wait_ms=10' })
  await stream.head
  const waiting = begin(url, { path: '/v1/say/a?hang=true' })
  const { client } = await WsClient.open(port, { path: '/v1/chat' })
  await backend.until(() => backend.open === 3, 'three calls')
  cli.child.kill('SIGTERM')
  await cli.until('"msg":"draining"')
  if (what !== 'its limit') cli.child.kill(what === 'a SIGINT' ? 'SIGINT' : 'SIGTERM')

  expect(refusalOf(await waiting.answer)).toMatchObject({ status: 503, code: 14, reason: 'DRAINING' })
  const { text, complete } = await stream.answer
  expect(complete).toBe(true)
  expect(JSON.parse(text.trimEnd().split('\n').at(-1)!)).toMatchObject({ error: { code: 14 } })
  expect(await socketRefusal(client)).toMatchObject({ status: 1012, code: 14, reason: 'DRAINING' })
  expect(await cli.ended).toBe(code)
  expect(cli.stdout()).toContain('the drain was cut short')
  await backend.until(() => backend.open === 0, 'no open call')
})
