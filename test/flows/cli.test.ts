import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { runCli, startProcess } from '../support/cli.ts'
import { addresses, HELLO, projects } from '../support/cli-project.ts'

const { folder, undo } = projects()

describe('check and routes', () => {
  test('a right configuration: exit 0', async () => {
    const { code, stdout, stderr } = await runCli(['check'], { cwd: folder() })
    expect([code, stdout, stderr]).toEqual([0, '', '✔ 2 routes, 1 service\n'])
  })

  test('a wrong one: exit 1 with the place, in every format', async () => {
    const cwd = folder({ 'protos/hello.proto': HELLO, 'routes.json': '{\n  "routs": []\n}\n' })
    const text = await runCli(['check'], { cwd })
    expect([text.code, text.stdout]).toEqual([
      1,
      'routes.json:2:3 error CONFIG_UNKNOWN_KEY  /routs: unknown key "routs"\n' +
        '    2 |   "routs": []\n' +
        '      |   ^^^^^^^ did you mean "routes"?\n' +
        '✖ 1 error\n',
    ])
    const json = await runCli(['check', '--format', 'json'], { cwd })
    expect([json.code, JSON.parse(json.stdout).problems[0].code]).toEqual([1, 'CONFIG_UNKNOWN_KEY'])
    const github = await runCli(['check', '--format=github'], { cwd })
    expect(github.stdout).toMatch(/^::error file=routes\.json,line=2,/)
    const sarif = await runCli(['check', '--format', 'sarif'], { cwd })
    expect(JSON.parse(sarif.stdout).runs[0].results).toHaveLength(1)
  })

  test('a method that is not there: the nearest, and where it stands', async () => {
    const cwd = folder({
      'protos/hello.proto': HELLO,
      'routes.json':
        '{ "upstreams": { "a": { "endpoints": ["mock:"] } }, "routes": [{ "path": "/x", "rpc": "hello.v1.Hello/Sai", "to": "a" }] }',
    })
    const { code, stdout } = await runCli(['check'], { cwd })
    expect(code).toBe(1)
    expect(stdout).toContain('ROUTE_UNKNOWN_RPC')
    expect(stdout).toMatch(/did you mean "hello\.v1\.Hello\/Say" \(\S*hello\.proto:5\)\?/)
  })

  test('a problem in a folder below: places lead there from where the command was given', async () => {
    const cwd = folder({ 'api/protos/hello.proto': HELLO.replace('string name = 1', 'string name 1') })
    const { code, stdout } = await runCli(['check', 'api'], { cwd })
    expect([code, stdout]).toEqual([
      1,
      'api/protos/hello.proto:8:34 error PROTO_SYNTAX: "=" is missing behind the name of the field "name", found "1"\n' +
        '    8 | message SayRequest { string name 1; }\n' +
        '      |                                  ^\n' +
        '✖ 1 error\n',
    ])
    const github = await runCli(['check', 'api', '--format', 'github'], { cwd })
    expect(github.stdout).toMatch(/^::error file=api\/protos\/hello\.proto,line=8,/)
  })

  test('nothing to serve: exit 1; no such folder: exit 1', async () => {
    const cwd = folder({})
    const nothing = await runCli(['check'], { cwd })
    expect([nothing.code, nothing.stdout]).toMatchObject([1, expect.stringContaining('NOTHING_TO_SERVE')])
    const missing = await runCli(['check', 'nowhere'], { cwd })
    expect([missing.code, missing.stdout]).toMatchObject([1, expect.stringContaining('FOLDER_MISSING')])
  })

  test('routes, as a table and as JSON, of another folder', async () => {
    const cwd = folder({ 'api/protos/hello.proto': HELLO })
    const table = await runCli(['routes', 'api'], { cwd })
    expect([table.code, table.stdout]).toEqual([
      0,
      [
        '  METHOD  PATH                  →  CALLS                KIND   AUTH  UPSTREAM',
        '  POST    /hello.v1.Hello/Make     hello.v1.Hello/Make  unary  –     mock',
        '  GET     /v1/hello/{name}         hello.v1.Hello/Say   unary  –     mock',
        '',
      ].join('\n'),
    ])
    const json = await runCli(['routes', 'api', '--json'], { cwd })
    expect(JSON.parse(json.stdout)).toContainEqual({
      id: 'GET /v1/hello/{name}',
      method: 'GET',
      path: '/v1/hello/{name}',
      rpc: 'hello.v1.Hello/Say',
      kind: 'unary',
      auth: [],
      target: 'mock',
    })
  })

  test('a configuration from standard input; PROTOGATE_CONFIG; a flag that wins over it', async () => {
    const cwd = folder({ 'protos/hello.proto': HELLO, 'a.json': '{ "routes": [] }', 'b.json': '{ "x": 1 }' })
    const input = '{ "routes": [{ "path": "/in", "redirect": "/out" }] }'
    const piped = await runCli(['routes', '--json', '-c', '-'], { cwd, input })
    expect(JSON.parse(piped.stdout)).toMatchObject([{ path: '/in', target: 'redirect' }])
    const named = await runCli(['routes', '--json'], { cwd, env: { PROTOGATE_CONFIG: 'a.json' } })
    expect(JSON.parse(named.stdout)).toEqual([])
    const flag = await runCli(['check', '--config', 'b.json'], { cwd, env: { PROTOGATE_CONFIG: 'a.json' } })
    expect([flag.code, flag.stdout]).toMatchObject([1, expect.stringContaining('b.json:1:3 error')])
  })
})

