import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { adapters } from '../../adapters/index.ts'
import { builtins } from '../../src/builtins.ts'
import { loadConfig } from '../../src/config/load.ts'
import { ConfigError, describeProblem } from '../../src/core/config-error.ts'
import { Registry } from '../../src/core/module.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

const documents: readonly string[] = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
].sort()

interface Block {
  readonly language: string
  readonly line: number
  readonly text: string
}
/** A document without its fenced blocks, and the blocks. */
const parse = (text: string): { readonly prose: string; readonly blocks: readonly Block[] } => {
  const blocks: Block[] = []
  const prose: string[] = []
  let open: { language: string; line: number; lines: string[] } | undefined
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^\s*```(\w*)\s*$/.exec(line)
    if (fence === null) (open?.lines ?? prose).push(line)
    else if (open === undefined) open = { language: fence[1]!, line: index + 1, lines: [] }
    else {
      blocks.push({ language: open.language, line: open.line, text: open.lines.join('\n') })
      open = undefined
    }
  }
  return { prose: prose.join('\n'), blocks }
}

/** The anchors of a document's headings, as GitHub makes them. */
const anchorsOf = (path: string): ReadonlySet<string> =>
  new Set(
    parse(read(path))
      .prose.split('\n')
      .flatMap((line) => {
        const heading = /^#{1,6} (.+)$/.exec(line)?.[1]
        return heading === undefined
          ? []
          : [
              heading
                .toLowerCase()
                .replace(/[^\p{L}\p{N} _-]/gu, '')
                .replaceAll(' ', '-'),
            ]
      }),
  )

const linksOf = (prose: string): readonly string[] =>
  [...prose.replace(/`[^`\n]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target!)

test('the documents are found', () => {
  for (const path of ['README.md', 'CONTRIBUTING.md', 'docs/architecture.md', 'docs/reference/errors.md'])
    expect(documents).toContain(path)
})

describe.each(documents)('%s', (path) => {
  const { prose, blocks } = parse(read(path))

  test('its links lead somewhere', () => {
    const broken = linksOf(prose).filter((link) => {
      if (/^[a-z]+:/.test(link)) return false
      const [file = '', anchor] = link.split('#')
      const target = file === '' ? path : join(dirname(path), file)
      if (!existsSync(join(ROOT, target))) return true
      return anchor !== undefined && !anchorsOf(target).has(anchor)
    })
    expect(broken).toEqual([])
  })

  test('the paths that it names exist', () => {
    // Decisions may speak of what was not built, the changelog of what is no more.
    if (path.startsWith('docs/adr/') || path === 'CHANGELOG.md') return
    const named = [...prose.matchAll(/`((?:src|adapters|test|docs|examples|scripts|protos|bin)\/[\w./-]*)`/g)]
    const missing = named
      .map(([, name]) => name!)
      .filter((name) => !name.includes('NAME') && !existsSync(join(ROOT, name)))
    expect(missing).toEqual([])
  })

  test('its JSON is JSON', () => {
    for (const { language, text, line } of blocks)
      if (language === 'json') expect(() => JSON.parse(text), `line ${line}`).not.toThrow()
  })

  test('its pieces of routes.json are right', async () => {
    const wrong: string[] = []
    for (const { language, text, line } of blocks)
      if (language === 'jsonc') for (const problem of await problemsOf(text)) wrong.push(`line ${line}: ${problem}`)
    expect(wrong).toEqual([])
  })
})

/** Variables that a piece names have some value here. */
const variablesOf = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(/\$\{([A-Z_]+)/g)].map(([, name]) => [name!, 'localhost']))

/** What is wrong with a whole routes.json, or with members of one. `./` are the files of examples/policy. */
const problemsOf = async (text: string): Promise<readonly string[]> => {
  try {
    await loadConfig({
      text: text.trimStart().startsWith('{') ? text : `{${text}}`,
      cwd: join(ROOT, 'examples/policy'),
      env: variablesOf(text),
      registry: new Registry([...adapters, ...builtins]),
    })
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(describeProblem)
    throw error
  }
}

test('a piece that is wrong is seen', async () => {
  expect(await problemsOf('"upstream": {}')).toHaveLength(1)
  expect(await problemsOf('"upstreams": { "a": { "endpoints": ["grpc://${WHO}:1"] } }')).toEqual([])
})
