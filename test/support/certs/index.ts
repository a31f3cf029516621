import { readFileSync } from 'node:fs'

/**
 * Certificates for tests, valid for a hundred years. `ca` has signed all others: `backend` for backend.test, localhost and
 * loopback addresses, `other` for elsewhere.test, `client` for a client. The key of the CA was not kept.
 */
const path = (name: string): string => new URL(name, import.meta.url).pathname

export const certFiles = {
  ca: path('./ca.pem'),
  backend: { cert: path('./backend.pem'), key: path('./backend.key') },
  other: { cert: path('./other.pem'), key: path('./other.key') },
  client: { cert: path('./client.pem'), key: path('./client.key') },
} as const

const pair = ({ cert, key }: { cert: string; key: string }) => ({ cert: readFileSync(cert), key: readFileSync(key) })
export const certs = {
  ca: readFileSync(certFiles.ca),
  backend: pair(certFiles.backend),
  other: pair(certFiles.other),
  client: pair(certFiles.client),
} as const
