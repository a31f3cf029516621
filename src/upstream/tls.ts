import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
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

/** Reads the PEM files of `tls`. Throws ConfigError `TLS_FILE_UNREADABLE`, `TLS_KEY_INCOMPLETE` or `TLS_INVALID`. */
export const loadTls = (tls: UpstreamTls | undefined): LoadedTls => {
  const cert = pem('cert', tls?.cert)
  const key = pem('key', tls?.key)
  if ((cert === undefined) !== (key === undefined))
    throw problem(
      'TLS_KEY_INCOMPLETE',
      `tls has ${cert === undefined ? '"key"' : '"cert"'} alone`,
      'give both "cert" and "key"',
    )
  const loaded = { ca: pem('ca', tls?.ca), cert, key, serverName: tls?.serverName }
  tryOut(loaded)
  return loaded
}

/** What cannot be used is told now, and not with the first connection. */
const tryOut = ({ ca, cert, key }: LoadedTls): void => {
  if (ca === undefined && cert === undefined) return
  try {
    createSecureContext({ ca, cert, key })
  } catch (error) {
    throw problem(
      'TLS_INVALID',
      `tls cannot be used: ${(error as Error).message}`,
      'give certificates in PEM, and with "cert" the key that belongs to it, without a passphrase',
    )
  }
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
