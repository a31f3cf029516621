import { expect, test } from 'vitest'
import { loadConfig } from '../../src/config/load.ts'
import { renderProblems, summary } from '../../src/config/report.ts'
import { ConfigError } from '../../src/core/config-error.ts'
import { sampleRegistry } from '../support/modules.ts'

/** One kind of mistake each. The whole report of each stands in `config-errors/`. */
const CASES: Readonly<Record<string, string>> = {
  'empty-file': '',
  'not-json': `listeners:
  - port: 8080
`,
  'comma-missing': `{
  "version": 1
  "drain": "30s"
}
`,
  'brace-missing': `{
  "routes": [
    { "service": "acme.v1.Books", "to": "books"
  ]
`,
  'text-not-closed': `{
  "drain": "30s,
  "version": 1
}
`,
  'single-quotes': `{
  'version': 1
}
`,
  'not-an-object': `[1, 2]
`,
  'key-twice': `{
  "drain": "30s",
  // a comment does not matter
  "drain": "40s",
}
`,
  'unknown-key': `{
  "upstream": {},
  "routes": [{ "path": "/x", "respond": {}, "timout": "5s" }],
  "zzz": 1
}
`,
  'wrong-type': `{
  "listeners": { "port": 8080 },
  "admin": "yes",
  "schemas": "protos",
  "policies": [["api-key"]],
  "limits": { "sockets": 1.5, "headLines": "many" },
  "log": { "access": "yes" }
}
`,
  'missing-key': `{
  "upstreams": {
    "books": {
      "endpoints": [{ "weight": 2 }]
    }
  },
  "policies": [{ "api-key": {} }]
}
`,
  'bad-word': `{
  "routes": [
    { "service": "acme.v1.Books", "stream": "ndjsn", "compat": { "template": "relaxed" }, "unknownQuery": "drop" }
  ],
  "log": { "level": "warning" }
}
`,
  'bad-unit': `{
  "drain": "30 seconds",
  "limits": { "timeout": 30, "body": "4 mb", "message": "none" },
  "routes": [{ "path": "/x", "respond": {}, "timeout": "soon" }]
}
`,
  'out-of-range': `{
  "version": 2,
  "listeners": [{ "port": 80800 }],
  "routes": [{ "path": "/x", "respond": { "status": 99 } }],
  "limits": { "sockets": 0 }
}
`,
  'path-without-slash': `{
  "routes": [{ "path": "v1/books", "method": "get", "respond": {} }]
}
`,
  'unknown-policy': `{
  "policies": [{ "api-kye": { "keys": ["a"] } }],
  "upstreams": { "books": { "endpoints": ["grpc://h:1"], "balancer": { "rond-robin": {} }, "policies": [{ "cache": {} }] } }
}
`,
  'policy-misconfigured': `{
  "policies": [
    { "api-key": { "keys": [], "headr": "x" } },
    { "retry": { "attempts": 99, "wait": "1 s.", "api-key": {} } },
    {},
    { "retry": {}, "api-key": { "keys": ["a"] } }
  ]
}
`,
  'route-match': `{
  "routes": [
    { "to": "books" },
    { "service": "acme.v1.Books", "path": "/v1/books", "to": "books" }
  ]
}
`,
  'route-target': `{
  "upstreams": { "books": { "endpoints": ["grpc://h:1"] } },
  "routes": [
    { "path": "/a" },
    { "path": "/b", "rpc": "acme.v1.Books/Get", "to": "books", "redirect": "/c" },
    { "path": "/c", "mock": {} },
    { "service": "acme.v1.Books", "respond": {} },
    { "path": "/d", "rpc": "acme.v1.Books.Get", "to": "books" },
    { "path": "/e", "to": 5 }
  ]
}
`,
  'route-key-misplaced': `{
  "upstreams": { "books": { "endpoints": ["grpc://h:1"] } },
  "routes": [
    { "service": "acme.v1.Books", "method": "GET", "ws": false },
    { "path": "/x", "rpc": "acme.v1.Books/Get", "stripPrefix": "/x", "prefix": "/y" },
    { "path": "/y/*", "to": "books", "set": { "id": 1 }, "stream": "sse" }
  ]
}
`,
  'route-name-twice': `{
  "routes": [
    { "name": "home", "path": "/", "redirect": "/a" },
    { "name": "home", "path": "/home", "redirect": "/a" }
  ]
}
`,
  upstream: `{
  "upstreams": {
    "a": {},
    "b": { "endpoints": ["http://h:1"], "discovery": { "dns": { "name": "h" } } },
    "c": { "endpoints": ["http://h:1"], "outbound": "grpc-js" },
    "d": { "endpoints": [] },
    "e": { "endpoints": ["grpc://h:1"], "outbound": "grpc" }
  }
}
`,
  'listener-twice': `{
  "listeners": [{ "port": 9090 }],
  "admin": { "port": 9090 }
}
`,
  'upstream-misspelt': `{
  "upstreams": { "books": { "endpoint": ["grpc://h:1"] } }
}
`,
  'too-deep': `{ "routes": ${'['.repeat(200)}${']'.repeat(200)} }
`,
  substitution: `{
  "upstreams": {
    "books": { "endpoints": ["grpc://\${BOOK:-}\${BOOKS_URL}", "grpc://\${1}", "\${file:/no/such/file}"] }
  },
  "listeners": [{ "port": "\${PORT_TEXT}" }]
}
`,
  'plugin-missing': `{
  "plugins": ["./no-such-plugin.ts", "no-such-package"]
}
`,
  'names-of-the-prototype': `{
  "__proto__": { "drain": "1s" },
  "constructor": 1,
  "limits": { "toString": "5s" }
}
`,
  'long-line': `{ "routes": [${'{ "path": "/x", "respond": {} }, '.repeat(8)}{ "path": "/x", "respnd": {} }, ${'{ "path": "/x", "respond": {} }, '.repeat(8)}] }
`,
  tabs: `{
\t"limits":\t{ "sockets":\tfalse }
}
`,
}

test.each(Object.entries(CASES))('%s', async (name, text) => {
  let report = ''
  try {
    await loadConfig({
      text,
      cwd: '/srv',
      env: { BOOKS_UR: 'x', PORT_TEXT: 'eighty' },
      registry: sampleRegistry(),
    })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    report = `${renderProblems(error.problems, { source: () => text })}${summary(error.problems)}\n`
  }
  await expect(report).toMatchFileSnapshot(`config-errors/${name}.txt`)
})
