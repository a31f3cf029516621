import { expect, test } from 'vitest'
import { connectionFault } from '../../../src/core/connection-fault.ts'

test.each([
  ['connect ECONNREFUSED 10.1.2.3:50051', 'connection refused'],
  ['connect ENOENT /run/backend.sock', 'no such socket'],
  ['ENOTFOUND: getaddrinfo ENOTFOUND books.internal', 'name not found'],
  ['Name resolution failed for target dns:books.internal:50051', 'name not found'],
  ['read ECONNRESET', 'connection lost'],
  ['socket hang up', 'connection lost'],
  ['connect EHOSTUNREACH 10.1.2.3:50051 - Local (10.1.2.4:0)', 'host not reachable'],
  ["Hostname/IP does not match certificate's altnames: Host: books.internal", 'TLS failed'],
  ['unable to verify the first certificate', 'TLS failed'],
  ['something else at 10.1.2.3', 'connection failed'],
  ['', 'connection failed'],
])('%j: %s', (text, words) => {
  expect(connectionFault(text)).toBe(words)
})
