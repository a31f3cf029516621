import { ConfigError } from '../core/config-error.ts'

/** An endpoint's address, taken apart. */
export interface EndpointAddress {
  /** Lower case, no colon: `grpc`, `https`, `unix`. */
  readonly scheme: string
  /** Without brackets around IPv6; '' for `unix:`. */
  readonly host: string
  /** From the address, else the default of the scheme; 0 for `unix:`. */
  readonly port: number
  /** `host:port` with brackets where needed; without the port when the address had none. */
  readonly authority: string
  /** Raw path without a final `/`; of `unix:` the path of the socket. */
  readonly path: string
}

/** Scheme of an address: `grpc://…` → `grpc`, `mock:` → `mock`. undefined when there is none. */
export const schemeOf = (address: string): string | undefined =>
  /^([a-z][a-z0-9+.-]*):/i.exec(address)?.[1]?.toLowerCase()

/**
 * Parses `scheme://host[:port][/path]` and `unix:/path`. `ports` has the default port of each scheme that is allowed. Throws
 * ConfigError `ENDPOINT_INVALID` that names what is wrong.
 */
export const parseAddress = (address: string, ports: Readonly<Record<string, number>>): EndpointAddress => {
  const scheme = schemeOf(address)
  if (scheme === undefined || !Object.hasOwn(ports, scheme))
    throw invalid(address, `the scheme is not one of ${Object.keys(ports).join(', ')}`)
  if (scheme === 'unix') return unixAddress(address)
  const url = URL.parse(address.replace(/^[^:]+:/, 'http:'))
  if (!/^[^:]+:\/\/[^/]/.test(address) || url === null) throw invalid(address, 'it is not a URL')
  if (url.username !== '' || url.password !== '') throw invalid(address, 'it has a user or password')
  if (url.search !== '' || url.hash !== '') throw invalid(address, 'it has a query or a fragment')
  const explicit = /:(\d+)$/.exec(address.replace(/^[^:]+:\/\//, '').replace(/\/.*$/, ''))?.[1]
  const bare = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
  return {
    scheme,
    host: bare,
    port: explicit === undefined ? ports[scheme]! : Number(explicit),
    authority: explicit === undefined ? url.hostname : `${url.hostname}:${Number(explicit)}`,
    path: url.pathname.replace(/\/+$/, ''),
  }
}

const unixAddress = (address: string): EndpointAddress => {
  const path = address.slice('unix:'.length).replace(/^\/\/(?=\/)/, '')
  if (path === '') throw invalid(address, 'it names no socket')
  return { scheme: 'unix', host: '', port: 0, authority: 'localhost', path }
}

const invalid = (address: string, why: string): ConfigError =>
  new ConfigError([
    {
      code: 'ENDPOINT_INVALID',
      severity: 'error',
      message: `"${address}" is not an address of a backend: ${why}`,
      hint: 'write scheme://host:port, or unix:/path',
    },
  ])
