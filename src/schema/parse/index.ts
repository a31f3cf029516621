import type { Problem } from '../../core/config-error.ts'
import { type FieldScope, readField, readRanges, readReserved } from './fields.ts'
import { readBracketedOptions, readOption, readString } from './options.ts'
import { StatementReader } from './statements.ts'
import type {
  EnumNode,
  EnumValueNode,
  ExtendNode,
  FieldNode,
  FileNode,
  Ident,
  ImportNode,
  MessageNode,
  MethodNode,
  OneofNode,
  OptionNode,
  Range,
  Reserved,
  ServiceNode,
  Syntax,
} from './syntax.ts'
import { SyntaxFailure } from './text.ts'

export type * from './syntax.ts'
export { cleanComment, SourceText } from './text.ts'

/** Deepest nesting of messages, as in protoc. */
const MAX_NESTING = 32
/** Most parts of a package: one less than of the full name of a message. */
export const MAX_PACKAGE_PARTS = 31
export const MAX_FIELD_NUMBER = 536_870_911n
const MAX_ENUM_NUMBER = 2_147_483_647n
const SYNTAXES: readonly string[] = ['proto2', 'proto3'] satisfies Syntax[]
const EDITIONS: readonly string[] = ['2023', '2024', '2026'] satisfies Syntax[]
/** Editions in which `export` and `local` may stand before a message or enum. */
const HAVE_VISIBILITY: readonly Syntax[] = ['2024', '2026']
const NOWHERE: Ident = { text: '', offset: 0, length: 0 }

export interface ParsedProto {
  readonly node: FileNode
  /** Syntax errors. When there are any, `node` has what could be read. */
  readonly problems: readonly Problem[]
}

/** Reads one .proto file: proto2, proto3, editions 2023 to 2026. `file` is how the problems call it. Never throws. */
export const parseProto = (file: string, text: string): ParsedProto => new Parser(file, text).file()

interface Body {
  readonly messages: MessageNode[]
  readonly enums: EnumNode[]
  readonly extends: ExtendNode[]
  readonly options: OptionNode[]
}
interface MessageBody extends Body {
  readonly fields: FieldNode[]
  readonly oneofs: OneofNode[]
  readonly extensionRanges: Range[]
  readonly reserved: Mutable
}
interface Mutable {
  readonly ranges: Reserved['ranges'][number][]
  readonly names: Ident[]
}

class Parser extends StatementReader {
  #syntax: Syntax = 'proto2'
  #declared = false

