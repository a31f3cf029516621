import { createServer, type Server } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { defineInbound, definePolicy, type Module } from '../../src/core/module.ts'
import { ConfigError, type ConfigInput, createGateway, type Protogate } from '../../src/index.ts'
import { z } from '../../src/spi.ts'
import { createLog } from '../../src/telemetry/log.ts'

const open: { stop(): Promise<unknown> }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop()
})

const occupy = async (): Promise<number> => {
  const server: Server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push({ stop: () => new Promise((resolve) => server.close(resolve)) })
  return (server.address() as { port: number }).port
}

/** Calls that wait until they are let go, and how many resources of snapshots are there. */
const holding = () => {
  const held: (() => void)[] = []
  let alive = 0
  const module = definePolicy({
    name: 'hold',
    stage: 'observe',
    config: z.strictObject({}),
    create(_config, context) {
      alive++
      context.own({
        stop() {
          alive--
          return Promise.resolve()
        },
      })
      return (next) => async (exchange) => {
        await new Promise<void>((resolve) => held.push(resolve))
        return next(exchange)
      }
    },
  })
  return { module, held, alive: () => alive }
}
type Holding = ReturnType<typeof holding>

const ROUTES: ConfigInput['routes'] = [{ path: '/held', respond: { body: 'done' }, policies: [{ hold: {} }] }]
/** `config` is read at the start and at each reload. */
const make = (hold: Holding, config: Partial<ConfigInput> = {}, ...modules: Module[]) => {
  const lines: Record<string, unknown>[] = []
  const whole: ConfigInput = { schemas: [], listeners: [{ port: 0 }], admin: false, routes: ROUTES, ...config }
  const gateway: Protogate = createGateway({
    env: {},
    modules: [hold.module, ...modules],
    log: createLog({ format: 'json', write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) }),
    config: whole,
  })
  open.push(gateway)
  return { gateway, lines, config: whole }
}
const urlOf = (gateway: Protogate): string => `http://127.0.0.1:${gateway.addresses().http[0]!.port}`
const until = async (condition: () => boolean): Promise<void> => {
  for (let i = 0; i < 400 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 5))
  expect(condition()).toBe(true)
}

describe('start', () => {
  test('every port that is taken is told, that of admin too, and nothing is left', async () => {
    const [a, b, c] = [await occupy(), await occupy(), await occupy()]
    const hold = holding()
    const { gateway } = make(hold, { listeners: [{ port: a }, { port: 0 }, { port: b }], admin: { port: c } })
    const error = await gateway.start().then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(ConfigError)
    const { problems } = error as ConfigError
    expect(problems.map(({ code }) => code)).toEqual(['PORT_IN_USE', 'PORT_IN_USE', 'PORT_IN_USE'])
    for (const [index, port] of [a, b, c].entries()) expect(problems[index]!.message).toContain(`127.0.0.1:${port}`)
    await until(() => hold.alive() === 0)
  })

  test('a stop while it compiles wins: start rejects, nothing serves and nothing is left', async () => {
    const hold = holding()
    const { gateway } = make(hold)
    const started = gateway.start()
    const outcome = started.then(
      () => 'started',
      (error: Error) => error.message,
    )
    await gateway.stop()
    expect(await outcome).toContain('stopped')
    expect([gateway.state, gateway.addresses().http]).toEqual(['stopped', []])
    await until(() => hold.alive() === 0)
  })

  test.each<[string, (run: () => void) => void]>([
    ['just before it listens', (run) => run()],
    ['while it begins to listen', queueMicrotask],
  ])('a stop %s wins as well', async (_when, soon) => {
    const hold = holding()
    const inbound = defineInbound({
      name: 'stopper',
      config: z.strictObject({}),
      create: () => ({ attach: () => soon(() => void gateway.stop()), drain: () => Promise.resolve() }),
    })
    const { gateway } = make(hold, {}, inbound)
    await expect(gateway.start()).rejects.toThrow('stopped')
    await gateway.stop()
    expect([gateway.state, gateway.addresses().http]).toEqual(['stopped', []])
    await until(() => hold.alive() === 0)
  })

  test('can be asked for once', async () => {
    const { gateway } = make(holding())
    const first = gateway.start()
    await expect(gateway.start()).rejects.toThrow('started')
    await first
    expect(gateway.state).toBe('ready')
  })
})

describe('drain and stop', () => {
  test('whoever asks a second time waits for the same end', async () => {
    const hold = holding()
    const { gateway } = make(hold)
    await gateway.start()
    const answer = fetch(`${urlOf(gateway)}/held`)
    await until(() => hold.held.length === 1)
    const over: string[] = []
    const first = gateway.drain().then((complete) => over.push(`first ${complete}`))
    const second = gateway.drain().then((complete) => over.push(`second ${complete}`))
    await new Promise(setImmediate)
    expect(over).toEqual([])
    hold.held[0]!()
    expect(await (await answer).text()).toBe('done')
    await Promise.all([first, second])
    expect(over.sort()).toEqual(['first true', 'second true'])
    void gateway.stop()
    await gateway.stop()
    await expect(fetch(`${urlOf(gateway)}/held`)).rejects.toThrow()
    await until(() => hold.alive() === 0)
  })
})

test('a stop ends the calls that are left, and tells of them', async () => {
  const hold = holding()
  const { gateway, lines } = make(hold)
  await gateway.start()
  const refused = fetch(`${urlOf(gateway)}/held`)
  await until(() => hold.held.length === 1)
  await gateway.stop()
  expect((await refused).status).toBe(503)
  expect(lines.filter(({ msg }) => msg === 'call')).toMatchObject([{ code: 'UNAVAILABLE', reason: 'DRAINING' }])
  await until(() => hold.alive() === 0)
})

test('a refused reload leaves the access log as it is', async () => {
  const hold = holding()
  const good: ConfigInput['routes'] = [{ path: '/a', respond: { body: 'a' } }]
  const { gateway, lines, config } = make(hold, { routes: good })
  await gateway.start()
  Object.assign(config, { routes: [{ path: '/a', rpc: 'no.such/Method', mock: {} }], log: { access: false } })
  await expect(gateway.reload()).rejects.toBeInstanceOf(ConfigError)
  await (await fetch(`${urlOf(gateway)}/a`)).text()
  await until(() => lines.some(({ msg }) => msg === 'call'))
  config.routes = good
  await gateway.reload()
  const before = lines.length
  await (await fetch(`${urlOf(gateway)}/a`)).text()
  await gateway.drain()
  expect(lines.slice(before).filter(({ msg }) => msg === 'call')).toEqual([])
})
