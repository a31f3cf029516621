import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request as open } from 'node:http'

export interface SendInit {
  readonly method?: string
  /** Raw: nothing of it is normalised. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: Uint8Array | string | undefined
  /** The request is not ended: the test writes the rest. */
  readonly unended?: boolean
}
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Flat, names as they came. */
  readonly rawHeaders: readonly string[]
  readonly trailers: NodeJS.Dict<string>
  readonly body: Buffer
  readonly text: string
  /** false: the connection was cut inside the body. */
  readonly complete: boolean
  json(): unknown
}
export interface Sent {
  readonly request: ClientRequest
  /** Resolves at the head of the answer. */
  readonly head: Promise<IncomingMessage>
  /** Resolves at the end of the answer, whole or cut. Its head must have come. */
  readonly answer: Promise<Answer>
}

/** One request on a connection of its own, with no header but `host` and `connection` beside those that are given. */
export const begin = (url: string, { method = 'GET', path, headers = {}, body, unended = false }: SendInit): Sent => {
  const { hostname, port } = new URL(url)
  const given = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value as string | string[]]))
  const request = open({ host: hostname, port, method, path, headers: given, agent: false })
  const head = new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve)
    request.once('error', reject)
  })
  const answer = head.then(readAnswer)
  // Whoever looks at the head alone is not told of the rest.
  answer.catch(() => {})
  // After the head an error is the end of the answer, which tells it.
  request.on('error', () => {})
  if (body !== undefined) request.write(body)
  if (!unended) request.end()
  else request.flushHeaders()
  return { request, head, answer }
}

export const send = (url: string, init: SendInit): Promise<Answer> => begin(url, init).answer

const readAnswer = (response: IncomingMessage): Promise<Answer> =>
  new Promise((resolve) => {
    const parts: Buffer[] = []
    response.on('data', (bytes: Buffer) => parts.push(bytes))
    response.on('error', () => {})
    response.on('close', () => {
      const body = Buffer.concat(parts)
      const text = body.toString()
      resolve({
        status: response.statusCode!,
        headers: response.headers,
        rawHeaders: response.rawHeaders,
        trailers: response.trailers,
        body,
        text,
        complete: response.complete,
        json: () => JSON.parse(text) as unknown,
      })
    })
  })