  file(): ParsedProto {
    const body: Body = { messages: [], enums: [], extends: [], options: [] }
    const imports: ImportNode[] = []
    const services: ServiceNode[] = []
    let name: Ident = NOWHERE
    this.guarded(() => {
      this.reader.advance()
      this.#syntaxStatement()
    })
    const statement = (): void => {
      const reader = this.reader
      if (reader.is('import')) imports.push(this.#import())
      else if (reader.is('package')) name = this.#package(name)
      else if (reader.is('service')) services.push(this.#service())
      else if (reader.is('syntax') || reader.is('edition'))
        reader.fail(`"${reader.token.text}" must be the first statement of the file`)
      else if (!this.#common(body))
        reader.fail(`a declaration (message, enum, service, extend, import, option) is missing, ${reader.found()}`)
    }
    while (this.reader.token.kind !== 'end' && !this.stop) {
      this.guarded(statement)
      if (this.reader.is('}') && this.reader.depth <= 0) {
        this.guarded(() => this.reader.fail('"}" without its "{"'))
        this.guarded(() => this.reader.advance())
        this.reader.depth = 0
      }
    }
    const node = { source: this.source, syntax: this.#syntax, package: name, imports, services, ...body }
    return { node, problems: this.problems }
  }

  #syntaxStatement(): void {
    const reader = this.reader
    const edition = reader.is('edition')
    if (!edition && !reader.is('syntax')) return
    const word = reader.advance().text
    reader.expect('=', `behind "${word}"`)
    const value = readString(reader)
    const text = value.bytes.toString()
    const known = edition ? EDITIONS : SYNTAXES
    this.#declared = true
    if (!known.includes(text)) {
      const hint = EDITIONS.includes(text) ? `write: edition = "${text}";` : `known: ${known.join(', ')}`
      this.note(new SyntaxFailure(`the ${word} "${text}" is not known`, value, hint))
      this.stop = true
      return
    }
    this.#syntax = text as Syntax
    reader.expect(';', `behind the ${word}`)
  }

  #import(): ImportNode {
    const reader = this.reader
    reader.advance()
    const word = (['public', 'weak', 'option'] as const).find((text) => reader.is(text))
    if (word !== undefined) reader.advance()
    const { bytes, offset, length } = readString(reader)
    reader.expect(';', 'behind the import')
    return { path: { text: bytes.toString(), offset, length }, kind: word ?? 'plain' }
  }

  #package(before: Ident): Ident {
    const reader = this.reader
    const start = reader.advance()
    const name = reader.typeName('the name of the package')
    reader.expect(';', 'behind the package')
    if (before !== NOWHERE) reader.fail('a file has one package only', start)
    if (name.text.split('.').length > MAX_PACKAGE_PARTS)
      reader.fail(`the name of a package has at most ${MAX_PACKAGE_PARTS} parts`, name)
    if (name.text.startsWith('.')) reader.fail('the name of a package does not begin with a dot', name)
    return name
  }

  /** Statements that may stand in a file and in a message. */
  #common(body: Body): boolean {
    const reader = this.reader
    const comment = this.comment()
    const visibility = reader.is('export') || reader.is('local')
    if (visibility && HAVE_VISIBILITY.includes(this.#syntax)) {
      const next = reader.peek().text
      if (next === 'message' || next === 'enum') reader.advance()
    }
    return this.#declaration(body, comment)
  }

  #declaration(body: Body, comment: string): boolean {
    const reader = this.reader
    if (reader.is('message')) body.messages.push(this.#message(comment))
    else if (reader.is('enum')) body.enums.push(this.#enum(comment))
    else if (reader.is('extend')) this.#extend(body)
    else if (reader.is('option')) body.options.push(this.#option())
    else return reader.take(';')
    return true
  }

  #option(): OptionNode {
    this.reader.advance()
    const option = readOption(this.reader)
    this.reader.expect(';', 'behind the option')
    return option
  }

  #message(comment: string): MessageNode {
    this.reader.advance()
    const name = this.reader.name('the name of a message')
    return this.#messageBody(name, comment, [])
  }

  #messageBody(name: Ident, comment: string, options: readonly OptionNode[]): MessageNode {
    const body: MessageBody = {
      messages: [],
      enums: [],
      extends: [],
      options: [...options],
      fields: [],
      oneofs: [],
      extensionRanges: [],
      reserved: { ranges: [], names: [] },
    }
    if (++this.nesting > MAX_NESTING) this.reader.fail(`messages are nested deeper than ${MAX_NESTING} levels`, name)
    this.block(`the message "${name.text}"`, () => this.#member(body))
    this.nesting--
    return { name, comment, ...body }
  }

  #member(body: MessageBody): void {
    const reader = this.reader
    if (reader.is('oneof')) this.#oneof(body)
    else if (reader.is('extensions') && reader.peek().kind !== 'name') this.#extensions(body)
    else if (reader.is('reserved')) this.#reserved(body.reserved, MAX_FIELD_NUMBER)
    else if (!this.#common(body)) this.#field(body, this.#scope(undefined, false))
  }

  #scope(oneof: string | undefined, extend: boolean): FieldScope {
    return { syntax: this.#syntax, declared: this.#declared, oneof, extend }
  }

  /** A field, or a group: then its message is declared beside it and has the comment. */
  #field(body: { readonly fields: FieldNode[]; readonly messages: MessageNode[] }, scope: FieldScope): void {
    const comment = this.comment()
    const { groupType, ...field } = readField(this.reader, scope, comment)
    if (groupType !== undefined) {
      body.fields.push({ ...field, comment: '' })
      body.messages.push(this.#messageBody(groupType, comment, []))
      return
    }
    body.fields.push(field)
    this.reader.expect(';', `behind the field "${field.name.text}"`)
  }

  #oneof(body: MessageBody): void {
    const comment = this.comment()
    this.reader.advance()
    const name = this.reader.name('the name of a oneof')
    const options: OptionNode[] = []
    const before = body.fields.length
    this.block(`the oneof "${name.text}"`, () => {
      if (this.reader.is('option')) options.push(this.#option())
      else if (!this.reader.take(';')) this.#field(body, this.#scope(name.text, false))
    })
    if (body.fields.length === before && this.problems.length === 0)
      this.reader.fail(`the oneof "${name.text}" has no fields`, name)
    body.oneofs.push({ name, comment, options })
  }

  #extensions(body: MessageBody): void {
    this.reader.advance()
    body.extensionRanges.push(...readRanges(this.reader, MAX_FIELD_NUMBER))
    readBracketedOptions(this.reader)
    this.reader.expect(';', 'behind the extension range')
  }

