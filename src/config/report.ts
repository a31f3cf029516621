import { readFileSync } from 'node:fs'
import { styleText } from 'node:util'
import type { Problem } from '../core/config-error.ts'

export const REPORT_FORMATS = ['text', 'json', 'github', 'sarif'] as const
export type ReportFormat = (typeof REPORT_FORMATS)[number]

export interface ReportOptions {
  /** Default: text. */
  readonly format?: ReportFormat
  readonly color?: boolean
  /** Lines of a file that a problem names, for the frames of `text`. Default: read from disk; undefined leaves the frame out. */
  readonly source?: (file: string) => string | undefined
  /** Version of the tool, for SARIF. */
  readonly version?: string
}

/**
 * Problems for people (`text`), programs (`json`), annotations of a workflow (`github`) or code scanning (`sarif`, 2.1.0). Ends
 * with a line end, unless there is nothing to say.
 */
export const renderProblems = (problems: readonly Problem[], options: ReportOptions = {}): string => {
  switch (options.format ?? 'text') {
    case 'json':
      return `${JSON.stringify({ ...count(problems), problems }, undefined, 2)}\n`
    case 'github':
      return problems.map(githubLine).join('')
    case 'sarif':
      return `${JSON.stringify(sarif(problems, options.version), undefined, 2)}\n`
    default:
      return problems.length === 0 ? '' : textReport(problems, options)
  }
}

/** `2 errors, 1 warning`; empty when there are none. */
export const summary = (problems: readonly Problem[]): string => {
  const { errors, warnings } = count(problems)
  return [plural(errors, 'error'), plural(warnings, 'warning')].filter((text) => text !== '').join(', ')
}

const plural = (amount: number, word: string): string =>
  amount === 0 ? '' : `${amount} ${word}${amount === 1 ? '' : 's'}`
const count = (problems: readonly Problem[]): { readonly errors: number; readonly warnings: number } => {
  const errors = problems.filter(({ severity }) => severity === 'error').length
  return { errors, warnings: problems.length - errors }
}

type Style = Parameters<typeof styleText>[0]
type Paint = (style: Style, text: string) => string

const textReport = (problems: readonly Problem[], { color = false, source = readSource }: ReportOptions): string => {
  const paint: Paint = (style, text) => (color ? styleText(style, text, { validateStream: false }) : text)
  const files = new Map<string, readonly string[] | undefined>()
  const linesOf = (file: string): readonly string[] | undefined => {
    if (!files.has(file))
      files.set(
        file,
        source(file)
          ?.replace(/^\uFEFF/, '')
          .split(/\r?\n/),
      )
    return files.get(file)
  }
  return problems.map((problem) => oneProblem(problem, linesOf, paint)).join('')
}

const oneProblem = (
  problem: Problem,
  linesOf: (file: string) => readonly string[] | undefined,
  paint: Paint,
): string => {
  const { file, line, column = 1, pointer, severity, code, message, hint } = problem
  const place = file === undefined ? '' : `${paint('bold', line === undefined ? file : `${file}:${line}:${column}`)} `
  const word = paint(severity === 'error' ? ['bold', 'red'] : ['bold', 'yellow'], severity)
  const at = pointer === undefined || pointer === '' ? '' : `  ${pointer}`
  const head = `${place}${word} ${code}${at}: ${printable(message)}\n`
  const text = file === undefined || line === undefined ? undefined : linesOf(file)?.[line - 1]
  if (text === undefined) return hint === undefined ? head : `${head}  ${paint('cyan', printable(hint))}\n`
  return head + frame(text, { line: line!, column, length: problem.length ?? 1 }, hint, paint)
}

/** Characters of a line that a frame shows. */
const WIDTH = 100

const frame = (
  text: string,
  { line, column, length }: { readonly line: number; readonly column: number; readonly length: number },
  hint: string | undefined,
  paint: Paint,
): string => {
  const cut = column + Math.min(length, WIDTH) > WIDTH ? Math.max(0, column - 1 - Math.floor(WIDTH / 4)) : 0
  const shown = text.slice(cut, cut + WIDTH)
  const before = column - 1 - cut
  const carets = '^'.repeat(Math.max(1, Math.min(length, shown.length - before)))
  const number = String(line).padStart(5)
  const bar = paint('gray', '|')
  const tail = hint === undefined ? '' : ` ${printable(hint)}`
  const lead = cut === 0 ? '' : '…'
  const end = cut + WIDTH < text.length ? '…' : ''
  return (
    `${paint('gray', number)} ${bar} ${lead}${printable(shown)}${end}\n` +
    `      ${bar} ${' '.repeat(lead.length + before)}${paint('cyan', carets + tail)}\n`
  )
}

/** One column for each character: what a terminal would move for, or obey, is shown as a space or a dot. */
const printable = (text: string): string => text.replaceAll('\t', ' ').replace(CONTROL, '·')
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g

const readSource = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

const githubLine = ({ severity, code, message, hint, file, line, column, length, pointer }: Problem): string => {
  const place = [
    file === undefined ? [] : [`file=${githubValue(file)}`],
    line === undefined ? [] : [`line=${line}`, `endLine=${line}`],
    line === undefined || column === undefined ? [] : [`col=${column}`, `endColumn=${column + (length ?? 1)}`],
    [`title=${githubValue(code)}`],
  ].flat()
  const text = `${pointer === undefined || pointer === '' ? '' : `${pointer}: `}${message}${hint === undefined ? '' : `\n${hint}`}`
  return `::${severity} ${place.join(',')}::${githubText(text)}\n`
}
const githubText = (text: string): string => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
const githubValue = (text: string): string => githubText(text).replaceAll(':', '%3A').replaceAll(',', '%2C')

const sarif = (problems: readonly Problem[], version: string | undefined): object => ({
  $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
  version: '2.1.0',
  runs: [
    {
      tool: {
        driver: {
          name: 'protogate',
          ...(version === undefined ? {} : { version }),
          rules: [...new Set(problems.map(({ code }) => code))].map((id) => ({ id })),
        },
      },
      columnKind: 'utf16CodeUnits',
      results: problems.map(sarifResult),
    },
  ],
})
const sarifResult = ({
  severity,
  code,
  message,
  hint,
  file,
  line,
  column = 1,
  length = 1,
  pointer,
}: Problem): object => ({
  ruleId: code,
  level: severity,
  message: { text: hint === undefined ? message : `${message} (${hint})` },
  ...(file === undefined
    ? {}
    : {
        locations: [
          {
            physicalLocation: {
              artifactLocation: { uri: file.split(/[\\/]/).map(encodeURIComponent).join('/') },
              ...(line === undefined
                ? {}
                : { region: { startLine: line, startColumn: column, endLine: line, endColumn: column + length } }),
            },
            ...(pointer === undefined ? {} : { logicalLocations: [{ fullyQualifiedName: pointer }] }),
          },
        ],
      }),
})
