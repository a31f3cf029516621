import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { ConfigError } from '../../src/index.ts'
import { startGateway } from '../support/gateway.ts'
import type { Marked, Tally } from '../support/tally.ts'
import { readVectors } from '../support/vectors.ts'

type Verdict = 'ok' | { readonly offset: number; readonly message: string }
interface Case extends Marked {
  readonly template: string
  readonly strict: Verdict
  readonly lenient?: Verdict
  /** A good template whose variable does not fit its message. */
  readonly schema?: string
}

const LINE = 6
const protoOf = (template: string): string => `syntax = "proto3";
package t;
import "google/api/annotations.proto";
service S {
  rpc Do(M) returns (M) { option (google.api.http) = {
get: "${template}" }; }
}
message A { message B { string c = 1; } B b = 1; }
message X { string y_1 = 1; }
message M { string name = 1; A a = 2; string n = 3; string x = 4; string y = 5; string z = 6; string b = 7; X _x = 8;
  repeated string tags = 9; map<string, string> labels = 10; string constructor = 11; }
`

/** SEMANTICS §1 and §19 "Templates": an annotation that is accepted, or refused with its place. */
export const templates = (tally: Tally): void => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'protogate-templates-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** undefined: it is served. */
  const refusal = async (template: string, mode: 'strict' | 'lenient'): Promise<ConfigError | undefined> => {
    const file = join(folder, 't.proto')
    writeFileSync(file, protoOf(template))
    const config = {
      schemas: [file],
      upstreams: { mock: { endpoints: ['mock:'] } },
      routes: [{ service: 't.S', to: 'mock', compat: { template: mode } }],
    }
    const started = await startGateway(config).catch((error: unknown) => error)
    if (started instanceof ConfigError) return started
    if (started instanceof Error) throw started
    await (started as Awaited<ReturnType<typeof startGateway>>).stop()
    return undefined
  }

  const check = async ({ template, strict, lenient = strict, schema }: Case): Promise<void> => {
    for (const [mode, verdict] of [
      ['strict', strict],
      ['lenient', lenient],
    ] as const) {
      const refused = await refusal(template, mode)
      if (verdict === 'ok' && schema === undefined) {
        expect(refused).toBeUndefined()
        continue
      }
      expect(refused, mode).toBeInstanceOf(ConfigError)
      const [problem, ...more] = refused!.problems
      expect(more).toEqual([])
      expect(problem).toMatchObject({ severity: 'error', line: LINE })
      expect(problem!.file).toContain('t.proto')
      if (verdict === 'ok') expect(problem!.code).toBe('BINDING_REPEATED')
      else
        expect(problem).toMatchObject({
          code: expect.stringMatching(/^(TEMPLATE_INVALID|HTTP_RULE)$/),
          message: expect.stringContaining(verdict.message),
        })
    }
  }

  tally.each(readVectors<{ cases: Case[] }>('templates.json').cases, ({ template }) => `"${template}"`, check)
}
