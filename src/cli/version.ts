import { existsSync, readFileSync } from 'node:fs'

/** The nearest package.json above: two folders up in a checkout, three in the published package. */
const manifest = ['../../package.json', '../../../package.json']
  .map((path) => new URL(path, import.meta.url))
  .find((url) => existsSync(url))!

export const VERSION = (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }).version
