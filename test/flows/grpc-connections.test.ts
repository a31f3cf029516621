import { rmSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect as connectTcp, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../src/core/config-error.ts'
import { reasonOf } from '../../src/core/error-details.ts'
import { Code } from '../../src/core/status.ts'
import { collect, unary } from '../../src/core/stream.ts'
import { backendCall, order } from '../support/backend-calls.ts'
import { certFiles, certs } from '../support/certs/index.ts'
import { failure } from '../support/cleanup.ts'
import { type GrpcBackendOptions, startGrpcBackend } from '../support/grpc-backend.ts'
import { GRPC_OUTBOUNDS } from '../support/grpc-outbounds.ts'
import { grpcRig } from '../support/grpc-rig.ts'

describe.each(GRPC_OUTBOUNDS)('outbound $name', (outbound) => {
  const { keep, open, start, say } = grpcRig(outbound)

  describe('connections', () => {
    test('a Unix socket', async () => {
      const path = join(tmpdir(), `protogate-${process.pid}-${Date.now()}.sock`)
      const { backend, channel } = await start({ unix: `unix:${path}` })
      expect((await say(channel, { request: unary(order({ text: 'hi' })) })).answer.text).toBe('hi')
      expect(backend.address).toBe(`unix:${path}`)
      rmSync(path, { force: true })
    })

    test('one connection carries all calls', async () => {
      const { backend, channel } = await start()
      await Promise.all(Array.from({ length: 50 }, () => say(channel)))
      expect(new Set(backend.calls.map((call) => call.peer)).size).toBe(1)
    })

    test('IPv6 in brackets', async () => {
      const { channel } = await start({ host: '::1' })
      expect((await say(channel)).answer.index).toBe(0)
    })

    test('a host that does not exist is UNAVAILABLE', async () => {
      const error = await failure(open('grpc://no-such-host.invalid:50051').call(backendCall('unary')))
      expect(error.status.code).toBe(Code.UNAVAILABLE)
      expect(error.status.message).toBe('the backend is not available: name not found')
      expect(error.status.note).toContain('no-such-host.invalid:50051')
    })

    test('a backend that comes back is used again', async () => {
      const first = await startGrpcBackend()
      const channel = open(first.address)
      await say(channel)
      await first.stop()
      let gone = await failure(channel.call(backendCall('unary')))
      // The first calls may still meet the connection that is being closed.
      for (let i = 0; i < 100 && !gone.status.note?.includes('ECONNREFUSED'); i++) {
        expect(gone.status.code).toBe(Code.UNAVAILABLE)
        await new Promise((resolve) => setTimeout(resolve, 20))
        gone = await failure(channel.call(backendCall('unary')))
      }
      expect(gone.status.message).toBe('the backend is not available: connection refused')
      expect(gone.status.note).toContain(`connect ECONNREFUSED 127.0.0.1:${first.port}`)
      const second = keep(await startGrpcBackend({ port: first.port }))
      const answered = async (): Promise<boolean> =>
        Promise.resolve(channel.call(backendCall('unary'))).then(
          () => true,
          () => false,
        )
      for (let i = 0; i < 100 && !(await answered()); i++) await new Promise((resolve) => setTimeout(resolve, 50))
      expect(second.calls.length).toBeGreaterThan(0)
    })

    /** Takes connections and says nothing, until it is told to pass them on. */
    const silent = async (): Promise<{
      port: number
      sockets: Socket[]
      forward(port: number): void
      stop(): Promise<void>
    }> => {
      const sockets: Socket[] = []
      let to: number | undefined
      const server = createServer((socket) => {
        socket.on('error', () => {})
        sockets.push(socket)
        if (to === undefined) return void socket.resume()
        const other = connectTcp(to, '127.0.0.1')
        other.on('error', () => socket.destroy())
        socket.on('close', () => other.destroy())
        socket.pipe(other).pipe(socket)
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      return {
        port: (server.address() as AddressInfo).port,
        sockets,
        forward(port) {
          to = port
        },
        async stop() {
          for (const socket of sockets) socket.destroy()
          await new Promise((resolve) => server.close(resolve))
        },
      }
    }

    test.each(['unary', 'server_stream', 'client_stream', 'bidi'] as const)(
      '%s: a peer that takes the connection and says nothing is given up after connectTimeout, and tried anew',
      async (shape) => {
        const { backend } = await start()
        const peer = keep(await silent())
        const channel = open(`grpc://127.0.0.1:${peer.port}`, { connectTimeout: '80ms' })
        const errors = await Promise.all([1, 2].map(() => failure(channel.call(backendCall(shape)))))
        for (const { status } of errors) {
          expect([status.code, reasonOf(status.details)]).toEqual([Code.UNAVAILABLE, 'UPSTREAM_UNAVAILABLE'])
          expect(status.message).toBe('the backend is not available: no connection within 80ms')
        }
        expect(peer.sockets).toHaveLength(1)
        await backend.until(() => peer.sockets[0]!.destroyed, 'the socket closed')
        peer.forward(backend.port)
        expect(
          (await collect((await channel.call(backendCall(shape, { request: unary(order({ count: 1 })) }))).messages))
            .status.code,
        ).toBe(Code.OK)
        expect(peer.sockets).toHaveLength(2)
      },
    )

    test('a shorter deadline ends the wait for a connection', async () => {
      const peer = keep(await silent())
      const channel = open(`grpc://127.0.0.1:${peer.port}`, { connectTimeout: '1m' })
      const error = await failure(channel.call(backendCall('bidi', { timeout: 50 })))
      expect(error.status.code).toBe(Code.DEADLINE_EXCEEDED)
    })

    test('a server that speaks HTTP/1.1 is UNAVAILABLE', async () => {
      const server = createHttpServer((_request, response) => response.end('hello'))
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      keep({ stop: () => new Promise<void>((resolve) => server.close(() => resolve())) })
      const { port } = server.address() as AddressInfo
      const error = await failure(open(`grpc://127.0.0.1:${port}`).call(backendCall('unary')))
      expect(error.status.code).toBe(Code.UNAVAILABLE)
    })
  })

  describe('TLS', () => {
    const tlsBackend = (pair: { cert: Buffer; key: Buffer } = certs.backend, clients = false): GrpcBackendOptions => ({
      credentials: grpc.ServerCredentials.createSsl(
        certs.ca,
        [{ cert_chain: pair.cert, private_key: pair.key }],
        clients,
      ),
    })
    const ca = certFiles.ca

    test('a backend whose certificate is signed by the given CA, as file or text', async () => {
      for (const given of [ca, certs.ca.toString()]) {
        const { backend, channel } = await start(tlsBackend(), { tls: { ca: given } })
        expect(backend.address).toMatch(/^grpcs:/)
        expect((await say(channel, { request: unary(order({ text: 'hi' })) })).answer.text).toBe('hi')
      }
    })
    test('one that nobody signed for us is UNAVAILABLE', async () => {
      const { backend, channel } = await start(tlsBackend())
      const error = await failure(channel.call(backendCall('unary')))
      expect([error.status.code, reasonOf(error.status.details)]).toEqual([Code.UNAVAILABLE, 'UPSTREAM_UNAVAILABLE'])
      expect(error.status.message).toBe('the backend is not available: TLS failed')
      expect(error.status.note).toMatch(/certificate/)
      expect(backend.calls).toHaveLength(0)
    })
    test('the name in the certificate must be that of the address, or serverName', async () => {
      const { backend, channel } = await start(tlsBackend(certs.other), { tls: { ca } })
      expect((await failure(channel.call(backendCall('unary')))).status.note).toMatch(/altnames|IP/)
      const named = open(backend.address, { tls: { ca, serverName: 'elsewhere.test' } })
      expect((await say(named)).answer.index).toBe(0)
    })
    test('our own certificate is shown when it is asked for', async () => {
      const { backend, channel } = await start(tlsBackend(certs.backend, true), { tls: { ca } })
      expect((await failure(channel.call(backendCall('unary')))).status.code).toBe(Code.UNAVAILABLE)
      const known = open(backend.address, { tls: { ca, ...certFiles.client } })
      expect((await say(known)).answer.index).toBe(0)
    })
    test('files that cannot be read, half a pair, and a key of another certificate are problems of the configuration', () => {
      const broken = { cert: certFiles.client.cert, key: certFiles.backend.key }
      const codes = [
        { ca: '/no/such/file.pem' },
        { cert: certFiles.client.cert },
        { key: certFiles.client.key },
        broken,
      ].map((tls) => {
        try {
          open('grpcs://127.0.0.1:1', { tls })
          return 'none'
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(ConfigError)
          return (thrown as ConfigError).problems[0]!.code
        }
      })
      expect(codes).toEqual(['TLS_FILE_UNREADABLE', 'TLS_KEY_INCOMPLETE', 'TLS_KEY_INCOMPLETE', 'TLS_INVALID'])
    })
  })
})
