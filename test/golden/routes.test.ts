import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { runCli } from '../support/cli.ts'

/** Folders with routes.json and schemas. What `protogate routes` prints of each stands in `routes/NAME.txt`. */
const FOLDERS: Readonly<Record<string, string>> = {
  sample: '../../',
  rich: './routes/rich/',
}

describe.each(Object.entries(FOLDERS))('%s', (name, folder) => {
  const cwd = fileURLToPath(new URL(folder, import.meta.url))

  test('the table of the routes', async () => {
    const { code, stdout, stderr } = await runCli(['routes', '--no-color'], { cwd })
    expect(stderr).toBe('')
    expect(code).toBe(0)
    await expect(stdout).toMatchFileSnapshot(`routes/${name}.txt`)
  })

  test('the same as JSON', async () => {
    const { code, stdout } = await runCli(['routes', '--json'], { cwd })
    expect(code).toBe(0)
    const rows = JSON.parse(stdout) as readonly object[]
    await expect(`${rows.map((row) => JSON.stringify(row)).join('\n')}\n`).toMatchFileSnapshot(`routes/${name}.jsonl`)
  })
})
