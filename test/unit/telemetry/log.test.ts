import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { errors } from '../../../src/core/status.ts'
import { createLog, type LogOptions } from '../../../src/telemetry/log.ts'

const logTo = (options: Partial<LogOptions> = {}) => {
  const lines: string[] = []
  const log = createLog({ format: 'json', level: 'debug', write: (line) => lines.push(line), ...options })
  return { log, lines, parsed: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) }
}

afterEach(() => vi.unstubAllEnvs())

describe('JSON lines', () => {
  test('have level, time, fields and message, one line each', () => {
    const { log, lines, parsed } = logTo()
    log.debug({ a: 1 }, 'one')
    log.info({}, 'two\nlines')
    log.warn({}, 'three')
    log.error({}, 'four')
    expect(parsed().map(({ level, msg }) => [level, msg])).toEqual([
      ['debug', 'one'],
      ['info', 'two\nlines'],
      ['warn', 'three'],
      ['error', 'four'],
    ])
    expect(parsed()[0]).toMatchObject({ a: 1, time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) })
    for (const line of lines) expect(line.trimEnd().split('\n')).toHaveLength(1)
  })

  test('secrets are redacted whatever their case, depth and form, the rest is kept', () => {
    const { log, lines, parsed } = logTo({ redact: ['X-Internal-Token'] })
    log.info(
      {
        authorization: 'SECRET',
        headers: { 'Set-Cookie': 'SECRET', accept: 'text/plain' },
        deep: { er: [{ COOKIE: 'SECRET' }] },
        raw: ['x-api-key', 'SECRET', 'accept', 'text/html'],
        entries: [['Proxy-Authorization', 'SECRET']],
        'x-internal-token': { any: 'SECRET' },
      },
      'request',
    )
    expect(lines[0]).not.toContain('SECRET')
    expect(parsed()[0]).toMatchObject({
      authorization: '[redacted]',
      headers: { 'Set-Cookie': '[redacted]', accept: 'text/plain' },
      raw: ['x-api-key', '[redacted]', 'accept', 'text/html'],
      entries: [['Proxy-Authorization', '[redacted]']],
      'x-internal-token': '[redacted]',
    })
  })

  test('what is given is not changed, and names of prototypes are data', () => {
    const { log, parsed } = logTo()
    const fields = { headers: { cookie: 'a' }, ['__proto__']: { x: 1 }, constructor: 'c' }
    log.info(fields, 'm')
    expect(fields.headers.cookie).toBe('a')
    expect(parsed()[0]?.constructor).toBe('c')
    expect(({} as { x?: number }).x).toBeUndefined()
  })

  test('cycles, bigints, bytes and what lies too deep are printable', () => {
    const { log, lines, parsed } = logTo()
    const loop: Record<string, unknown> = {}
    loop.self = loop
    log.info({ loop, big: 2n ** 63n, bytes: Buffer.from('SECRET') }, 'm')
    expect(parsed()[0]).toMatchObject({ big: '9223372036854775808', bytes: '[6 bytes]' })
    expect(lines[0]).toContain('[deeper]')
  })

  test('an error has type, message, stack, causes; a GatewayError its code and origin, never trailers', () => {
    const { log, lines, parsed } = logTo()
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED', headers: { cookie: 'SECRET' } })
    const error = errors.unavailable('no endpoint answers', { cause })
    error.status.trailers.append('set-cookie', 'SECRET')
    log.error({ err: error }, 'call failed')
    expect(lines[0]).not.toContain('SECRET')
    expect(parsed()[0]?.err).toMatchObject({
      type: 'GatewayError',
      message: 'no endpoint answers',
      code: 14,
      origin: 'upstream',
      stack: expect.stringContaining('no endpoint answers'),
      cause: { type: 'Error', message: 'refused', code: 'ECONNREFUSED' },
    })
  })
})

describe('levels', () => {
  test.each([
    ['warn', ['warn', 'error']],
    ['WARN', ['warn', 'error']],
    ['silent', []],
    ['info', ['info', 'warn', 'error']],
  ])('%s', (level, expected) => {
    const { log, parsed } = logTo({ level })
    for (const name of ['debug', 'info', 'warn', 'error'] as const) log[name]({}, 'm')
    expect(parsed().map((line) => line.level)).toEqual(expected)
  })

  test('LOG_LEVEL of the environment counts when nothing is configured', () => {
    vi.stubEnv('LOG_LEVEL', 'error')
    const { log, lines } = logTo({ level: undefined })
    log.warn({}, 'm')
    expect(lines).toEqual([])
    log.error({}, 'm')
    expect(lines).toHaveLength(1)
  })

  test('an unknown level is warned about with a hint, and info is used', () => {
    const { log, parsed } = logTo({ level: 'warnn' })
    log.debug({}, 'm')
    log.info({}, 'm')
    expect(parsed()).toMatchObject([{ level: 'warn', asked: 'warnn', hint: 'did you mean "warn"?' }, { level: 'info' }])
  })
})

