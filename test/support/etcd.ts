import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Etcd {
  /** `127.0.0.1:PORT` of the client port: gRPC, its own REST gateway and /metrics. */
  readonly address: string
  stop(): Promise<void>
}

/**
 * One etcd server with an empty store. Every one calls itself by the same name and peer address, so two of them that are asked the
 * same in the same order have the same ids, revisions and hashes.
 */
export const startEtcd = async (path: string): Promise<Etcd> => {
  const folder = await mkdtemp(join(tmpdir(), 'etcd-'))
  const [client, peer] = [await freePort(), await freePort()]
  const address = `127.0.0.1:${client}`
  const known = 'http://127.0.0.1:2380'
  const flags = {
    name: 'one',
    'data-dir': folder,
    'listen-client-urls': `http://${address}`,
    'advertise-client-urls': 'http://127.0.0.1:2379',
    'listen-peer-urls': `http://127.0.0.1:${peer}`,
    'initial-advertise-peer-urls': known,
    'initial-cluster': `one=${known}`,
    'initial-cluster-token': 'protogate',
    logger: 'zap',
    'log-level': 'error',
  }
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
  const child = spawn(path, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (bytes: Buffer) => {
    said = (said + bytes.toString()).slice(-4000)
  })
  const stop = async (): Promise<void> => {
    await exited(child, () => child.kill('SIGKILL'))
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await healthy(address, child)
  } catch (error) {
    await stop()
    throw new Error(`etcd did not start: ${said}`, { cause: error })
  }
  return { address, stop }
}

const exited = (child: ChildProcess, kill: () => void): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve()
      return
    }
    child.once('exit', () => resolve())
    kill()
  })

const healthy = async (address: string, child: ChildProcess): Promise<void> => {
  const until = Date.now() + 30_000
  while (Date.now() < until && child.exitCode === null) {
    const answer = await fetch(`http://${address}/health`).catch(() => undefined)
    if (answer?.ok && ((await answer.json()) as { health: string }).health === 'true') return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('no health after 30 s, or it ended')
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { readonly port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
