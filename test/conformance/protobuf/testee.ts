/** The program that the runner starts: reads requests from standard input and answers on standard output, until input ends. */
import { TESTEE_FAILED } from './figures.ts'
import { respond, type Testee } from './protocol.ts'
import { makeTestee } from './testees.ts'

const serve = async (testee: Testee): Promise<void> => {
  let pending: Buffer = Buffer.alloc(0)
  for await (const piece of process.stdin) {
    pending = pending.length === 0 ? (piece as Buffer) : Buffer.concat([pending, piece as Buffer])
    while (pending.length >= 4 && pending.length >= 4 + pending.readUInt32LE(0)) {
      const end = 4 + pending.readUInt32LE(0)
      const response = await respond(pending.subarray(4, end), testee)
      pending = pending.subarray(end)
      const framed = Buffer.allocUnsafe(4 + response.length)
      framed.writeUInt32LE(response.length, 0)
      framed.set(response, 4)
      process.stdout.write(framed)
    }
  }
  if (pending.length > 0) throw new Error(`the input ends inside a request: ${pending.length} bytes`)
  await testee.stop?.()
}

try {
  await serve(await makeTestee(process.argv[2] ?? ''))
} catch (thrown) {
  // The runner does not look at how a testee ends. Whoever reads its output does.
  console.error(`${TESTEE_FAILED}${thrown instanceof Error ? thrown.stack : String(thrown)}`)
  process.exitCode = 1
}
