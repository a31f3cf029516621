import { expect, test } from 'vitest'
import { ConfigError } from '../../../src/core/config-error.ts'
import { loadTls } from '../../../src/upstream/tls.ts'
import { certFiles, certs } from '../../support/certs/index.ts'

test('files are read, text is taken as it is', () => {
  const { cert, key } = certFiles.client
  const loaded = loadTls({ ca: certs.ca.toString(), cert, key, serverName: 'backend.test' })
  expect(loaded).toEqual({ ca: certs.ca, cert: certs.client.cert, key: certs.client.key, serverName: 'backend.test' })
  expect(loadTls(undefined)).toEqual({ ca: undefined, cert: undefined, key: undefined, serverName: undefined })
})

test.each([
  [{ ca: '/no/such/file.pem' }, 'TLS_FILE_UNREADABLE', '/no/such/file.pem'],
  [{ cert: certFiles.client.cert }, 'TLS_KEY_INCOMPLETE', '"cert" alone'],
  [{ key: certFiles.client.key }, 'TLS_KEY_INCOMPLETE', '"key" alone'],
])('%o is %s', (tls, code, text) => {
  try {
    loadTls(tls)
    expect.unreachable()
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(ConfigError)
    expect((thrown as ConfigError).problems[0]).toMatchObject({ code, message: expect.stringContaining(text) })
  }
})
