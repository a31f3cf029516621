import { http } from '../../adapters/inbound/http/index.ts'
import { systemClock } from '../../src/core/clock.ts'
import { singleRoute } from '../support/ingress.ts'
import { recordingLog, testListener } from '../support/listener.ts'
import { type RawAnswer, RawClient } from '../support/raw-client.ts'
import { type ClientCall, type InboundRoute, inboundContract, type RunningInbound } from './inbound.ts'

const startHttp = async ({ shape, handler, settings }: InboundRoute): Promise<RunningInbound> => {
  const inbound = http.create({ log: recordingLog(), clock: systemClock() })
  const ingress = singleRoute(handler, { shape, settings })
  const { listener, port } = await testListener((given) => inbound.attach(given, ingress))
  const clients: RawClient[] = []
  const single = shape === 'unary' || shape === 'server_stream'
  return {
    async open() {
      const client = await RawClient.open(port)
      clients.push(client)
      return httpCall(client, single)
    },
    drain: () => inbound.drain(),
    connections: () => listener.connections,
    async stop() {
      for (const client of clients) client.destroy()
      await listener.stop()
      if (ingress.snapshot.held !== 0) throw new Error(`${ingress.snapshot.held} calls hold the snapshot`)
    },
  }
}

/** A POST with NDJSON both ways; a single message goes with its length. */
const httpCall = (client: RawClient, single: boolean): ClientCall => {
  const HEAD = 'POST /call HTTP/1.1\r\nHost: x\r\nAccept: application/x-ndjson\r\n'
  let begun = false
  const chunk = (text: string): void => {
    if (!begun) client.send(`${HEAD}Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n`)
    begun = true
    if (text !== '') client.send(`${text.length.toString(16)}\r\n${text}\r\n`)
  }
  const { promise, resolve } = Promise.withResolvers<Awaited<ClientCall['outcome']>>()
  void client.answer().then(
    (answer) => resolve(outcomeOf(answer)),
    () => resolve({ messages: [], code: undefined }),
  )
  return {
    send(value) {
      const text = value === undefined ? '{nonsense' : JSON.stringify(value)
      if (single) client.send(`${HEAD}Content-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`)
      else chunk(`${text}\n`)
    },
    halfClose() {
      if (!single) client.send('0\r\n\r\n')
    },
    pause: () => void client.socket.pause(),
    resume: () => void client.socket.resume(),
    vanish: () => client.reset(),
    outcome: promise,
  }
}

const outcomeOf = ({ status, body, complete }: RawAnswer): Awaited<ClientCall['outcome']> => {
  if (status !== 200) return { messages: [], code: (JSON.parse(body) as { code: number }).code }
  const lines = body.split('\n').filter((line) => line !== '')
  const messages = lines.map((line) => JSON.parse(line) as { error?: { code: number } })
  const error = messages.at(-1)?.error
  if (error !== undefined) return { messages: messages.slice(0, -1), code: error.code }
  return { messages, code: complete ? 0 : undefined }
}

inboundContract('http', startHttp)
