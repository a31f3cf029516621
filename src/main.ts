import { enableCompileCache } from 'node:module'

/** The command line: `node src/main.ts COMMAND …`. Loads what a command needs when it is asked for. */
enableCompileCache()
const { runCli } = await import('./cli/program.ts')

// A reader that has seen enough (`protogate routes | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})
process.exit(await runCli(process.argv.slice(2)))
