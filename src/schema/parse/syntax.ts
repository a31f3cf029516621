import type { SourceText } from './text.ts'

/** A piece of the text: UTF-16 offset and length. */
export interface Span {
  readonly offset: number
  readonly length: number
}
export interface Ident extends Span {
  readonly text: string
}

export type Syntax = 'proto2' | 'proto3' | '2023' | '2024' | '2026'

export interface FileNode {
  readonly source: SourceText
  readonly syntax: Syntax
  /** '' when there is none. */
  readonly package: Ident
  readonly imports: readonly ImportNode[]
  readonly options: readonly OptionNode[]
  readonly messages: readonly MessageNode[]
  readonly enums: readonly EnumNode[]
  readonly services: readonly ServiceNode[]
  readonly extends: readonly ExtendNode[]
}

export interface ImportNode {
  readonly path: Ident
  readonly kind: 'plain' | 'public' | 'weak' | 'option'
}

interface Declared {
  readonly name: Ident
  readonly comment: string
  readonly options: readonly OptionNode[]
}
export interface MessageNode extends Declared {
  readonly fields: readonly FieldNode[]
  readonly oneofs: readonly OneofNode[]
  readonly messages: readonly MessageNode[]
  readonly enums: readonly EnumNode[]
  readonly extends: readonly ExtendNode[]
  readonly extensionRanges: readonly Range[]
  readonly reserved: Reserved
}
export interface FieldNode extends Declared {
  /** Of a group the lower-cased name of its type. */
  readonly number: NumberNode
  readonly label: 'optional' | 'required' | 'repeated' | undefined
  /** As written, with a leading dot when it is absolute; of a group the name of its type. Of a map: the type of its values. */
  readonly type: Ident
  readonly mapKey: Ident | undefined
  readonly group: boolean
  readonly oneof: string | undefined
}
export interface OneofNode extends Declared {}
export interface EnumNode extends Declared {
  readonly values: readonly EnumValueNode[]
  readonly reserved: Reserved
}
export interface EnumValueNode extends Declared {
  readonly number: NumberNode
}
export interface ServiceNode extends Declared {
  readonly methods: readonly MethodNode[]
}
export interface MethodNode extends Declared {
  readonly input: Ident
  readonly output: Ident
  readonly clientStreaming: boolean
  readonly serverStreaming: boolean
}
export interface ExtendNode {
  readonly extendee: Ident
  readonly fields: readonly FieldNode[]
}

export interface NumberNode extends Span {
  readonly value: bigint
}
/** Both ends included. */
export interface Range extends Span {
  readonly from: bigint
  readonly to: bigint
}
export interface Reserved {
  readonly ranges: readonly Range[]
  readonly names: readonly Ident[]
}

/** `option (google.api.http).get = "/v1"`: the parts of its name are `(google.api.http)` and `get`. */
export interface OptionNode extends Span {
  readonly name: readonly OptionPart[]
  readonly value: OptionValue
}
export interface OptionPart extends Ident {
  /** In parentheses: the name of an extension. */
  readonly extension: boolean
}

/** The value of an option, exact: integers of any size, `inf` and `nan`, the bytes of a string, aggregates. */
export type OptionValue = Span &
  (
    | { readonly kind: 'string'; readonly bytes: Buffer }
    | { readonly kind: 'integer'; readonly value: bigint }
    | { readonly kind: 'float'; readonly value: number }
    | { readonly kind: 'name'; readonly text: string }
    | { readonly kind: 'list'; readonly items: readonly OptionValue[] }
    | { readonly kind: 'message'; readonly fields: readonly AggregateField[] }
  )
export interface AggregateField {
  /** `get`; of an extension or an Any `[package.name]`. */
  readonly name: Ident
  readonly value: OptionValue
}
