#!/usr/bin/env node
// Old Node versions must be able to read this file: it only looks at the version and hands over.
import { existsSync } from 'node:fs'

const NEEDED = [24, 12]
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
  console.error(`protogate needs Node ${NEEDED.join('.')} or newer; this is Node ${process.versions.node}`)
  process.exit(1)
}

const built = new URL('../dist/src/main.js', import.meta.url)
const checkout = new URL('../src/main.ts', import.meta.url)
import((existsSync(checkout) ? checkout : built).href)