  #reserved(target: Mutable, max: bigint): void {
    this.reader.advance()
    const { ranges, names } = readReserved(this.reader, max)
    target.ranges.push(...ranges)
    target.names.push(...names)
    this.reader.expect(';', 'behind what is reserved')
  }

  #extend(body: Body): void {
    this.reader.advance()
    const extendee = this.reader.typeName('the name of the message to extend')
    const fields: FieldNode[] = []
    this.block(`the extension of "${extendee.text}"`, () => {
      if (!this.reader.take(';')) this.#field({ fields, messages: body.messages }, this.#scope(undefined, true))
    })
    body.extends.push({ extendee, fields })
  }

  #enum(comment: string): EnumNode {
    this.reader.advance()
    const name = this.reader.name('the name of an enum')
    const options: OptionNode[] = []
    const values: EnumValueNode[] = []
    const reserved: Mutable = { ranges: [], names: [] }
    this.block(`the enum "${name.text}"`, () => {
      if (this.reader.is('option')) options.push(this.#option())
      else if (this.reader.is('reserved')) this.#reserved(reserved, MAX_ENUM_NUMBER)
      else if (!this.reader.take(';')) values.push(this.#enumValue())
    })
    return { name, comment, options, values, reserved }
  }

  #enumValue(): EnumValueNode {
    const comment = this.comment()
    const name = this.reader.name('the name of a value')
    this.reader.expect('=', `behind the value "${name.text}"`)
    const number = this.reader.integer('the number of the value')
    const options = readBracketedOptions(this.reader)
    this.reader.expect(';', `behind the value "${name.text}"`)
    return { name, comment, number, options }
  }

  #service(): ServiceNode {
    const comment = this.comment()
    this.reader.advance()
    const name = this.reader.name('the name of a service')
    const options: OptionNode[] = []
    const methods: MethodNode[] = []
    this.block(`the service "${name.text}"`, () => {
      if (this.reader.is('option')) options.push(this.#option())
      else if (this.reader.is('rpc')) methods.push(this.#method())
      else if (!this.reader.take(';'))
        this.reader.fail(`an rpc or option of the service is missing, ${this.reader.found()}`)
    })
    return { name, comment, options, methods }
  }

  #method(): MethodNode {
    const comment = this.comment()
    this.reader.advance()
    const name = this.reader.name('the name of an rpc')
    const input = this.#messageOf('request', `behind the rpc "${name.text}"`)
    this.reader.expect('returns', 'behind the request type')
    const output = this.#messageOf('response', 'behind "returns"')
    const options: OptionNode[] = []
    if (!this.reader.take(';'))
      this.block(`the rpc "${name.text}"`, () => {
        if (this.reader.is('option')) options.push(this.#option())
        else if (!this.reader.take(';')) this.reader.fail(`an option of the rpc is missing, ${this.reader.found()}`)
      })
    const streams = { clientStreaming: input.stream, serverStreaming: output.stream }
    return { name, comment, input: input.type, output: output.type, ...streams, options }
  }

  #messageOf(what: string, where: string): { readonly type: Ident; readonly stream: boolean } {
    this.reader.expect('(', where)
    const stream = this.reader.take('stream')
    const type = this.reader.typeName(`the ${what} type`)
    this.reader.expect(')', `behind the ${what} type`)
    return { type, stream }
  }
}
