import { describe } from 'vitest'
import { type Tally, tallied } from '../support/tally.ts'
import { binding } from './binding.ts'
import { deadlines } from './deadlines.ts'
import { frames } from './frames.ts'
import { httpBodies } from './http-body.ts'
import { matching } from './matching.ts'
import { metadata } from './metadata.ts'
import { streams } from './streams.ts'
import { templates } from './templates.ts'
import { websocket } from './websocket.ts'

const TABLES: Readonly<Record<string, (tally: Tally) => void>> = {
  'Templates (§1)': templates,
  'Matching (§2, §3)': matching,
  'Binding and ProtoJSON (§3 to §6, §14)': binding,
  'Metadata (§8)': metadata,
  'Deadlines (§9)': deadlines,
  'Frames (§10)': frames,
  'HttpBody (§12)': httpBodies,
  'Streams over HTTP (§13)': streams,
  'WebSocket (§15)': websocket,
}

tallied('the tables of SEMANTICS', (tally) => {
  for (const [name, define] of Object.entries(TABLES)) describe(name, () => define(tally))
})
