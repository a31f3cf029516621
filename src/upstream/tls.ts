import { readFileSync } from 'node:fs'
import { ConfigError } from '../core/config-error.ts'

/** `tls` of an upstream: each of `ca`, `cert` and `key` the path of a PEM file or the PEM text itself. */
export interface UpstreamTls {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** Name that the certificate of the backend must have, in place of the host of the address. */
  readonly serverName?: string | undefined
}
/** The same with every file read. */
export interface LoadedTls {
  readonly ca: Buffer | undefined
  readonly cert: Buffer | undefined
  readonly key: Buffer | undefined
  readonly serverName: string | undefined
}

/** Reads the PEM files of `tls`. Throws ConfigError `TLS_FILE_UNREADABLE` or `TLS_KEY_INCOMPLETE`. */
export const loadTls = (tls: UpstreamTls | undefined): LoadedTls => {
  const cert = pem('cert', tls?.cert)
  const key = pem('key', tls?.key)
  if ((cert === undefined) !== (key === undefined))
    throw problem(
      'TLS_KEY_INCOMPLETE',
      `tls has ${cert === undefined ? '"key"' : '"cert"'} alone`,
      'give both "cert" and "key"',
    )
  return { ca: pem('ca', tls?.ca), cert, key, serverName: tls?.serverName }
}

const pem = (name: string, value: string | undefined): Buffer | undefined => {
  if (value === undefined) return undefined
  if (value.includes('-----BEGIN ')) return Buffer.from(value)
  try {
    return readFileSync(value)
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? String(error)
    throw problem(
      'TLS_FILE_UNREADABLE',
      `cannot read tls.${name} "${value}": ${why}`,
      'give the path of a PEM file, or the PEM text',
    )
  }
}

const problem = (code: string, message: string, hint: string): ConfigError =>
  new ConfigError([{ code, severity: 'error', message, hint }])
