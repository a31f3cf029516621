import { setImmediate as nextTurn } from 'node:timers/promises'
import { snapshotChanged } from './core/channels.ts'
import type { Clock } from './core/clock.ts'
import type { Problem } from './core/config-error.ts'
import { ConfigError, describeProblem } from './core/config-error.ts'
import type { Exchange } from './core/exchange.ts'
import type { Reply } from './core/handler.ts'
import type { Gateway, Inbound, Ingress, Log, Registry } from './core/module.ts'
import type { Snapshot } from './core/snapshot.ts'
import type { HttpListener, ListenerAddress, ListenerLimits } from './listener/listener.ts'

/** A compiled configuration with what is not part of a snapshot: where to listen, how long to drain. */
export interface Compiled {
  readonly snapshot: Snapshot
  readonly listeners: readonly { readonly host: string; readonly port: number }[]
  readonly admin: { readonly host: string; readonly port: number } | undefined
  /** ms */
  readonly drain: number
  readonly limits: Partial<ListenerLimits>
  /** Addresses and CIDR blocks of proxies that say for whom they forward. */
  readonly trustedProxies: readonly string[]
  /** The modules that it was compiled with, plug-ins included. */
  readonly registry: Registry
  readonly warnings: readonly Problem[]
}

export interface GatewayParts {
  readonly clock: Clock
  readonly log: Log
  /** Reads and compiles the configuration. Throws ConfigError with all its problems. */
  compile(revision: number): Promise<Compiled>
  listen(
    address: { readonly host: string; readonly port: number },
    settings: Pick<Compiled, 'limits' | 'trustedProxies'>,
  ): HttpListener
  /** Claims the requests of the admin listener. */
  attachAdmin(listener: HttpListener, gateway: CoreGateway): void
}

export type State = 'created' | 'ready' | 'draining' | 'stopped'

/** Holds the current snapshot. One field is swapped by a reload; a call keeps the snapshot that it started with. */
export class CoreGateway implements Gateway, Ingress {
  readonly #parts: GatewayParts
  #inbounds: readonly Inbound[] = []
  readonly #reloaded = new Set<(result: ReloadResult) => void>()
  #compiled: Compiled | undefined
  #listeners: HttpListener[] = []
  #admin: HttpListener | undefined
  #addresses: readonly ListenerAddress[] = []
  #adminAddress: ListenerAddress | undefined
  #state: State = 'created'
  #revision = 0
  /** What the open listeners were made of. */
  #fixed = ''
  readonly #own = new WeakSet<object>()
  #reloading: Promise<unknown> = Promise.resolve()
  #drained: Promise<boolean> | undefined
  #stopped: Promise<void> | undefined

  constructor(parts: GatewayParts) {
    this.#parts = parts
  }

