import { type DescMessage, type FileRegistry, fromBinary } from '@bufbuild/protobuf'
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect'
import { base64Encode } from '@bufbuild/protobuf/wire'

/**
 * A message as text that is the same for the same message: fields by number, map entries sorted, every set field named, an Any opened
 * where its type is known, unknown fields in hex.
 */
export const dumpMessage = (registry: FileRegistry, type: string, bytes: Uint8Array): string => {
  const desc = registry.getMessage(type)
  if (desc === undefined) return hex(bytes)
  try {
    return dump(registry, reflect(desc, fromBinary(desc, bytes)))
  } catch (error) {
    return `<invalid wire ${hex(bytes)}: ${(error as Error).message}>`
  }
}

const hex = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString('hex')}`

const dump = (registry: FileRegistry, message: ReflectMessage): string => {
  if (message.desc.typeName === 'google.protobuf.Any') return dumpAny(registry, message)
  const parts: string[] = []
  for (const field of message.sortedFields) {
    if (!message.isSet(field)) continue
    const value = message.get(field)
    if (field.fieldKind === 'list')
      parts.push(`${field.name}:[${[...(value as Iterable<unknown>)].map((one) => item(registry, one)).join(',')}]`)
    else if (field.fieldKind === 'map') {
      const entries = [...(value as Iterable<[unknown, unknown]>)]
      const texts = entries.map(([key, one]) => `${item(registry, key)}:${item(registry, one)}`).sort()
      parts.push(`${field.name}:{${texts.join(',')}}`)
    } else parts.push(`${field.name}:${item(registry, value)}`)
  }
  for (const { no, data } of message.getUnknown() ?? []) parts.push(`#${no}:${hex(data)}`)
  return `{${parts.join(',')}}`
}

const dumpAny = (registry: FileRegistry, message: ReflectMessage): string => {
  const [typeUrl, value] = message.sortedFields.map((field) => message.get(field)) as [string, Uint8Array]
  const type: DescMessage | undefined = registry.getMessage(typeUrl.slice(typeUrl.lastIndexOf('/') + 1))
  return `any(${typeUrl} ${type === undefined ? hex(value) : dumpMessage(registry, type.typeName, value)})`
}

const item = (registry: FileRegistry, value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(value)
  if (value instanceof Uint8Array) return `b"${base64Encode(value)}"`
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  if (typeof value === 'object' && value !== null) return dump(registry, value as ReflectMessage)
  return String(value)
}