describe('usage', () => {
  test.each([
    [['chek'], 'Did you mean check?'],
    [['check', '--confg', 'x'], 'Did you mean --config?'],
    [['dev', '--port', 'x'], 'from 0 to 65535'],
    [['check', '--format', 'yaml'], 'Allowed choices are text, json, github, sarif'],
    [['check', 'a', 'b'], 'too many arguments'],
    [[], 'Usage: protogate'],
  ])('%j: exit 2', async (args, words) => {
    const { code, stdout, stderr } = await runCli(args, { cwd: folder({}) })
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(words)
  })

  test('help and version: exit 0', async () => {
    const cwd = folder({})
    const help = await runCli(['--help'], { cwd })
    expect([help.code, help.stdout]).toMatchObject([0, expect.stringContaining('dev [options] [dir]')])
    const version = await runCli(['--version'], { cwd })
    expect([version.code, version.stdout]).toMatchObject([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)])
  })

  test('colours by FORCE_COLOR, none by --no-color and NO_COLOR', async () => {
    const cwd = folder({ 'routes.json': '{ "x": 1 }' })
    const isColored = async (args: readonly string[], env: Readonly<Record<string, string>>): Promise<boolean> =>
      (await runCli(['check', ...args], { cwd, env })).stdout.includes('\u001b[')
    expect(await isColored([], {})).toBe(false)
    expect(await isColored([], { FORCE_COLOR: '1' })).toBe(true)
    expect(await isColored(['--no-color'], { FORCE_COLOR: '1' })).toBe(false)
  })
})

describe('ways to start it', () => {
  test('bin/protogate.js, with the exit code of the command', async () => {
    const script = 'bin/protogate.js'
    expect(await runCli(['check'], { cwd: folder(), script })).toMatchObject({ code: 0 })
    expect(await runCli(['check'], { cwd: folder({}), script })).toMatchObject({ code: 1 })
    expect(await runCli(['chek'], { cwd: folder({}), script })).toMatchObject({ code: 2 })
  })

  test('npm start, with arguments behind --', async () => {
    const npm = startProcess('npm', ['start', '--', '--port', '0', '--admin-port', '0'], { detached: true })
    undo.push(async () => {
      // npm, its shell and the gateway.
      if (npm.child.exitCode === null) process.kill(-npm.child.pid!, 'SIGKILL')
      await npm.ended
    })
    const { http } = await addresses(npm)
    expect(npm.stdout()).toContain('node 24.')
    expect(new URL(http).port).not.toBe('8080')
    const answer = await fetch(`${http}/v1/hello/me`)
    expect([answer.status, await answer.json()]).toMatchObject([200, { message: expect.any(String) }])
    process.kill(-npm.child.pid!, 'SIGTERM')
    await npm.until('SIGTERM: waiting')
    await npm.ended
  })

  const old = ['/usr/bin/node', '/usr/local/bin/node'].find((path) => {
    const version = existsSync(path) ? spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout : ''
    return /^v(1[4-9]|2[0-3])\./.test(version)
  })
  test.skipIf(old === undefined)('an older Node of this machine (skipped where there is none)', async () => {
    const bin = fileURLToPath(new URL('../../bin/protogate.js', import.meta.url))
    const cli = startProcess(old!, [bin, 'dev'], {})
    expect(await cli.ended).toBe(1)
    expect(cli.stdout()).toBe('')
    expect(cli.stderr()).toMatch(/^protogate needs Node 24\.12 or newer; this is Node \d+\.\d+\.\d+\n$/)
  })

  const script = '/usr/bin/script'
  test.skipIf(!existsSync(script))('on a terminal: colours, none by NO_COLOR (needs script(1))', async () => {
    const cwd = folder({ 'routes.json': '{ "x": 1 }' })
    const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
    const shown = async (env: Readonly<Record<string, string>>): Promise<string> => {
      const command = `'${process.execPath}' '${main}' check`
      const cli = startProcess(script, ['-qec', command, '/dev/null'], { cwd, env: { TERM: 'xterm-256color', ...env } })
      expect(await cli.ended).toBe(1)
      return cli.stdout()
    }
    expect(await shown({})).toContain('\u001b[31m')
    const plain = await shown({ NO_COLOR: '1' })
    expect(plain).toContain('CONFIG_UNKNOWN_KEY')
    expect(plain).not.toContain('\u001b[')
  })
})