describe('lines for a terminal', () => {
  const pretty = () => logTo({ format: 'pretty' })

  test('time, level, message, fields', () => {
    const { log, lines } = pretty()
    log.info({ port: 8080, path: '/a b', nested: { x: 1 } }, 'listening')
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} info {2}listening port=8080 path="\/a b" nested=\{"x":1\}\n$/)
  })

  test('a finished call is a sentence, with what a person wants to know', () => {
    const { log, lines } = pretty()
    const call = {
      id: 'i',
      method: 'GET',
      path: '/v1/x',
      status: 200,
      code: 'OK',
      ms: 1.25,
      peer: '::1',
      messagesIn: 1,
    }
    log.info({ ...call, operation: 'a.B/C', messagesOut: 3 }, 'call')
    log.info({ ...call, status: 404, code: 'NOT_FOUND', reason: 'ROUTE_NOT_FOUND' }, 'call')
    log.warn({ ...call, status: 503, code: 'UNAVAILABLE', address: 'grpc://a:1', note: 'ECONNREFUSED' }, 'call')
    expect(lines[0]).toMatch(/ GET \/v1\/x 200 1\.25 ms operation=a\.B\/C messagesOut=3\n$/)
    expect(lines[1]).toMatch(/ GET \/v1\/x 404 NOT_FOUND 1\.25 ms reason=ROUTE_NOT_FOUND\n$/)
    expect(lines[2]).toMatch(/ 503 UNAVAILABLE 1\.25 ms address=grpc:\/\/a:1 note=ECONNREFUSED\n$/)
  })

  test('the stacks of an error and its cause stand below, and what is thrown as a cause need not be an error', () => {
    const { log, lines } = pretty()
    log.error({ err: new Error('outer', { cause: new TypeError('inner', { cause: 'text' }) }) }, 'failed')
    const [first, ...rest] = lines[0]!.split('\n')
    expect(first).toMatch(/failed err=\{"type":"Error","message":"outer"\}$/)
    expect(rest[0]).toBe('Error: outer')
    expect(rest).toContain('caused by: TypeError: inner')
    expect(rest.at(-2)).toBe('caused by: text')
  })

  test('control characters of a client do not reach the terminal', () => {
    const { log, lines } = pretty()
    const evil = '\u001b]0;owned\u0007\u009b31m\r\nfake line\u2028'
    log.info({ method: 'GET', path: evil, status: 200, code: evil, ms: 1, reason: evil }, 'call')
    log.info({ [evil]: evil, list: [evil] }, evil)
    for (const line of lines) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      expect(line.trimEnd()).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
      expect(line).toContain('\\u001b')
    }
    expect(lines[0]!.trimEnd().split('\n')).toHaveLength(1)
  })
})

describe('standard output', () => {
  const script = (then: string): string => {
    const module = JSON.stringify(new URL('../../../src/telemetry/log.ts', import.meta.url).href)
    return `
      const { createLog } = await import(${module})
      const log = createLog({ format: 'json', level: 'info' })
      for (let i = 0; i < 1000; i++) log.info({ i }, 'line')
      ${then}`
  }
  const run = (then: string): string[] => {
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script(then)], {
      encoding: 'utf8',
    })
    expect(stderr).toBe('')
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { readonly msg: string }).msg)
  }

  test('every line is written before the process ends by itself, by process.exit, or after stop', () => {
    expect(run('')).toHaveLength(1000)
    expect(run('process.exit(0)')).toHaveLength(1000)
    expect(run("await log.stop(); process.kill(process.pid, 'SIGKILL')")).toHaveLength(1000)
  })

  test.runIf(existsSync('/dev/full'))('a full disk keeps nobody from serving and ending', () => {
    const full = openSync('/dev/full', 'w')
    try {
      const { status, stderr } = spawnSync(
        process.execPath,
        ['--input-type=module', '-e', script('await log.stop()')],
        {
          encoding: 'utf8',
          stdio: ['ignore', full, 'pipe'],
          timeout: 15_000,
        },
      )
      expect([status, stderr]).toEqual([0, ''])
    } finally {
      closeSync(full)
    }
  })

  test('after stop, which may come twice, lines are still written', () => {
    expect(run("await log.stop(); await log.stop(); log.info({}, 'late')").at(-1)).toBe('late')
  })
})
