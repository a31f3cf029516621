import { afterEach, expect } from 'vitest'
import { GatewayError } from '../../src/core/status.ts'

interface Stoppable {
  stop(): Promise<unknown>
}
/** What is given to the returned function is stopped after each test of the file, last first. */
export const stopAfterEach = (): (<T extends Stoppable>(one: T) => T) => {
  const running: Stoppable[] = []
  afterEach(async () => {
    for (const one of running.splice(0).reverse()) await one.stop()
  })
  return (one) => {
    running.push(one)
    return one
  }
}

/** The GatewayError that `result` rejects with; anything else fails the test. */
export const failure = async (result: unknown): Promise<GatewayError> => {
  const thrown = await Promise.resolve(result).then(
    () => new Error('it did not fail'),
    (error: unknown) => error,
  )
  expect(thrown).toBeInstanceOf(GatewayError)
  return thrown as GatewayError
}
