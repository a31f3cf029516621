import { BlockList, isIP } from 'node:net'
import { ConfigError } from '../core/config-error.ts'
import type { Peer } from '../core/exchange.ts'
import type { Metadata } from '../core/metadata.ts'

/** Tells whether a machine may say for whom it forwards. */
export type Trust = (address: string) => boolean

/** Of addresses and CIDR blocks (`trustedProxies`). Throws ConfigError `TRUSTED_PROXY_INVALID` that names the entry. */
export const trustOf = (entries: readonly string[]): Trust => {
  if (entries.length === 0) return () => false
  const list = new BlockList()
  for (const [index, entry] of entries.entries()) {
    const [address = '', bits, ...rest] = entry.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    const longest = family === 'ipv6' ? 128 : 32
    const prefix = bits === undefined ? longest : /^\d{1,3}$/.test(bits) ? Number(bits) : -1
    if (isIP(address) === 0 || prefix < 0 || prefix > longest || rest.length > 0)
      throw new ConfigError([
        {
          code: 'TRUSTED_PROXY_INVALID',
          severity: 'error',
          message: `"${entry}" is neither an IP address nor a CIDR block`,
          pointer: `/trustedProxies/${index}`,
          hint: 'write it as 10.0.0.1, 10.0.0.0/8 or fd00::/8',
        },
      ])
    list.addSubnet(address, prefix, family)
  }
  return (address) => {
    const family = isIP(address)
    return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4')
  }
}

/**
 * The client behind a trusted proxy: the last address of `x-forwarded-for` that is not itself trusted, because everything
 * before it could have been written by the client.
 */
export const peerBehind = (direct: Peer, headers: Metadata, trust: Trust): Peer => {
  if (!trust(direct.address)) return direct
  const chain = headers
    .getAll('x-forwarded-for')
    .join(',')
    .split(',')
    .map((address) => address.trim())
    .filter((address) => address !== '')
  let client = direct.address
  for (const address of chain.toReversed()) {
    if (isIP(address) === 0) break
    client = address
    if (!trust(address)) break
  }
  return { address: client, certificate: direct.certificate, via: direct.address }
}
