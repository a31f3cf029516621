import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runCli } from '../support/cli.ts'
import { addresses, HELLO, jsonLines, MORE, projects, put, served } from '../support/cli-project.ts'

const { folder, start, undo } = projects()
const post = (url: string): Promise<Response> =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })
/** A body that does not end, so that a drain has something to wait for. */
const halfRequest = async (port: number): Promise<void> => {
  const half = request({ host: '127.0.0.1', port, method: 'POST', path: '/hello.v1.Hello/Make' })
  half.on('error', () => {})
  half.setHeader('content-type', 'application/json')
  half.setHeader('expect', '100-continue')
  half.flushHeaders()
  await new Promise((resolve) => half.once('continue', resolve))
  half.write('{"name"')
  undo.push(() => half.destroy())
}

describe('dev', () => {
  test('says where it serves; a dropped .proto answers; a broken one is refused; then the drain', async () => {
    const cwd = folder()
    const cli = start(['dev'], cwd)
    const { http, admin } = await addresses(cli)
    expect(cli.stdout()).toContain('no upstream set')
    expect((await fetch(`${http}/v1/hello/me`)).status).toBe(200)
    expect((await fetch(`${admin}/readyz`)).status).toBe(200)

    const call = (): Promise<Response> => post(`${http}/more.v1.More/Do`)
    expect((await call()).status).toBe(404)
    put(cwd, 'protos/more.proto', MORE)
    await cli.until('↻ protos/more.proto: +1 route, ~0 changed, -0 removed')
    expect(cli.stdout()).toContain('  + POST /more.v1.More/Do  →  more.v1.More/Do')
    expect((await call()).status).toBe(200)

    writeFileSync(join(cwd, 'next'), 'syntax = "proto3"; servize X {}')
    renameSync(join(cwd, 'next'), join(cwd, 'protos/more.proto'))
    await cli.until('✖ reload refused, still serving revision 2')
    await cli.until(/more\.proto:1:\d+ error/)
    expect((await call()).status).toBe(200)

    rmSync(join(cwd, 'protos/more.proto'))
    await cli.until('-1 removed')
    expect((await call()).status).toBe(404)

    cli.child.kill('SIGTERM')
    expect(await cli.ended).toBe(0)
  })

  test('a dropped .proto answers, a change counts, a broken one does not; prints how long each took', async () => {
    const cwd = folder()
    const cli = start(['dev'], cwd)
    const { http } = await addresses(cli)
    const took: string[] = []
    /** Changes a file and asks until the answer is as wanted. */
    const timed = async (what: string, change: () => void, path: string, wanted: number): Promise<void> => {
      const began = performance.now()
      change()
      for (;;) {
        const { status } = await post(http + path)
        const ms = performance.now() - began
        if (status === wanted) {
          took.push(`${what} ${Math.round(ms)} ms`)
          return
        }
        if (ms > 5_000) throw new Error(`${what}: still ${status} after 5 s\n${cli.stdout()}\n${cli.stderr()}`)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
    const more = join(cwd, 'protos/more.proto')
    const renamed = MORE.replaceAll('more.v1', 'more.v2')
    await timed('dropped', () => writeFileSync(more, MORE), '/more.v1.More/Do', 200)
    await timed('changed', () => writeFileSync(more, renamed), '/more.v2.More/Do', 200)
    expect((await post(`${http}/more.v1.More/Do`)).status).toBe(404)

    const broken = performance.now()
    writeFileSync(more, renamed.slice(0, -5))
    await cli.until('✖ reload refused, still serving revision 3')
    took.push(`refused ${Math.round(performance.now() - broken)} ms`)
    await cli.until(/^protos\/more\.proto:\d+:\d+ error PROTO_SYNTAX/m)
    expect((await post(`${http}/more.v2.More/Do`)).status).toBe(200)

    await timed('mended', () => writeFileSync(more, MORE), '/more.v1.More/Do', 200)
    await timed('deleted', () => rmSync(more), '/more.v1.More/Do', 404)
    await timed('dropped again', () => writeFileSync(more, MORE), '/more.v1.More/Do', 200)
    const many = join(cwd, 'protos/many')
    await timed('a folder', () => put(many, 'a/b/many.proto', MORE.replaceAll('more', 'many')), '/many.v1.More/Do', 200)
    console.log(`dev, from the change to the answer: ${took.join(', ')}`)
  })

  test('an empty folder waits for its first .proto', async () => {
    const cwd = folder({})
    const cli = start(['dev'], cwd)
    const { http } = await addresses(cli)
    expect(cli.stdout()).toContain('drop a .proto file into protos/')
    put(cwd, 'protos/hello.proto', HELLO)
    await cli.until('+2 routes')
    expect((await fetch(`${http}/v1/hello/me`)).status).toBe(200)
  })

  test('a routes.json that appears, and a substituted secret that changes', async () => {
    const cwd = folder({ 'protos/hello.proto': HELLO, answer: 'one\n' })
    const cli = start(['dev'], cwd)
    const { http } = await addresses(cli)
    put(cwd, 'routes.json', '{ "routes": [{ "path": "/answer", "respond": { "body": "${file:answer}" } }] }')
    await cli.until('↻ routes.json: +1 route, ~0 changed, -2 removed')
    expect(await (await fetch(`${http}/answer`)).text()).toBe('one')
    put(cwd, 'answer', 'two\n')
    await cli.until('↻ answer: ')
    expect(await (await fetch(`${http}/answer`)).text()).toBe('two')
  })

  test('--quiet says nothing while all is well', async () => {
    const cwd = folder()
    const cli = start(['dev', '--quiet'], cwd)
    put(cwd, 'protos/more.proto', 'no proto')
    await cli.until('✖')
    expect(cli.stdout()).toBe('')
  })
})

describe('run', () => {
  test('JSON lines; SIGHUP reloads, SIGINT drains', async () => {
    const cwd = folder()
    const cli = start(['run'], cwd)
    await cli.until('"msg":"serving"')
    put(cwd, 'protos/more.proto', MORE)
    cli.child.kill('SIGHUP')
    await cli.until('"msg":"reloaded"')
    put(cwd, 'protos/more.proto', 'no proto')
    cli.child.kill('SIGHUP')
    await cli.until('reload refused, still serving revision 2')
    cli.child.kill('SIGINT')
    expect(await cli.ended).toBe(0)
    expect(cli.stderr()).toBe('')
    expect(jsonLines(cli).map(({ msg }) => msg)).toContain('draining')
    expect(jsonLines(cli).find(({ msg }) => msg === 'reloaded')).toMatchObject({ revision: 2, routes: 3 })
  })

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('a second %s cuts the drain short: exit %i', async (signal, code) => {
    const cli = start(['run'], folder())
    await cli.until('"msg":"serving"')
    await halfRequest((await served(cli)).port)
    cli.child.kill('SIGTERM')
    await cli.until('"msg":"draining"')
    cli.child.kill(signal)
    expect(await cli.ended).toBe(code)
  })

  test('the limit cuts the drain short: exit 143', async () => {
    const cli = start(['run'], folder({ 'protos/hello.proto': HELLO, 'routes.json': '{ "drain": "50ms" }' }))
    await cli.until('"msg":"serving"')
    await halfRequest((await served(cli)).port)
    cli.child.kill('SIGTERM')
    expect(await cli.ended).toBe(143)
  })

  test('POST /reload: taken, refused with its problems, and not for a page of another site', async () => {
    const cwd = folder()
    const cli = start(['run'], cwd)
    const { http, admin } = await served(cli)
    const reload = async (headers: Readonly<Record<string, string>> = {}) => {
      const response = await fetch(`${admin}/reload`, { method: 'POST', headers })
      return [response.status, await response.json()] as const
    }
    const more = async () => (await post(`${http}/more.v1.More/Do`)).status
    put(cwd, 'protos/more.proto', MORE)
    expect(await more()).toBe(404)
    expect(await reload({ origin: 'https://evil.example' })).toMatchObject([403, { code: 7 }])
    expect((await fetch(`${admin}/reload`)).status).toBe(405)
    expect(await more()).toBe(404)
    expect(await reload()).toEqual([200, { status: 'ok', revision: 2 }])
    expect(await more()).toBe(200)

    put(cwd, 'protos/more.proto', `${MORE}message Thing {}\n`)
    expect(await reload()).toMatchObject([
      409,
      { status: 'refused', revision: 2, problems: [{ severity: 'error', file: 'protos/more.proto', line: 5 }] },
    ])
    expect(await more()).toBe(200)
    const ready = await fetch(`${admin}/readyz`)
    expect([ready.status, await ready.json()]).toMatchObject([200, { revision: 2 }])
    expect(await (await fetch(`${admin}/metrics`)).text()).toContain('protogate_last_reload_successful 0')
    await cli.until('reload refused, still serving revision 2')
  })

  test('/readyz: 503 while it drains, /livez 200; then the process is gone', async () => {
    const cli = start(['run'], folder())
    const { port, admin } = await served(cli)
    const status = async (path: string): Promise<number> => (await fetch(admin + path)).status
    expect([await status('/readyz'), await status('/healthz'), await status('/livez')]).toEqual([200, 200, 200])
    await halfRequest(port)
    cli.child.kill('SIGTERM')
    await cli.until('"msg":"draining"')
    expect([await status('/readyz'), await status('/healthz'), await status('/livez')]).toEqual([503, 200, 200])
    cli.child.kill('SIGTERM')
    await cli.ended
    await expect(status('/livez')).rejects.toThrow()
  })

  test('a port in use: exit 1, with the address and the way out', async () => {
    const taken: Server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => taken.once('listening', resolve))
    undo.push(() => taken.close())
    const { port } = taken.address() as { readonly port: number }
    const cwd = folder()
    for (const command of ['run', 'dev']) {
      const { code, stdout, stderr } = await runCli([command, '--port', String(port), '--admin-port', '0'], { cwd })
      expect([code, stdout]).toEqual([1, ''])
      expect(stderr).toContain('PORT_IN_USE')
      expect(stderr).toContain(`127.0.0.1:${port}`)
      if (command === 'dev')
        expect(stderr).toBe(
          `error PORT_IN_USE  /listeners: 127.0.0.1:${port} is already in use by another process\n` +
            `  stop that process (find it with: ss -ltnp 'sport = :${port}') or choose another port\n` +
            '✖ not started: 1 error\n',
        )
    }
  })

  test('nothing to serve, and a wrong configuration: exit 1 before anything listens', async () => {
    expect((await runCli(['run'], { cwd: folder({}) })).stderr).toContain('NOTHING_TO_SERVE')
    const { code, stderr } = await runCli(['run'], { cwd: folder({ 'routes.json': '{' }) })
    expect([code, JSON.parse(stderr).problems[0].code]).toEqual([1, 'CONFIG_SYNTAX'])
  })
})
