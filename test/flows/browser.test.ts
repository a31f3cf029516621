import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import { describeWith } from '../support/required.ts'

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const PAGE = { status: 200, headers: { 'content-type': 'text/html' }, body: '<!doctype html><title>page</title>' }

/** What a page saw of one socket: texts of its frames, then how it was closed. */
interface Seen {
  readonly frames: string[]
  readonly code: number
  readonly opened: boolean
}

describeWith('chromium', 'a page in Chromium', (executablePath) => {
  let gateway: RunningGateway
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    gateway = await startGateway(
      {
        schemas: ['protos'],
        upstreams: { demo: { endpoints: ['mock:?interval=20ms'] } },
        routes: [
          { service: '*', to: 'demo' },
          { path: '/live/{symbol}', ws: true, rpc: 'ticker.v1.Ticker/Watch', to: 'demo' },
          { path: '/', method: 'GET', respond: PAGE },
        ],
      },
      { cwd: fileURLToPath(new URL('../..', import.meta.url)) },
    )
    // Playwright gives each launch a fresh profile in a temporary folder.
    browser = await chromium.launch({ executablePath, args: FLAGS })
    page = await browser.newPage()
    await page.goto(gateway.url)
  })
  afterAll(async () => {
    await browser?.close()
    await gateway?.stop()
  })

  /** Opens a socket in the page, sends `send` as text frames and waits for the close. */
  const talk = (at: Page, path: string, send: readonly string[] = []): Promise<Seen> =>
    at.evaluate(
      ({ url, send }) =>
        new Promise<Seen>((resolve) => {
          const frames: string[] = []
          let opened = false
          const socket = new WebSocket(url)
          socket.onopen = () => {
            opened = true
            for (const text of send) socket.send(text)
          }
          socket.onmessage = (event) => frames.push(String(event.data))
          socket.onclose = (event) => resolve({ frames, code: event.code, opened })
        }),
      { url: gateway.ws + path, send: [...send] },
    )
  const parsed = ({ frames }: Seen): Record<string, unknown>[] =>
    frames.map((frame) => JSON.parse(frame) as Record<string, unknown>)
  const openSockets = async (): Promise<string | undefined> => {
    const text = await (await fetch(`${gateway.admin}/metrics`)).text()
    return /^protogate_open_exchanges\{protocol="ws"\} (\d+)$/m.exec(text)?.[1]
  }

  test('a bare WebSocket reads a server stream to its status', async () => {
    const seen = await talk(page, '/v1/ticks/ACME?count=3')
    expect(parsed(seen)).toMatchObject([
      { symbol: 'ACME', sequence: '1' },
      { symbol: 'ACME', sequence: '2' },
      { symbol: 'ACME', sequence: '3' },
      { '@status': { code: 0 } },
    ])
    expect(seen.code).toBe(1000)
  })

  test('a bare WebSocket talks to a bidi method and ends it with an empty frame', async () => {
    const seen = await talk(page, '/v1/chat/lobby', [
      '{"user":"ada","text":"hello"}',
      '{"user":"ada","text":"grüße"}',
      '',
    ])
    expect(parsed(seen)).toMatchObject([
      { room: 'lobby', user: 'ada', text: 'hello' },
      { user: 'ada', text: 'grüße' },
      { '@status': { code: 0 } },
    ])
    expect(seen.code).toBe(1000)
  })

  test('a message that does not fit is told in-band, then by the close code', async () => {
    const seen = await talk(page, '/v1/chat/lobby', ['{"nope":1}'])
    expect(parsed(seen)).toMatchObject([{ '@status': { code: 3, message: expect.stringContaining('nope') } }])
    expect(seen.code).toBe(4400)
  })

  test('a page that closes its socket ends the call at the backend', async () => {
    const first = await page.evaluate(
      (url) =>
        new Promise<string>((resolve) => {
          const socket = new WebSocket(url)
          socket.onmessage = (event) => {
            socket.close()
            resolve(String(event.data))
          }
        }),
      `${gateway.ws}/live/ACME`,
    )
    expect(JSON.parse(first)).toMatchObject({ symbol: 'ACME', sequence: '1' })
    await expect.poll(openSockets).toBe('0')
  })

  test('fetch reads NDJSON while the stream runs, and abort ends it', async () => {
    const lines = await page.evaluate(async (url) => {
      const abort = new AbortController()
      const response = await fetch(url, { signal: abort.signal })
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
      let text = ''
      while (text.split('\n').length < 4) text += (await reader.read()).value
      abort.abort()
      return [response.headers.get('content-type'), ...text.split('\n').slice(0, 3)]
    }, `${gateway.url}/v1/ticks/ACME`)
    expect(lines[0]).toMatch(/^application\/x-ndjson/)
    expect(lines.slice(1).map((line) => JSON.parse(line!) as unknown)).toMatchObject([
      { sequence: '1' },
      { sequence: '2' },
      { sequence: '3' },
    ])
  })

  test('EventSource reads SSE of the same method up to its end event', async () => {
    const seen = await page.evaluate(
      (url) =>
        new Promise<{ data: string[]; end: string }>((resolve) => {
          const data: string[] = []
          const source = new EventSource(url)
          source.onmessage = (event) => data.push(String(event.data))
          source.addEventListener('end', (event) => {
            source.close()
            resolve({ data, end: String((event as MessageEvent).data) })
          })
        }),
      `${gateway.url}/v1/ticks/ACME?count=3`,
    )
    expect(seen.data.map((text) => JSON.parse(text) as unknown)).toMatchObject([
      { symbol: 'ACME', sequence: '1' },
      { symbol: 'ACME', sequence: '2' },
      { symbol: 'ACME', sequence: '3' },
    ])
    expect(JSON.parse(seen.end)).toMatchObject({ code: 0 })
  })

  test('fetch reads an error as google.rpc.Status', async () => {
    const [status, body] = await page.evaluate(async (url) => {
      const response = await fetch(url)
      return [response.status, await response.json()] as const
    }, `${gateway.url}/v1/ticks/ACME?count=many`)
    expect([status, body]).toMatchObject([400, { code: 3, message: expect.any(String), details: expect.any(Array) }])
  })

  test('a page of another origin gets no socket', async () => {
    const server = createServer((_request, response) => response.end(PAGE.body)).listen(0, '127.0.0.1')
    try {
      await new Promise((resolve) => server.once('listening', resolve))
      const foreign = await browser.newPage()
      await foreign.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
      const seen = await talk(foreign, '/v1/ticks/ACME?count=3')
      expect(seen).toEqual({ frames: [], code: 1006, opened: false })
      await foreign.close()
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })
})