  /** A snapshot, current or past, or a listener of this gateway: subscribers of the process-wide channels tell their own by it. */
  owns(part: object): boolean {
    return this.#own.has(part)
  }
  get state(): State {
    return this.#state
  }
  /** The snapshot that new calls start with. Throws before `start`. */
  get snapshot(): Snapshot {
    if (this.#compiled === undefined) throw new Error('the gateway was not started')
    return this.#compiled.snapshot
  }
  /** The same, undefined before `start`. */
  get served(): Snapshot | undefined {
    return this.#compiled?.snapshot
  }
  /** Warnings of the configuration that is served. */
  get warnings(): readonly Problem[] {
    return this.#compiled?.warnings ?? []
  }
  /** Where it really listens: port 0 is resolved. */
  addresses(): { readonly http: readonly ListenerAddress[]; readonly admin: ListenerAddress | undefined } {
    return { http: this.#addresses, admin: this.#adminAddress }
  }

  dispatch(exchange: Exchange): Reply | Promise<Reply> {
    return exchange.match.route.handler(exchange)
  }

  /** Compiles, then listens. Nothing listens when it rejects, which it also does when the gateway is stopped meanwhile. */
  async start(): Promise<void> {
    if (this.#revision > 0 || this.#state !== 'created') throw new Error('a gateway can be started only once')
    try {
      const compiled = await this.#parts.compile(++this.#revision)
      if (this.#isStopped) compiled.snapshot.release()
      this.#goOn()
      this.#compiled = compiled
      this.#own.add(compiled.snapshot)
      this.#fixed = fixedAtStart(compiled)
      this.#openListeners(compiled)
      this.#goOn()
      const admin = this.#admin === undefined ? [] : [this.#admin]
      const addresses = await listenAll([...this.#listeners, ...admin])
      this.#goOn()
      this.#addresses = addresses.slice(0, this.#listeners.length)
      this.#adminAddress = addresses[this.#listeners.length]
    } catch (error) {
      await this.stop()
      throw error
    }
    this.#state = 'ready'
    const { snapshot } = this
    snapshotChanged.publish({ kind: 'loaded', revision: snapshot.revision, problems: [], snapshot })
  }

  get #isStopped(): boolean {
    return this.#state === 'stopped'
  }
  #goOn(): void {
    if (this.#isStopped) throw new Error('the gateway was stopped during its start')
  }

  /** Makes the listeners and tells everybody who claims requests; nothing is bound yet. */
  #openListeners({ registry, listeners, admin, limits, trustedProxies }: Compiled): void {
    const { log, clock } = this.#parts
    this.#inbounds = registry.all('inbound').map((module) => module.create({ log, clock }))
    for (const address of listeners) {
      const listener = this.#parts.listen(address, { limits, trustedProxies })
      this.#own.add(listener)
      for (const inbound of this.#inbounds) inbound.attach(listener, this)
      this.#listeners.push(listener)
    }
    if (admin === undefined) return
    this.#admin = this.#parts.listen(admin, { limits, trustedProxies: [] })
    this.#own.add(this.#admin)
    this.#parts.attachAdmin(this.#admin, this)
  }

  /** One reload at a time; a second call waits for the first. */
  reload(): Promise<Snapshot> {
    const next = this.#reloading.then(() => this.#reload())
    this.#reloading = next.catch(() => {})
    return next
  }

  async #reload(): Promise<Snapshot> {
    if (this.#state !== 'ready') throw new Error(`the gateway is ${this.#state}, it cannot be reloaded`)
    const old = this.#compiled!
    try {
      const compiled = await this.#parts.compile(this.#revision + 1)
      if (this.#compiled !== old || this.#state !== 'ready') {
        compiled.snapshot.release()
        throw new Error('the gateway was stopped during the reload')
      }
      this.#revision++
      this.#compiled = { ...compiled, warnings: [...compiled.warnings, ...this.#unmoved(compiled)] }
      const { snapshot } = compiled
      this.#own.add(snapshot)
      old.snapshot.release()
      snapshotChanged.publish({ kind: 'loaded', revision: snapshot.revision, problems: [], snapshot })
      this.#tell({ old: old.snapshot, snapshot, warnings: this.#compiled.warnings, error: undefined })
      return snapshot
    } catch (error) {
      const problems = error instanceof ConfigError ? error.problems.map(describeProblem) : [String(error)]
      snapshotChanged.publish({ kind: 'refused', revision: old.snapshot.revision, problems, snapshot: old.snapshot })
      this.#tell({ old: old.snapshot, snapshot: old.snapshot, warnings: [], error })
      throw error
    }
  }

  /** Sockets are not moved by a reload: who changes a port is told so. */
  #unmoved(next: Compiled): readonly Problem[] {
    if (fixedAtStart(next) === this.#fixed) return []
    return [
      {
        code: 'LISTENER_CHANGED',
        severity: 'warning',
        message:
          'listeners, admin, trustedProxies or limits of connections are not those of the start; they are taken up at the next one',
        pointer: '/listeners',
      },
    ]
  }

  /** Called after every reload, also a refused one. Returns the way out. */
  onReload(listener: (result: ReloadResult) => void): () => void {
    this.#reloaded.add(listener)
    return () => this.#reloaded.delete(listener)
  }
  #tell(result: ReloadResult): void {
    for (const listener of this.#reloaded) listener(result)
  }

  drain(): Promise<boolean> {
    if (this.#state === 'ready') this.#drained = this.#drain()
    return this.#drained ?? Promise.resolve(true)
  }
  async #drain(): Promise<boolean> {
    this.#state = 'draining'
    const { clock } = this.#parts
    const ended = Promise.all([
      ...this.#listeners.map((listener) => listener.drain()),
      ...this.#inbounds.map((inbound) => inbound.drain()),
    ]).then(() => true)
    const limit = this.#compiled!.drain
    const { promise: late, resolve } = Promise.withResolvers<boolean>()
    const timer = clock.after(limit, () => resolve(false))
    const complete = await Promise.race([ended, late])
    await timer.stop()
    return complete
  }

  /** Ends at once what a drain did not let end. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }
  async #stop(): Promise<void> {
    const serving = this.#state === 'ready' || this.#state === 'draining'
    this.#state = 'stopped'
    if (serving) {
      for (const inbound of this.#inbounds) inbound.cut?.()
      // A backend's call that is cancelled here, and then the last bytes of its answer, take a turn of the loop each.
      await nextTurn()
      await nextTurn()
    }
    await Promise.all(
      [...this.#listeners, ...(this.#admin === undefined ? [] : [this.#admin])].map((one) => one.stop()),
    )
    this.#compiled?.snapshot.release()
  }
}

export interface ReloadResult {
  readonly old: Snapshot
  /** What is served now; the old one when the reload was refused. */
  readonly snapshot: Snapshot
  readonly warnings: readonly Problem[]
  /** Why it was refused. */
  readonly error: unknown
}

/** Rejects with the problems of all listeners that cannot listen. */
const listenAll = async (listeners: readonly HttpListener[]): Promise<readonly ListenerAddress[]> => {
  const results = await Promise.allSettled(listeners.map((listener) => listener.listen()))
  const addresses: ListenerAddress[] = []
  const problems: Problem[] = []
  for (const result of results) {
    if (result.status === 'fulfilled') addresses.push(result.value)
    else if (result.reason instanceof ConfigError) problems.push(...result.reason.problems)
    else throw result.reason
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return addresses
}

/** What a listener takes up when it is opened and never again, to compare. */
const fixedAtStart = ({ listeners, admin, limits, trustedProxies }: Compiled): string =>
  JSON.stringify([listeners, admin, limits, trustedProxies])
