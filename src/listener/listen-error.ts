import { ConfigError, type Problem } from '../core/config-error.ts'

/** Why a port could not be taken, as a problem of the configuration that names the address and the way out. */
export const listenError = (error: NodeJS.ErrnoException, host: string, port: number): ConfigError => {
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  const problem = (code: string, message: string, hint: string): ConfigError =>
    new ConfigError([{ code, severity: 'error', message, hint, pointer: '/listeners' } satisfies Problem])
  switch (error.code) {
    case 'EADDRINUSE':
      return problem(
        'PORT_IN_USE',
        `${address} is already in use by another process`,
        `stop that process (find it with: ss -ltnp 'sport = :${port}') or choose another port`,
      )
    case 'EACCES':
      return problem(
        'PORT_FORBIDDEN',
        `this process may not listen on ${address}`,
        'ports below 1024 need privileges: choose a higher port, or grant CAP_NET_BIND_SERVICE',
      )
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return problem(
        'HOST_UNAVAILABLE',
        `"${host}" is not an address of this machine`,
        'use 0.0.0.0 for every IPv4 address, :: for every address, or 127.0.0.1 for this machine alone',
      )
    default:
      return problem(
        'LISTEN_FAILED',
        `cannot listen on ${address}: ${error.message}`,
        'see the error of the system above',
      )
  }
}
