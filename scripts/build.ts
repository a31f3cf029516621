/** `npm run build`: tsc to dist/, then the data that tsc does not copy: the built-in .proto include root. */
import { execFileSync } from 'node:child_process'
import { cpSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
rmSync(`${root}dist`, { recursive: true, force: true })
execFileSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-p', `${root}tsconfig.build.json`], {
  stdio: 'inherit',
})
cpSync(`${root}src/schema/include`, `${root}dist/src/schema/include`, {
  recursive: true,
  filter: (source) => !source.endsWith('.ts'),
})
