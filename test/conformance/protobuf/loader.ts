import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Debian 13, whose glibc is 2.41. A release gets fixes and never another glibc, so what is fetched stays what it is. */
const RELEASE = 'trixie'
const PACKAGES = ['libc6', 'libstdc++6', 'libgcc-s1']
/** Of the running Debian: it knows the keys of the next release too, and apt refuses what they have not signed. */
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** The C libraries of a newer Debian, unpacked into `folder` and installed nowhere. */
export interface Libraries {
  /** Its dynamic loader: `LOADER --library-path FOLDER PROGRAM …` runs a program with them. */
  readonly loader: string
  readonly folder: string
}

/** undefined: nothing has been unpacked into `folder`. */
export const librariesIn = (folder: string): Libraries | undefined => {
  const inside = join(folder, 'usr/lib/x86_64-linux-gnu')
  const loader = join(inside, 'ld-linux-x86-64.so.2')
  return existsSync(loader) ? { loader, folder: inside } : undefined
}

/**
 * Fetches the libraries from the archive that this Debian is configured with, by an apt that has its state in a folder of its own,
 * and unpacks them. Rejects with a sentence when that can not be.
 */
export const fetchLibraries = async (folder: string): Promise<void> => {
  await mkdir(dirname(folder), { recursive: true })
  const work = await mkdtemp(`${folder}-`)
  try {
    await download(work, await debianArchive())
    for (const name of await readdir(work))
      if (name.endsWith('.deb')) await run('dpkg-deb', ['-x', join(work, name), join(work, 'root')])
    if (librariesIn(join(work, 'root')) === undefined) throw new Error('the packages hold no dynamic loader')
    await rm(folder, { recursive: true, force: true })
    await rename(join(work, 'root'), folder)
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string }
    throw new Error(`the C libraries of Debian ${RELEASE} cannot be fetched: ${stderr.trim() || message}`, {
      cause: error,
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** Where the running release comes from; the newer one lies beside it. */
const debianArchive = async (): Promise<string> => {
  const about = await readFile('/etc/os-release', 'utf8').catch(() => '')
  const codename = /^VERSION_CODENAME=(\w+)$/m.exec(about)?.[1]
  if (!/^ID=debian$/m.test(about) || codename === undefined || process.arch !== 'x64')
    throw new Error('this is no Debian for x64')
  const { stdout } = await run('apt-get', ['--print-uris', 'update'])
  const archive = new RegExp(`^'(\\S+?)/?/dists/${codename}/InRelease'`, 'm').exec(stdout)?.[1]
  if (archive === undefined) throw new Error(`the sources of apt have no archive of ${codename}`)
  return archive
}

const download = async (work: string, archive: string): Promise<void> => {
  const sources = join(work, 'sources.list')
  await writeFile(sources, `deb [signed-by=${KEYRING}] ${archive} ${RELEASE} main\n`)
  await mkdir(join(work, 'state/lists/partial'), { recursive: true })
  await mkdir(join(work, 'cache/archives/partial'), { recursive: true })
  const options = {
    'Dir::State': join(work, 'state'),
    'Dir::State::status': '/dev/null',
    'Dir::Cache': join(work, 'cache'),
    'Dir::Etc::SourceList': sources,
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::Etc::Preferences': '/dev/null',
    'Dir::Etc::PreferencesParts': '/dev/null',
    'Acquire::Languages': 'none',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
    'Acquire::Retries': '3',
    // Its helper user may not write into this folder.
    'APT::Sandbox::User': 'root',
  }
  const args = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  const apt = (...command: string[]) =>
    run('apt-get', ['-qq', ...args, ...command], { cwd: work, env: { ...process.env, LC_ALL: 'C' } })
  // A list that cannot be had or whose signature is wrong is only a warning otherwise.
  await apt('-o', 'APT::Update::Error-Mode=any', 'update')
  await apt('download', ...PACKAGES)
}
