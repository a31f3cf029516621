import type { FileDescriptorProto, SourceCodeInfo_Location } from '@bufbuild/protobuf/wkt'
import type { Place } from '../../core/schema.ts'
import { cleanComment } from '../parse/index.ts'

/** Field numbers of google/protobuf/descriptor.proto, of which the paths of source info are made. */
export const PATHS = {
  fileMessage: 4,
  fileService: 6,
  fileExtension: 7,
  field: 2,
  nestedMessage: 3,
  nestedExtension: 6,
  method: 2,
  name: 1,
} as const

/** Places and comments of one file of a descriptor set; without source info it knows the file alone. */
export class SourceInfo {
  readonly #file: string
  readonly #locations = new Map<string, SourceCodeInfo_Location>()

  constructor(proto: FileDescriptorProto, shown: string) {
    const locations = proto.sourceCodeInfo?.location ?? []
    this.#file = `${shown}(${proto.name})`
    for (const location of locations) this.#locations.set(location.path.join('.'), location)
  }

  comment(path: readonly number[]): string {
    return cleanComment(this.#locations.get(path.join('.'))?.leadingComments ?? '')
  }

  /** Where the name of the element at `path` stands. */
  place(path: readonly number[]): Place {
    const at = path.join('.')
    const { span } = this.#locations.get(`${at}.${PATHS.name}`) ?? this.#locations.get(at) ?? { span: [0, 0] }
    return { file: this.#file, line: (span[0] ?? 0) + 1, column: (span[1] ?? 0) + 1 }
  }
}
