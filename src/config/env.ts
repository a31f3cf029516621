import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { nearest, type Problem } from '../core/config-error.ts'
import { toPointer } from './pointer.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export interface SubstituteOptions {
  readonly env: Environment
  /** Folder that relative paths of `${file:…}` start at. */
  readonly base: string
  /** Reads a file as text; throws what Node throws. */
  readonly readFile?: (path: string) => string
}

export interface Substituted {
  /** A copy of the value with every string filled in. Objects have no prototype. */
  readonly value: unknown
  /** JSON pointers of strings that were changed, with their text as written. */
  readonly written: ReadonlyMap<string, Written>
  readonly problems: readonly Problem[]
}
export interface Written {
  readonly text: string
  /** Content of a file is in it, or of a variable whose name says that it is secret. */
  readonly secret: boolean
}

/**
 * Fills `${NAME}`, `${NAME:-default}` and `${file:/path}` into the string values of parsed JSON, never into keys or structure.
 * `$${` stands for `${`. A default counts when the variable is unset or empty; it may hold substitutions itself. What was filled
 * in is not read again. One line end at the end of a file is left out.
 */
export const substitute = (value: unknown, options: SubstituteOptions): Substituted => {
  const written = new Map<string, Written>()
  const problems: Problem[] = []
  const walk = (node: unknown, path: readonly PropertyKey[]): unknown => {
    if (typeof node === 'string') return fill(node, path)
    if (Array.isArray(node)) return node.map((member, index) => walk(member, [...path, index]))
    if (typeof node !== 'object' || node === null) return node
    const copy: Record<string, unknown> = Object.create(null)
    for (const [key, member] of Object.entries(node)) copy[key] = walk(member, [...path, key])
    return copy
  }
  const fill = (text: string, path: readonly PropertyKey[]): string => {
    if (!text.includes('${')) return text
    const pointer = toPointer(path)
    const reader = new Reader(text, options, (problem) =>
      problems.push({ severity: 'error', pointer, ...problem } as Problem),
    )
    const result = reader.text()
    written.set(pointer, { text, secret: reader.secret })
    return result
  }
  return { value: walk(value, []), written, problems }
}

const NAME = /[A-Za-z_][A-Za-z0-9_]*/y
const DEEPEST = 16
/** Characters of a text that a message quotes. */
const LONGEST = 60
const SECRET_NAME = /secret|token|passw|credential|private|api_?key/i

type Report = (problem: Pick<Problem, 'code' | 'message'> & { readonly hint?: string | undefined }) => void

/** Reads one string from left to right. */
class Reader {
  secret = false
  readonly #text: string
  readonly #options: SubstituteOptions
  readonly #report: Report
  #at = 0
  #broken = false

  constructor(text: string, options: SubstituteOptions, report: Report) {
    this.#text = text
    this.#options = options
    this.#report = report
  }

  text(): string {
    return this.#read(0, true)
  }

  /** Up to the end, or at `depth` above 0 to the `}` of a default. `used`: whether what it lacks is a problem. */
  #read(depth: number, used: boolean): string {
    let out = ''
    while (this.#at < this.#text.length) {
      if (this.#text.startsWith('$${', this.#at)) {
        out += '${'
        this.#at += 3
      } else if (this.#text.startsWith('${', this.#at)) {
        out += this.#placeholder(depth, used)
      } else if (depth > 0 && this.#text[this.#at] === '}') {
        return out
      } else {
        out += this.#text[this.#at++]
      }
    }
    return out
  }

  /** At `${`; ends behind its `}`. After a syntax error the rest of the string is skipped. */
  #placeholder(depth: number, used: boolean): string {
    const start = this.#at
    if (depth > DEEPEST) return this.#malformed(start, 'defaults are nested too deeply')
    this.#at += 2
    if (this.#text.startsWith('file:', this.#at)) return this.#file(start, used)
    NAME.lastIndex = this.#at
    const name = NAME.exec(this.#text)?.[0]
    if (name === undefined) return this.#malformed(start, 'expected the name of an environment variable, or "file:"')
    this.#at += name.length
    const value = Object.hasOwn(this.#options.env, name) ? this.#options.env[name] : undefined
    if (this.#text.startsWith(':-', this.#at)) {
      this.#at += 2
      const given = value !== undefined && value !== ''
      const fallback = this.#read(depth + 1, used && !given)
      if (this.#text[this.#at] !== '}') return this.#malformed(start, 'the closing "}" is missing')
      this.#at++
      return given ? this.#variable(name, value) : fallback
    }
    if (this.#text[this.#at] !== '}')
      return this.#malformed(start, 'expected "}" or ":-" and a default behind the name of the variable')
    this.#at++
    if (value !== undefined) return this.#variable(name, value)
    if (used) this.#missing(name)
    return ''
  }

  #variable(name: string, value: string): string {
    if (SECRET_NAME.test(name)) this.secret = true
    return value
  }

  #missing(name: string): void {
    const near = nearest(name, Object.keys(this.#options.env))
    this.#report({
      code: 'ENV_MISSING',
      message: `the environment variable ${name} is not set and has no default`,
      hint: near === undefined ? `set it, or write \${${name}:-default}` : `did you mean "${near}"?`,
    })
  }

  #file(start: number, used: boolean): string {
    const end = this.#text.indexOf('}', this.#at)
    if (end === -1) return this.#malformed(start, 'the closing "}" is missing')
    const path = this.#text.slice(this.#at + 'file:'.length, end)
    if (path === '') return this.#malformed(start, 'expected a path behind "file:"')
    this.#at = end + 1
    if (!used) return ''
    this.secret = true
    const full = resolve(this.#options.base, path)
    try {
      return (this.#options.readFile ?? readText)(full).replace(/\r?\n$/, '')
    } catch (error) {
      this.#report({
        code: 'ENV_FILE_UNREADABLE',
        message: `the file "${full}" cannot be read: ${(error as Error).message}`,
        hint: 'it must exist and be readable by the user that the gateway runs as',
      })
      return ''
    }
  }

  /** The first fault of a string is told; what stands behind it cannot be read. */
  #malformed(start: number, why: string): string {
    if (this.#broken) return ''
    this.#broken = true
    const text = this.#text.slice(start)
    this.#report({
      code: 'ENV_SYNTAX',
      message: `"${text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text}" is no substitution: ${why}`,
      hint: 'write $${ for a plain ${',
    })
    this.#at = this.#text.length
    return ''
  }
}

const readText = (path: string): string => readFileSync(path, 'utf8')
