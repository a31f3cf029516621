import { expect } from 'vitest'
import { CodecTable } from '../../../../src/codec/codec.ts'
import { makeBind } from '../../../../src/codec/compile/bind/index.ts'
import type { Mode } from '../../../../src/codec/compile/scratch.ts'
import type { HttpBinding } from '../../../../src/core/binding.ts'
import type { MessageType } from '../../../../src/core/descriptor.ts'
import { Bytes, type Overlay, type Transcode } from '../../../../src/core/message.ts'
import {
  type BindingInit,
  bindingOf,
  encodeValue,
  overlayOf,
  type Refusal,
  refusal,
  type Types,
  typesOf,
  vectorTypes,
} from '../../../support/codec.ts'
import { EDITION, LEGACY } from '../../../support/legacy-proto.ts'

export const MODES: readonly Mode[] = ['generate', 'closures']

/** What became of one request. */
export interface Outcome {
  readonly value: unknown
  readonly refused: Refusal | undefined
  readonly handedOver: boolean
}

/** The two lanes of one binding, held against each other. */
export interface Lanes {
  /** Runs both and fails unless they agree. */
  run(body: string | Uint8Array, overlay: Overlay | undefined): Outcome
}

/** Something that is in `out` before, which nobody may touch. */
const BEFORE = Buffer.from('before')

const attempt = (run: Transcode, body: Uint8Array, overlay: Overlay | undefined) => {
  const out = new Bytes(8)
  BEFORE.copy(out.buffer)
  out.length = BEFORE.length
  let refused: Refusal | undefined
  try {
    run(body, out, overlay)
  } catch (thrown) {
    refused = refusal(() => {
      throw thrown
    })
  }
  expect(out.take().subarray(0, BEFORE.length)).toEqual(BEFORE)
  return { refused, wire: Buffer.from(out.take().subarray(BEFORE.length)) }
}

export const lanesOf = (types: Types, type: MessageType, binding: HttpBinding, mode: Mode): Lanes => {
  const table = new CodecTable(types.find, { compiled: false })
  const proto = table.codec('proto')
  const reference = table.transcoder(type, table.codec('json'), proto, binding)
  let handedOver = 0
  const counted: Transcode = (bytes, out, overlay) => {
    handedOver++
    // What the fast lane has begun must be gone.
    expect(out.length).toBe(BEFORE.length)
    reference(bytes, out, overlay)
  }
  const fast = makeBind(type, binding, types.find, counted, mode)
  return {
    run(body, overlay) {
      const bytes = Buffer.from(body)
      const before = Buffer.from(bytes)
      const want = attempt(reference, bytes, overlay)
      handedOver = 0
      const got = attempt(fast, bytes, overlay)
      expect(bytes).toEqual(before)
      expect(handedOver).toBeLessThanOrEqual(1)
      expect(got.refused).toEqual(want.refused)
      if (want.refused !== undefined) {
        expect(got.wire.length).toBe(0)
        return { value: undefined, refused: want.refused, handedOver: handedOver === 1 }
      }
      const value = proto.decode(type, got.wire)
      expect(value).toEqual(proto.decode(type, want.wire))
      // Each field is written once, and nothing is written that need not be: the shortest wire is as long.
      expect(got.wire.length).toBe(encodeValue(types, type, value).length)
      return { value, refused: undefined, handedOver: handedOver === 1 }
    },
  }
}

/** `vec.M` and `qv.Q`; `old.Old` and `ed.E`. */
export const types = vectorTypes()
export const legacy = typesOf(LEGACY, EDITION)
const typesWith = (name: string): Types => (types.find(name) === undefined ? legacy : types)

export interface Call extends Partial<Overlay> {
  readonly body?: string
}

/** Single requests, through bindings of their own. */
export const callsOf = (mode: Mode) => {
  const bind = (name: string, init: BindingInit, { body = '', ...rest }: Call): Outcome => {
    const all = typesWith(name)
    const binding = bindingOf(all.type(name), init)
    return lanesOf(all, all.type(name), binding, mode).run(body, overlayOf(binding, rest))
  }
  return {
    bind,
    /** The value of a request that the fast lane does alone. */
    woven(init: BindingInit, call: Call, name = 'vec.M'): unknown {
      const { value, refused, handedOver } = bind(name, init, call)
      expect(refused).toBeUndefined()
      expect(handedOver).toBe(false)
      return value
    },
    /** The value of a request that was handed over and is right. */
    handed(init: BindingInit, call: Call, name = 'vec.M'): unknown {
      const { value, refused, handedOver } = bind(name, init, call)
      expect(refused).toBeUndefined()
      expect(handedOver).toBe(true)
      return value
    },
    /** The reason for which the reference lane refused what was handed over to it. */
    refused(init: BindingInit, call: Call, name = 'vec.M'): string | undefined {
      const { refused, handedOver } = bind(name, init, call)
      expect(handedOver).toBe(true)
      expect(refused?.code).toBe(3)
      return refused?.reason
    },
  }
}
