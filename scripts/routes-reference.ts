import type { JsonSchema } from '../src/config/json-schema.ts'

/** docs/reference/routes.md, made from the published JSON Schema. */
export const routesReference = (schema: JsonSchema): string => {
  const sections: string[] = []
  sections.push(section('Top level', 2, schema, 'top'))
  for (const [name, def] of Object.entries(schema.$defs ?? {})) sections.push(definition(name, def))
  return `${INTRO}\n${sections.filter((text) => text !== '').join('\n')}`
}

const INTRO = `# routes.json

<!-- Made by scripts/generate-schema.ts from the schemas in the code. -->

The configuration of the gateway. It is JSON with comments and trailing commas. An editor completes and checks it by
\`"$schema": "./node_modules/protogate/routes.schema.json"\`. \`protogate check\` tells every mistake with its line and column.

- **Without a file** the services of \`protos/\` are served (or those of the .proto files of the working directory), each by its
  \`google.api.http\` rules, else as \`POST /package.Service/Method\`. Calls go to \`PROTOGATE_UPSTREAM\`; without it answers are made up from the schema.
- **Substitution**, in values only: \`\${NAME}\` is an environment variable, which must be set; \`\${NAME:-default}\` has a default for unset
  and empty ones; \`\${file:/run/secrets/key}\` is the content of a file without its last line end. \`$\${\` is a plain \`\${\`. Text that was filled
  in stands for a number or a truth value where one is expected.
- **Durations** are text: \`"300ms"\`, \`"5s"\`, \`"1.5m"\`, \`"1h"\`. **Sizes** are text too: \`"512B"\`, \`"64KiB"\`, \`"4MiB"\` (1024), \`"1MB"\` (1000).
- **Precedence:** command-line flag, then environment (\`PROTOGATE_PORT\`, \`PORT\`, \`PROTOGATE_ADMIN_PORT\`, \`PROTOGATE_HOST\`,
  \`PROTOGATE_UPSTREAM\`), then this file, then the default.
- Paths start at the folder of the file. Unknown keys are errors.
- **HTTP rules** of methods whose .proto is not yours stand in a service config, listed in \`schemas\`: see [the guide](../guide/rules.md).
- Policies, balancers and discoveries are written as \`{ "name": { …its options } }\` with exactly one name.
`

const definition = (name: string, def: JsonSchema): string => {
  if (def.type === 'array') return ''
  if (def.maxProperties === 1) return choice(name, def)
  const object = objectOf(def)
  return object === undefined ? '' : section(`\`${name}\``, 2, object, name, def.description)
}

/** A list of modules: each has its own options. */
const choice = (name: string, def: JsonSchema): string => {
  const modules = Object.entries(def.properties ?? {})
  const intro = `## \`${name}\`\n\nExactly one of:\n`
  if (modules.length === 0) return `## \`${name}\`\n\nNo built-in one yet: \`plugins\` bring their own.\n`
  return [intro, ...modules.map(([key, schema]) => section(`\`${key}\``, 3, schema, key, schema.description))].join(
    '\n',
  )
}

/** A table of the keys of an object, then a section for each of them that is an object itself. */
const section = (title: string, level: number, schema: JsonSchema, path: string, description?: string): string => {
  const rows = Object.entries(schema.properties ?? {}).map(([key, value]) => {
    const needed = schema.required?.includes(key) === true ? ' (required)' : ''
    return `| \`${key}\`${needed} | ${typeText(value)} | ${defaultText(value)} | ${cell(value.description ?? '')} |`
  })
  const inner = Object.entries(schema.properties ?? {}).flatMap(([key, value]) => {
    const object = objectOf(value) ?? objectOf(value.items ?? {})
    return object === undefined
      ? []
      : [
          section(
            path === 'top' ? `\`${key}\`` : `\`${path}.${key}\``,
            level + 1,
            object,
            path === 'top' ? key : `${path}.${key}`,
          ),
        ]
  })
  const table =
    rows.length === 0 ? ['No options.'] : ['| Key | Value | Default | Meaning |', '|---|---|---|---|', ...rows]
  const head = [
    `${'#'.repeat(level)} ${title}`,
    '',
    ...(description === undefined ? [] : [description, '']),
    ...table,
    '',
  ]
  return [head.join('\n'), ...inner].join('\n')
}

/** The form of a value that has keys of its own; undefined when it has none. */
const objectOf = (schema: JsonSchema): JsonSchema | undefined => {
  if (schema.properties !== undefined) return schema
  return schema.anyOf?.find(({ properties }) => properties !== undefined)
}

const typeText = (schema: JsonSchema): string => {
  const { $ref, anyOf, pattern = '', type } = schema
  if ($ref !== undefined) return reference($ref)
  if (anyOf !== undefined) return [...new Set(anyOf.filter((one) => !isSubstitution(one)).map(typeText))].join(' or ')
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``
  if (schema.enum !== undefined) return schema.enum.map((word) => `\`${JSON.stringify(word)}\``).join(', ')
  const none = pattern.includes('none|') ? ' or `"none"`' : ''
  if (pattern.includes('ms|s|m|h')) return `duration${none}`
  if (pattern.includes('KiB')) return `size${none}`
  if (type === 'array') return `list of ${typeText(schema.items ?? {}).replace(/^object, see/, 'objects, see')}`
  if (type === 'object') return schema.properties === undefined ? mapText(schema) : 'object, see below'
  const kind = Array.isArray(type) ? type[0] : type
  if (kind === 'integer' || kind === 'number')
    return `${kind === 'integer' ? 'whole number' : 'number'}${rangeText(schema)}`
  return kind === 'boolean' ? '`true` or `false`' : kind === 'string' ? 'text' : 'any JSON'
}

const mapText = ({ additionalProperties }: JsonSchema): string =>
  typeof additionalProperties === 'object' ? `object: name → ${typeText(additionalProperties)}` : 'object'

const rangeText = ({ minimum, maximum }: JsonSchema): string => {
  const high = typeof maximum === 'number' && maximum < Number.MAX_SAFE_INTEGER ? maximum : undefined
  const low = typeof minimum === 'number' && minimum > Number.MIN_SAFE_INTEGER ? minimum : undefined
  if (low !== undefined && high !== undefined) return ` from ${low} to ${high}`
  return low === undefined ? '' : ` from ${low}`
}

const reference = (ref: string): string => {
  const name = ref.replace('#/$defs/', '')
  return name === 'policies' ? 'list of [`policy`](#policy)' : `[\`${name}\`](#${name})`
}

const isSubstitution = ({ pattern }: JsonSchema): boolean => pattern === '\\$\\{.+\\}'

/** What a value is without the key; an object of its own has a table that says so. */
const defaultText = (schema: JsonSchema): string => {
  const text = JSON.stringify(schema.default) as string | undefined
  if (text === undefined || text === '[{}]' || (text === '{}' && objectOf(schema) !== undefined)) return '–'
  return `\`${cell(text)}\``
}

const cell = (text: string): string => text.replaceAll('|', '\\|')
