import { execFileSync } from 'node:child_process'
import { createHash, type Hash, randomBytes, randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { type ClientRequest, type IncomingMessage, request as open } from 'node:http'
import { fileURLToPath } from 'node:url'
import * as grpc from '@grpc/grpc-js'
import protobuf from 'protobufjs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type CliProcess, startProcess } from '../support/cli.ts'
import { served } from '../support/cli-project.ts'
import { makeFolder } from '../support/proto-folder.ts'

const PROTO = `syntax = "proto3";
package blob.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
service Blobs {
  rpc Put(stream PutRequest) returns (PutReply) { option (google.api.http) = { post: "/v1/blobs/{name}" body: "content" }; }
  rpc Fetch(PutRequest) returns (stream google.api.HttpBody) { option (google.api.http) = { get: "/v1/blobs/{name}" }; }
}
message PutRequest { string name = 1; google.api.HttpBody content = 2; }
message PutReply { string sha256 = 1; int64 bytes = 2; string type = 3; }
`
const MiB = 2 ** 20
/** What is sent in each direction, and where one side stands still for a while. */
const WHOLE = 200 * MiB
const SLOW = 64 * MiB
/** How much more memory than at its start the gateway may take; its heap has 64 MiB. */
const GROWTH = 200 * MiB
/** Bytes that may be on their way while nobody takes them: buffers of the sockets, windows of HTTP/2, one piece. */
const IN_FLIGHT = 32 * MiB

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** Resident memory of a process in bytes. */
const residentOf = (pid: number): number => {
  if (process.platform === 'linux') {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return Number(kib) * 1024
  }
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)]).toString()) * 1024
}

interface Upload {
  readonly hash: Hash
  bytes: number
  name: string
  type: string
  call: grpc.ServerReadableStream<Buffer, Buffer> | undefined
  cancelled: boolean
}
interface Download {
  readonly hash: Hash
  /** Handed to grpc-js. */
  bytes: number
  waiting: boolean
  cancelled: boolean
}

/** What `content` of a PutRequest holds, and its other fields. */
const readPut = (bytes: Buffer): { name: string; type: string; data: Uint8Array } => {
  const out = { name: '', type: '', data: new Uint8Array(0) as Uint8Array }
  const reader = protobuf.Reader.create(bytes)
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    if (tag === 0x0a) out.name = reader.string()
    else if (tag === 0x12) {
      const end = reader.uint32() + reader.pos
      while (reader.pos < end) {
        const inner = reader.uint32()
        if (inner === 0x0a) out.type = reader.string()
        else if (inner === 0x12) out.data = reader.bytes()
        else throw new Error(`an unexpected field of HttpBody: ${inner}`)
      }
    } else throw new Error(`an unexpected field: ${tag}`)
  }
  return out
}
const httpBody = (type: string, data: Uint8Array): Buffer => {
  const writer = protobuf.Writer.create()
  if (type !== '') writer.uint32(0x0a).string(type)
  return Buffer.from(writer.uint32(0x12).bytes(data).finish())
}

