import { afterEach, expect, test, vi } from 'vitest'
import { createLog, type LogOptions } from '../../../src/telemetry/log.ts'

afterEach(() => vi.unstubAllEnvs())

const open = (options: Partial<LogOptions> = {}, level?: string) => {
  vi.stubEnv('LOG_LEVEL', level)
  const lines: Record<string, unknown>[] = []
  const log = createLog({ format: 'json', write: (line) => lines.push(JSON.parse(line)), ...options })
  return { log, lines, said: () => lines.splice(0).map(({ msg }) => msg) }
}

test('level and names of a configuration, also of the next one', () => {
  const { log, lines, said } = open()
  log.adjust({ level: 'warn', redact: ['x-card'] })
  log.info({}, 'low')
  log.warn({ 'x-card': '4111', 'x-other': '1' }, 'high')
  expect(lines[0]).toMatchObject({ 'x-card': '[redacted]', 'x-other': '1' })
  expect(said()).toEqual(['high'])
  log.adjust({ redact: [] })
  log.info({ 'x-card': '4111' }, 'low')
  expect(lines[0]).toMatchObject({ 'x-card': '4111' })
  expect(said()).toEqual(['low'])
})

test('a level that was asked for stays, and so do its names', () => {
  const { log, lines, said } = open({ level: 'debug', redact: ['x-own'] })
  log.adjust({ level: 'error', redact: [] })
  log.debug({ 'x-own': 'a', cookie: 'b' }, 'still')
  expect(lines[0]).toMatchObject({ 'x-own': '[redacted]', cookie: '[redacted]' })
  expect(said()).toEqual(['still'])
})

test('LOG_LEVEL wins over the configuration', () => {
  const { log, said } = open({}, 'error')
  log.adjust({ level: 'trace', redact: [] })
  log.warn({}, 'no')
  log.error({}, 'yes')
  expect(said()).toEqual(['yes'])
})
