import {
  DEFAULT_FRAME,
  HEADER_TABLE_SIZE,
  INITIAL_WINDOW_SIZE,
  LARGEST_FRAME,
  MAX_CONCURRENT_STREAMS,
  MAX_FRAME_SIZE,
  MAX_HEADER_LIST_SIZE,
  protocolError,
} from './frames.ts'
import type { HeaderEncoder } from './header-encoder.ts'
import type { Sender } from './sender.ts'
import type { Stream } from './stream.ts'

/** Streams at once, before the peer has said how many. */
const ASSUMED_STREAMS = 100

/** What the settings of a peer allow us (RFC 9113 §6.5.2). */
export class PeerLimits {
  #known = false
  /** Streams at once. */
  streams = ASSUMED_STREAMS
  /** The largest header list, in the bytes of SETTINGS_MAX_HEADER_LIST_SIZE. */
  list = Number.POSITIVE_INFINITY

  /** Names and values in turn. What concerns bytes that wait goes to the sender, whose streams are to be pumped then. */
  take(settings: readonly number[], encoder: HeaderEncoder, sender: Sender, open: Iterable<Stream>): void {
    if (!this.#known) this.streams = Number.POSITIVE_INFINITY
    this.#known = true
    const streams = [...open]
    for (let i = 0; i < settings.length; i += 2) {
      const value = settings[i + 1]!
      switch (settings[i]) {
        case HEADER_TABLE_SIZE:
          encoder.resize(value)
          break
        case MAX_CONCURRENT_STREAMS:
          this.streams = value
          break
        case INITIAL_WINDOW_SIZE:
          sender.changeInitial(value, streams)
          break
        case MAX_HEADER_LIST_SIZE:
          this.list = value
          break
        case MAX_FRAME_SIZE:
          if (value < DEFAULT_FRAME || value > LARGEST_FRAME) throw protocolError(`a largest frame of ${value}`)
          sender.maxFrame = value
          break
      }
    }
  }
}