interface Backend {
  readonly address: string
  readonly upload: Upload
  readonly download: Download
  /** The upload is not read after its first message, until `readOn`. */
  stopReading: boolean
  readOn(): void
  /** What the download has. */
  total: number
  /** The download fails after as many bytes. */
  failAfter: number
  stop(): void
}
const startBackend = async (): Promise<Backend> => {
  const upload: Upload = { hash: createHash('sha256'), bytes: 0, name: '', type: '', call: undefined, cancelled: false }
  const download: Download = { hash: createHash('sha256'), bytes: 0, waiting: false, cancelled: false }
  const server = new grpc.Server({ 'grpc.enable_channelz': 0 })
  const identity = (bytes: Buffer): Buffer => bytes
  const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
    path: `/blob.v1.Blobs/${name}`,
    requestStream,
    responseStream,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  })
  const backend = { stopReading: false, total: WHOLE, failAfter: Number.POSITIVE_INFINITY }
  server.addService(
    { Put: method('Put', true, false), Fetch: method('Fetch', false, true) },
    {
      Put(call: grpc.ServerReadableStream<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) {
        upload.call = call
        call.on('cancelled', () => {
          upload.cancelled = true
        })
        call.on('data', (bytes: Buffer) => {
          const { name, type, data } = readPut(bytes)
          if (name !== '') upload.name = name
          if (type !== '') upload.type = type
          upload.hash.update(data)
          upload.bytes += data.length
          if (backend.stopReading) call.pause()
        })
        call.on('end', () => {
          const reply = protobuf.Writer.create().uint32(0x0a).string(upload.hash.digest('hex'))
          reply.uint32(0x10).int64(upload.bytes).uint32(0x1a).string(upload.type)
          done(null, Buffer.from(reply.finish()))
        })
      },
      async Fetch(call: grpc.ServerWritableStream<Buffer, Buffer>) {
        let go = (): void => {}
        call.on('drain', () => go())
        call.on('cancelled', () => {
          download.cancelled = true
          go()
        })
        for (let first = true; download.bytes < backend.total && !download.cancelled; first = false) {
          if (download.bytes >= backend.failAfter) {
            call.emit('error', { code: grpc.status.DATA_LOSS, details: 'the disk broke' })
            return
          }
          const data = randomBytes(Math.min(777_777, backend.total - download.bytes))
          download.hash.update(data)
          download.bytes += data.length
          if (call.write(httpBody(first ? 'video/x-noise' : '', data))) continue
          download.waiting = true
          await new Promise<void>((resolve) => {
            go = resolve
          })
          download.waiting = false
        }
        call.end()
      },
    },
  )
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  )
  return Object.assign(backend, {
    address: `grpc://127.0.0.1:${port}`,
    upload,
    download,
    readOn() {
      backend.stopReading = false
      upload.call?.resume()
    },
    stop: () => server.forceShutdown(),
  })
}

let folder: string
let backend: Backend
let gateway: CliProcess
let port: number
let base: number
let peak: number
let sampling: NodeJS.Timeout

beforeEach(async () => {
  backend = await startBackend()
  folder = makeFolder({
    'protos/blob.proto': PROTO,
    'routes.json': JSON.stringify({
      schemas: ['protos'],
      upstreams: { blobs: { endpoints: [backend.address] } },
      log: { level: 'warn' },
    }),
  })
  const flags = ['--max-old-space-size=64', MAIN, 'run', '--port', '0', '--admin-port', '0']
  gateway = startProcess(process.execPath, [...flags, '--config', 'routes.json'], {
    cwd: folder,
    env: { LOG_LEVEL: 'info' },
  })
  port = (await served(gateway)).port
  base = residentOf(gateway.child.pid!)
  peak = base
  sampling = setInterval(() => {
    if (gateway.child.exitCode === null) peak = Math.max(peak, residentOf(gateway.child.pid!))
  }, 20)
})
afterEach(async () => {
  clearInterval(sampling)
  gateway.child.kill('SIGKILL')
  await gateway.ended
  backend.stop()
  rmSync(folder, { recursive: true, force: true })
})

const begin = (method: string, name: string, headers: Record<string, string> = {}): ClientRequest =>
  open({ host: '127.0.0.1', port, method, path: `/v1/blobs/${name}`, headers, agent: false })
const headOf = async (request: ClientRequest): Promise<IncomingMessage> => {
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return response
}
const textOf = async (response: IncomingMessage): Promise<string> => Buffer.concat(await response.toArray()).toString()

