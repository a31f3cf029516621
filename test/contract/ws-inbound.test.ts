import type { Handler, Reply } from '../../src/core/handler.ts'
import { Code, toGatewayError } from '../../src/core/status.ts'
import { type Flow, Source } from '../../src/core/stream.ts'
import { fakeReply, fakeSettings } from '../support/loopback.ts'
import { WsClient } from '../support/ws-client.ts'
import { schema, startWs } from '../support/ws-inbound.ts'
import { type ClientCall, type InboundRoute, inboundContract, type RunningInbound } from './inbound.ts'

/**
 * A target of a client stream or a bidi method replies as soon as its stream is open (rule 3 of the adapters): nothing comes from a
 * WebSocket client before it has its 101. What the handler gives follows inside the stream.
 */
const opensAtOnce =
  (handler: Handler): Handler =>
  (exchange) => {
    let flow: Flow | undefined
    const source = new Source({ resume: () => flow?.resume(), cancel: (status) => flow?.cancel(status) })
    exchange.onEnd((status) => source.cancel(status))
    const follow = async (): Promise<Reply> => handler(exchange)
    follow().then(
      ({ messages }) => {
        flow = messages.pipe({ message: (message) => source.push(message), end: (status) => source.end(status) })
        if (source.over) flow.cancel(exchangeOver)
      },
      (thrown: unknown) => source.end(toGatewayError(thrown).status),
    )
    return fakeReply(source)
  }
const exchangeOver = toGatewayError(undefined).status

const startInbound = async ({ shape, handler, settings }: InboundRoute): Promise<RunningInbound> => {
  const uploads = shape === 'client_stream' || shape === 'bidi'
  const rig = await startWs(() => ({
    shape,
    route: { settings: fakeSettings(schema, settings), handler: uploads ? opensAtOnce(handler) : handler },
  }))
  const clients: WsClient[] = []
  return {
    async open() {
      const client = await WsClient.connect(rig.port)
      clients.push(client)
      return wsCall(client)
    },
    drain: () => rig.inbound.drain(),
    connections: () => rig.listener.connections,
    async stop() {
      for (const client of clients) client.socket.destroy()
      await rig.stop()
    },
  }
}

/** The upgrade goes out with the first message, as a browser's would before it. */
const wsCall = (client: WsClient): ClientCall => {
  const waiting: string[] = []
  let asked = false
  let open = false
  let paused = false
  const { promise, resolve } = Promise.withResolvers<Awaited<ClientCall['outcome']>>()
  const send = (text: string): void => {
    if (!asked) {
      asked = true
      client.ask()
      void client.answer().then(
        ({ status, body }) => {
          if (status !== 101) return resolve({ messages: [], code: (JSON.parse(body) as { code: number }).code })
          open = true
          if (paused) client.socket.pause()
          for (const one of waiting.splice(0)) client.text(one)
          void client.closed.then((close) => {
            const { messages, status: end } = client.result
            resolve({ messages, code: close?.code === 1009 ? Code.RESOURCE_EXHAUSTED : end?.code })
          })
        },
        () => resolve({ messages: [], code: undefined }),
      )
    }
    if (open) client.text(text)
    else waiting.push(text)
  }
  return {
    send: (value) => send(value === undefined ? '{nonsense' : JSON.stringify(value)),
    halfClose: () => send(''),
    // It reads as far as the 101: without that it could not send its request.
    pause() {
      paused = true
      if (open) client.socket.pause()
    },
    resume() {
      paused = false
      client.socket.resume()
    },
    vanish: () => client.reset(),
    outcome: promise,
  }
}

inboundContract('ws', startInbound)
