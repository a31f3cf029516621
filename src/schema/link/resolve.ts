import { nearest } from '../../core/config-error.ts'
import { builtInFileOf } from '../include.ts'
import type { Ident } from '../parse/index.ts'
import { joined, lastPart, type ProtoFile, report, seesBroken, visibleFiles } from './file.ts'
import type { Declaration, Symbols } from './symbols.ts'

/** Symbols in which further names are looked up. */
const AGGREGATES: ReadonlySet<Declaration['kind']> = new Set(['package', 'message', 'enum', 'service'])
/** Hints compare with every name there is; a file with hundreds of errors needs no hundreds of them. */
const MAX_HINTS = 50
const HTTP_OPTION = 'google.api.http'

/** Resolves the names that one file uses, by the rules of protoc: innermost scope first, only what the file imports. */
export class Resolver {
  readonly #file: ProtoFile
  readonly #symbols: Symbols
  readonly #types: ReadonlySet<ProtoFile>
  readonly #options: ReadonlySet<ProtoFile>
  readonly #packages = new Set<string>()
  readonly #broken: boolean
  readonly #unknownOptions = new Map<string, { readonly ref: Ident; readonly scope: string; count: number }>()
  #hints = 0

  constructor(file: ProtoFile, symbols: Symbols, broken: ReadonlySet<ProtoFile>) {
    this.#file = file
    this.#symbols = symbols
    this.#types = visibleFiles(file, (kind) => kind !== 'option')
    this.#options = visibleFiles(file, () => true)
    this.#broken = seesBroken(file, this.#options, broken)
    for (const { node } of this.#options) {
      const parts = node.package.text.split('.')
      for (let end = 1; end <= parts.length; end++) this.#packages.add(parts.slice(0, end).join('.'))
    }
  }

  /** The message or enum that `ref` names in `scope`. Reports and returns undefined when there is none. */
  type(ref: Ident, scope: string, wanted: readonly ('message' | 'enum')[]): Declaration | undefined {
    const found = this.#find(ref.text, scope, (symbol) => this.#sees(symbol, this.#types), isType)
    const what = wanted.length === 1 ? wanted[0]! : 'type'
    if (found === undefined) {
      if (!this.#broken) this.#reportUnknown(ref, scope, `no ${what} "${ref.text}"`)
      return undefined
    }
    if ((wanted as readonly string[]).includes(found.kind)) return found
    const message = `"${ref.text}" is ${found.kind === 'enum' ? 'an enum' : `a ${found.kind}`}, a ${what} is needed here`
    report(this.#file, ref, 'PROTO_UNKNOWN_TYPE', message)
    return undefined
  }

  /** The extension that an option `(name)` means. What is unknown is noted for `reportOptions`. */
  option(ref: Ident, scope: string): Declaration | undefined {
    const found = this.#find(ref.text, scope, (symbol) => this.#sees(symbol, this.#options), isExtension)
    if (found?.kind === 'extension') return found
    const noted = this.#unknownOptions.get(ref.text)
    if (noted === undefined) this.#unknownOptions.set(ref.text, { ref, scope, count: 1 })
    else noted.count++
    return undefined
  }

  /**
   * Unknown options, each name once. They are warnings: many files come without the definitions of options that mean nothing
   * here. `(google.api.http)` is understood without its import too.
   */
  reportOptions(): void {
    if (this.#broken) return
    for (const { ref, scope, count } of this.#unknownOptions.values()) {
      const times = count === 1 ? '' : ` (${count} times)`
      if (ref.text.replace(/^\./, '') === HTTP_OPTION) {
        const message = `"(${HTTP_OPTION})" is used${times} without its import`
        const hint = addImport('google/api/annotations.proto')
        report(this.#file, ref, 'PROTO_UNKNOWN_OPTION', message, { severity: 'warning', hint })
      } else {
        const message = `no option "(${ref.text})"${times}, it is ignored`
        const importName = this.#elsewhere(ref, scope, isExtension)
        const hint = importName === undefined ? this.#nearest(ref.text, isExtension) : addImport(importName)
        report(this.#file, ref, 'PROTO_UNKNOWN_OPTION', message, { severity: 'warning', hint })
      }
    }
  }

  #sees(symbol: Declaration, files: ReadonlySet<ProtoFile>): boolean {
    return symbol.kind === 'package' ? this.#packages.has(symbol.name) : files.has(symbol.file)
  }

  /** protoc's lookup: the innermost scope that has the first part decides, unless that part cannot hold the rest. */
  #find(
    ref: string,
    scope: string,
    sees: (symbol: Declaration) => boolean,
    fits: (symbol: Declaration) => boolean,
  ): Declaration | undefined {
    const get = (name: string): Declaration | undefined => this.#symbols.find(name, sees)
    if (ref.startsWith('.')) return get(ref.slice(1))
    const dot = ref.indexOf('.')
    const first = dot === -1 ? ref : ref.slice(0, dot)
    for (let within = scope; ; within = within.includes('.') ? within.slice(0, within.lastIndexOf('.')) : '') {
      const symbol = get(joined(within, first))
      if (symbol !== undefined && dot !== -1 && AGGREGATES.has(symbol.kind)) return get(joined(within, ref))
      if (symbol !== undefined && dot === -1 && fits(symbol)) return symbol
      if (within === '') return undefined
    }
  }

  #reportUnknown(ref: Ident, scope: string, message: string): void {
    const importName = this.#elsewhere(ref, scope, isType)
    if (importName === undefined)
      report(this.#file, ref, 'PROTO_UNKNOWN_TYPE', message, { hint: this.#nearest(ref.text, isType) })
    else report(this.#file, ref, 'PROTO_UNKNOWN_TYPE', `${message} is imported`, { hint: addImport(importName) })
  }

  /** The file that declares it, if one does that this file does not import; maybe a built-in one that nobody imports. */
  #elsewhere(ref: Ident, scope: string, fits: (symbol: Declaration) => boolean): string | undefined {
    const found = this.#find(ref.text, scope, () => true, fits)
    if (found === undefined) return builtInFileOf(ref.text.replace(/^\./, ''))
    return found.file === this.#file ? undefined : found.file.importName
  }

  #nearest(name: string, fits: (symbol: Declaration) => boolean): string | undefined {
    if (++this.#hints > MAX_HINTS) return undefined
    const own = this.#file.node.package.text
    const candidates = new Map<string, string>(fits === isExtension ? [[HTTP_OPTION, HTTP_OPTION]] : [])
    for (const symbol of this.#symbols.all) {
      if (!fits(symbol) || !this.#sees(symbol, this.#options)) continue
      const local = own !== '' && symbol.name.startsWith(`${own}.`) ? symbol.name.slice(own.length + 1) : symbol.name
      candidates.set(local, local)
      if (!candidates.has(symbol.name)) candidates.set(symbol.name, local)
      if (!candidates.has(lastPart(symbol.name))) candidates.set(lastPart(symbol.name), local)
    }
    const found = nearest(name.replace(/^\./, ''), candidates.keys())
    return found === undefined ? undefined : `did you mean "${candidates.get(found)}"?`
  }
}

const addImport = (importName: string): string => `add: import "${importName}";`
const isType = (symbol: Declaration): boolean => symbol.kind === 'message' || symbol.kind === 'enum'
const isExtension = (symbol: Declaration): boolean => symbol.kind === 'extension'