/** Waits until `amount` has not changed for half a second: whoever makes it is held. */
const held = async (amount: () => number): Promise<number> => {
  let last = -1
  for (let still = 0; still < 10; still++) {
    if (amount() !== last) still = 0
    last = amount()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return last
}

/** Sends random bytes at the pace of the gateway; counts what was handed to the socket. */
const sendNoise = (request: ClientRequest, hash: Hash, total: number) => {
  const state = { bytes: 0, done: Promise.resolve() }
  const run = async (): Promise<void> => {
    while (state.bytes < total) {
      const chunk = randomFillSync(Buffer.allocUnsafe(Math.min(333_333, total - state.bytes)))
      hash.update(chunk)
      state.bytes += chunk.length
      if (!request.write(chunk)) await once(request, 'drain')
    }
    request.end()
  }
  state.done = run()
  return state
}

describe('200 MiB through a heap of 64 MiB', { timeout: 60_000 }, () => {
  test('up', async () => {
    const request = begin('POST', 'up', { 'content-type': 'video/x-noise' })
    const hash = createHash('sha256')
    const sent = sendNoise(request, hash, WHOLE)
    const reply = JSON.parse(await textOf(await headOf(request))) as object
    await sent.done
    expect(reply).toEqual({ sha256: hash.digest('hex'), bytes: String(WHOLE), type: 'video/x-noise' })
    expect(backend.upload.name).toBe('up')
    console.log(`up: ${Math.round((peak - base) / MiB)} MiB over ${Math.round(base / MiB)} MiB`)
    expect(peak - base).toBeLessThan(GROWTH)
  })

  test('down', async () => {
    const request = begin('GET', 'down').end()
    const response = await headOf(request)
    expect([response.statusCode, response.headers['content-type']]).toEqual([200, 'video/x-noise'])
    const hash = createHash('sha256')
    let bytes = 0
    for await (const chunk of response as AsyncIterable<Buffer>) {
      hash.update(chunk)
      bytes += chunk.length
    }
    expect([bytes, hash.digest('hex')]).toEqual([WHOLE, backend.download.hash.digest('hex')])
    console.log(`down: ${Math.round((peak - base) / MiB)} MiB over ${Math.round(base / MiB)} MiB`)
    expect(peak - base).toBeLessThan(GROWTH)
  })

  test('up to a backend that does not read: the client is held, and then goes on', async () => {
    backend.stopReading = true
    const request = begin('POST', 'slow')
    const hash = createHash('sha256')
    const sent = sendNoise(request, hash, SLOW)
    const early = await held(() => sent.bytes)
    expect(backend.upload.bytes).toBeLessThanOrEqual(256 * 1024)
    expect(early).toBeLessThan(IN_FLIGHT)
    backend.readOn()
    const reply = JSON.parse(await textOf(await headOf(request))) as object
    expect(reply).toMatchObject({ sha256: hash.digest('hex'), bytes: String(SLOW) })
    console.log(`up, held at ${(early / MiB).toFixed(1)} MiB: ${Math.round((peak - base) / MiB)} MiB`)
    expect(peak - base).toBeLessThan(GROWTH)
  })

  test('down to a client that does not read: the backend is held, and then goes on', async () => {
    backend.total = SLOW
    const request = begin('GET', 'slow').end()
    const response = await headOf(request)
    response.pause()
    const early = await held(() => backend.download.bytes)
    expect(backend.download.waiting).toBe(true)
    expect(early).toBeLessThan(IN_FLIGHT)
    const hash = createHash('sha256')
    for await (const chunk of response as AsyncIterable<Buffer>) hash.update(chunk)
    expect(hash.digest('hex')).toBe(backend.download.hash.digest('hex'))
    console.log(`down, held at ${(early / MiB).toFixed(1)} MiB: ${Math.round((peak - base) / MiB)} MiB`)
    expect(peak - base).toBeLessThan(GROWTH)
  })

  test('a failure behind the first byte cuts the connection', async () => {
    backend.failAfter = 3 * MiB
    const response = await headOf(begin('GET', 'broken').end())
    expect(response.statusCode).toBe(200)
    let bytes = 0
    const read = async (): Promise<void> => {
      for await (const chunk of response as AsyncIterable<Buffer>) bytes += chunk.length
    }
    await expect(read()).rejects.toThrow('aborted')
    expect(response.complete).toBe(false)
    expect(bytes).toBeLessThanOrEqual(backend.download.bytes)
  })

  test('who leaves half-way ends the call of the backend', async () => {
    const up = begin('POST', 'gone')
    up.on('error', () => {})
    up.write(randomBytes(MiB))
    while (backend.upload.call === undefined || backend.upload.bytes === 0)
      await new Promise((resolve) => setTimeout(resolve, 10))
    up.destroy()
    const down = await headOf(begin('GET', 'gone').end())
    down.on('error', () => {})
    down.destroy()
    while (!backend.upload.cancelled || !backend.download.cancelled)
      await new Promise((resolve) => setTimeout(resolve, 10))
    expect(backend.download.bytes).toBeLessThan(WHOLE)
  })
})
