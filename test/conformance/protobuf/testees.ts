import { gatewayTestee } from './gateway.ts'
import { LANES, laneTestee } from './lanes.ts'
import { bufbuildTestee, protobufjsTestee } from './peers.ts'
import type { Testee } from './protocol.ts'

/** Everything that the suite can be run against, in the order of the tables. */
export const TESTEES: Readonly<Record<string, () => Promise<Testee>>> = {
  ...Object.fromEntries(LANES.map((lane) => [lane, () => laneTestee(lane)])),
  gateway: gatewayTestee,
  protobufjs: protobufjsTestee,
  'protobuf-es': bufbuildTestee,
}

/** The name of a testee for which every message is empty in JSON: with it the suite has to fail, or it is no test. */
export const FAULTY = 'faulty'
const faultyTestee = async (): Promise<Testee> => {
  const { answer } = await laneTestee('reference')
  return {
    async answer(asked) {
      const given = await answer(asked)
      return 'json' in given ? { json: '{}' } : given
    },
  }
}

/** Throws when nobody has this name. */
export const makeTestee = async (name: string): Promise<Testee> => {
  if (name === FAULTY) return faultyTestee()
  const make = Object.hasOwn(TESTEES, name) ? TESTEES[name] : undefined
  if (make === undefined) throw new Error(`no testee ${JSON.stringify(name)}: ${Object.keys(TESTEES).join(', ')}`)
  return make()
}
