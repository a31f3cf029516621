import { readdirSync, readFileSync } from 'node:fs'
import { constants, monitorEventLoopDelay, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Resource } from '../core/module.ts'

/**
 * The process's own metrics under their customary names. Written here because prom-client's `collectDefaultMetrics` starts an observer and a
 * delay monitor that nothing can stop, and reads one garbage collection of each batch.
 */
export const addProcessMetrics = (registry: Registry): Resource => {
  const registers = [registry]
  const gauge = (name: string, help: string, read: () => number | undefined): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        const value = read()
        if (value !== undefined) this.set(value)
      },
    })
  }

  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time of the process in user and system mode, in seconds.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage()
      this.reset()
      this.inc((user + system) / 1e6)
    },
  })
  gauge('process_start_time_seconds', 'Start of the process in seconds since the Unix epoch.', () => STARTED)
  gauge('process_resident_memory_bytes', 'Resident memory in bytes.', () => process.memoryUsage.rss())
  gauge('process_open_fds', 'Open file descriptors.', openFiles)
  gauge('process_max_fds', 'Most file descriptors that may be open.', () => MOST_FILES)
  gauge('nodejs_heap_size_used_bytes', 'Heap in use in bytes.', () => process.memoryUsage().heapUsed)
  gauge('nodejs_heap_size_total_bytes', 'Heap reserved in bytes.', () => process.memoryUsage().heapTotal)
  gauge('nodejs_external_memory_bytes', 'Memory outside the heap, buffers included, in bytes.', () => {
    return process.memoryUsage().external
  })
  new Gauge({
    name: 'nodejs_active_resources',
    help: 'Resources that keep the event loop alive, by type.',
    labelNames: ['type'],
    registers,
    collect() {
      const counts = new Map<string, number>()
      for (const type of process.getActiveResourcesInfo()) counts.set(type, (counts.get(type) ?? 0) + 1)
      this.reset()
      for (const [type, count] of counts) this.set({ type }, count)
    },
  })
  new Gauge({
    name: 'nodejs_version_info',
    help: 'Version of Node.js.',
    labelNames: ['version'],
    registers,
  }).set({ version: process.version }, 1)
  return combine(addEventLoopDelay(registry), addGarbageCollection(registry))
}

const STARTED = Math.round(Date.now() / 1000 - process.uptime())

/** Linux only; elsewhere the metric has no sample. */
const openFiles = (): number | undefined => {
  if (process.platform !== 'linux') return undefined
  // The directory that is being read is itself an open file.
  return readdirSync('/proc/self/fd').length - 1
}
const MOST_FILES =
  process.platform === 'linux'
    ? numberOrNothing(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1])
    : undefined
function numberOrNothing(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text)
}

/** How often the loop is looked at. What the monitor measures is the time between two looks, so this much is no delay. */
const RESOLUTION_MS = 20

/** Quantiles of the time since the last scrape. */
const addEventLoopDelay = (registry: Registry): Resource => {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  const seconds = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1000)
  delay.enable()
  new Gauge({
    name: 'nodejs_eventloop_delay_seconds',
    help: 'Delay of the event loop since the last scrape, by quantile.',
    labelNames: ['quantile'],
    registers: [registry],
    collect() {
      if (delay.count === 0) return
      for (const quantile of [50, 90, 99]) this.set({ quantile: quantile / 100 }, seconds(delay.percentile(quantile)))
      this.set({ quantile: 1 }, seconds(delay.max))
      delay.reset()
    },
  })
  return {
    stop() {
      delay.disable()
      return Promise.resolve()
    },
  }
}

const GC_KINDS = new Map([
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb'],
])

const addGarbageCollection = (registry: Registry): Resource => {
  const durations = new Histogram({
    name: 'nodejs_gc_duration_seconds',
    help: 'Duration of garbage collections in seconds, by kind.',
    labelNames: ['kind'],
    buckets: [0.001, 0.01, 0.1, 1],
    registers: [registry],
  })
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const kind =
        GC_KINDS.get((entry as PerformanceEntry & { readonly detail: { readonly kind: number } }).detail.kind) ??
        'other'
      durations.observe({ kind }, entry.duration / 1000)
    }
  })
  observer.observe({ entryTypes: ['gc'] })
  return {
    stop() {
      observer.disconnect()
      return Promise.resolve()
    },
  }
}

const combine = (...resources: readonly Resource[]): Resource => ({
  async stop() {
    for (const resource of resources) await resource.stop()
  },
})
