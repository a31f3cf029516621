import type { Observable } from 'rxjs'
import { describe, expect, test } from 'vitest'
import type { EndpointSpec } from '../../src/core/snapshot.ts'
import { until } from '../support/ws-backend.ts'

export interface DiscoveryHarness {
  /** A source that has these addresses, and the observable over it. Nothing may run before somebody subscribes. */
  start(addresses: readonly string[]): Observable<readonly EndpointSpec[]>
  /** Other addresses in the source. */
  change(addresses: readonly string[]): void
  /** The source gives nonsense, or is gone, for now. */
  breakSource(): void
}

/** What every discovery must do, wherever it looks. */
export const discoveryContract = (name: string, harness: DiscoveryHarness): void => {
  const record = (observable: Observable<readonly EndpointSpec[]>) => {
    const lists: string[][] = []
    const ends: unknown[] = []
    const subscription = observable.subscribe({
      next: (specs) => lists.push(specs.map(({ address }) => address)),
      error: (error) => ends.push(error),
      complete: () => ends.push('complete'),
    })
    return { lists, ends, subscription, specs: observable }
  }
  const last = (lists: readonly string[][]): string => (lists.at(-1) ?? []).join()

  describe(`discovery contract: ${name}`, () => {
    test('gives what there is, then every change', async () => {
      const seen = record(harness.start(['grpc://a:1', 'grpc://b:1']))
      await until(() => last(seen.lists) === 'grpc://a:1,grpc://b:1', 'the first list')
      harness.change(['grpc://b:1'])
      await until(() => last(seen.lists) === 'grpc://b:1', 'the changed list')
      seen.subscription.unsubscribe()
      expect(seen.ends).toEqual([])
    })

    test('keeps the last list while the source is broken, and goes on when it is mended', async () => {
      const seen = record(harness.start(['grpc://a:1']))
      await until(() => last(seen.lists) === 'grpc://a:1', 'the first list')
      harness.breakSource()
      await new Promise((resolve) => setTimeout(resolve, 100))
      expect(last(seen.lists)).toBe('grpc://a:1')
      harness.change(['grpc://c:1'])
      await until(() => last(seen.lists) === 'grpc://c:1', 'the list after the fault')
      seen.subscription.unsubscribe()
      expect(seen.ends).toEqual([])
    })

    test('says nothing after it was left, and starts anew for a second subscriber', async () => {
      const observable = harness.start(['grpc://a:1'])
      const first = record(observable)
      await until(() => first.lists.length > 0, 'the first list')
      first.subscription.unsubscribe()
      const before = first.lists.length
      harness.change(['grpc://b:1'])
      const second = record(observable)
      await until(() => last(second.lists) === 'grpc://b:1', 'the list of the second subscriber')
      second.subscription.unsubscribe()
      expect(first.lists).toHaveLength(before)
    })
  })
}
