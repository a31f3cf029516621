import { rmSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type EchoBackend, startEchoBackend } from '../support/echo-backend.ts'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import { type HttpBackend, startHttpBackend } from '../support/http-backend.ts'
import { type Answer, send } from '../support/http-client.ts'
import { makeFolder } from '../support/proto-folder.ts'
import { frameBytes, WsClient } from '../support/ws-client.ts'

/**
 * Names that every JavaScript object has, as data, from the client to a real backend and back. What the backend got is read from
 * the wire by hand: a library that loses such a name would lose it on both sides of a comparison.
 */
const PROTO = `syntax = "proto3";
package names.toString;
import "google/api/annotations.proto";
import "google/protobuf/struct.proto";
service hasOwnProperty {
  rpc valueOf(All) returns (All) {
    option (google.api.http) = {
      post: "/echo" body: "*"
      additional_bindings { get: "/by/{constructor}/{__proto__}" }
      additional_bindings { get: "/query" }
      additional_bindings { get: "/nested/{nested.hasOwnProperty}" }
    };
  }
  rpc toString(All) returns (All);
  rpc constructor(stream All) returns (stream All) { option (google.api.http) = { post: "/stream" body: "*" }; }
}
message All {
  string __proto__ = 1;
  string constructor = 2;
  string toString = 3;
  string hasOwnProperty = 4;
  map<string, string> valueOf = 5;
  isPrototypeOf nested = 6;
  repeated isPrototypeOf __defineGetter__ = 7;
  google.protobuf.Struct propertyIsEnumerable = 8;
  oneof toLocaleString {
    string __lookupGetter__ = 9;
    string __lookupSetter__ = 10;
  }
  enum Words {
    ZERO = 0;
    hasOwn = 1;
    prototype = 2;
  }
  Words length = 11;
  map<string, isPrototypeOf> arguments = 12;
  string then = 13;
  string toJSON = 14;
}
message isPrototypeOf {
  string hasOwnProperty = 1;
  string __proto__ = 2;
}
`
const SERVICE = 'names.toString.hasOwnProperty'

let backend: EchoBackend
let web: HttpBackend
let running: RunningGateway
let port: number
const folder = makeFolder({ 'names.proto': PROTO })

beforeAll(async () => {
  backend = await startEchoBackend([`/${SERVICE}/valueOf`, `/${SERVICE}/toString`], [`/${SERVICE}/constructor`])
  web = await startHttpBackend((_request, response) => {
    response.writeHead(200, ['__proto__', 'four', 'constructor', 'five']).end()
  })
  const to = `"rpc": "${SERVICE}/valueOf", "to": "__proto__"`
  // As text: in a literal `__proto__` would be the prototype.
  const config = `{
    "schemas": ["names.proto"],
    "upstreams": { "__proto__": { "endpoints": ["${backend.address}"] }, "constructor": { "endpoints": ["mock:"] },
      "toString": { "endpoints": ["${web.address}"] } },
    "routes": [
      { "service": "${SERVICE}", "to": "__proto__", "forward": { "request": ["constructor", "__proto__", "tostring"] } },
      { "path": "/caught", "method": "GET", ${to}, "unknownQuery": { "capture": "valueOf" } },
      { "path": "/forms", "method": "GET", ${to}, "compat": { "queryForms": true } },
      { "path": "/set", "method": "GET", ${to}, "set": { "__proto__": "a", "constructor": "b" } },
      { "path": "/__proto__/constructor", "respond": { "body": "here", "headers": { "constructor": "x" } } },
      { "path": "/proxied/*", "to": "toString", "rewrite": "/echo/*" },
      { "path": "/mocked", "method": "GET", "rpc": "${SERVICE}/valueOf", "to": "constructor" }
    ]
  }`
  running = await startGateway(JSON.parse(config), { cwd: folder })
  port = Number(new URL(running.url).port)
})
afterAll(async () => {
  await running.stop()
  await backend.stop()
  await web.stop()
  rmSync(folder, { recursive: true, force: true })
})
beforeEach(() => {
  ;(backend.received as Buffer[]).length = 0
})

const post = (path: string, body: string): Promise<Answer> =>
  send(running.url, { method: 'POST', path, headers: { 'content-type': 'application/json' }, body })
const get = (path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
  send(running.url, { path, headers })

/** Wire form of a string field, of a nested message, of an entry of a map. */
const field = (number: number, content: string): string =>
  String.fromCharCode((number << 3) | 2, Buffer.byteLength(content)) + content
const entry = (number: number, key: string, value: string): string => field(number, field(1, key) + field(2, value))
/** The fields of a message in their raw form, in the order of their bytes. */
const fieldsOf = (bytes: Buffer): string[] => {
  const found: string[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = (bytes[at]! & 7) === 2 ? at + 2 + bytes[at + 1]! : at + 2
    found.push(bytes.toString('latin1', at, end))
    at = end
  }
  return found.toSorted()
}
const expectReceived = (...fields: readonly string[]): void =>
  expect(backend.received.map(fieldsOf)).toEqual([fields.toSorted()])

const BODY = `{
  "__proto__": "p", "constructor": "c", "toString": "t", "hasOwnProperty": "h",
  "valueOf": { "__proto__": "1", "constructor": "2", "toString": "3", "hasOwnProperty": "4", "": "5" },
  "nested": { "hasOwnProperty": "nh", "__proto__": "np" },
  "__defineGetter__": [{ "hasOwnProperty": "first" }, { "__proto__": "second" }],
  "propertyIsEnumerable": { "__proto__": { "polluted": true }, "constructor": { "prototype": { "polluted": true } }, "toString": null },
  "__lookupGetter__": "one of",
  "length": "hasOwn",
  "arguments": { "__proto__": { "__proto__": "deep" } },
  "then": "no promise", "toJSON": "no function"
}`
/** The same as ProtoJSON names it: a field `__proto__` is `Proto` there. */
const REPLY = `{
  "Proto": "p", "constructor": "c", "toString": "t", "hasOwnProperty": "h",
  "valueOf": { "__proto__": "1", "constructor": "2", "toString": "3", "hasOwnProperty": "4", "": "5" },
  "nested": { "hasOwnProperty": "nh", "Proto": "np" },
  "DefineGetter": [{ "hasOwnProperty": "first" }, { "Proto": "second" }],
  "propertyIsEnumerable": { "__proto__": { "polluted": true }, "constructor": { "prototype": { "polluted": true } }, "toString": null },
  "LookupGetter": "one of",
  "length": "hasOwn",
  "arguments": { "__proto__": { "Proto": "deep" } },
  "then": "no promise", "toJSON": "no function"
}`
/** Own members only, and also those called `__proto__`, which toEqual does not see. */
const plain = (value: unknown): unknown =>
  value !== null && typeof value === 'object'
    ? Object.entries(value)
        .map(([key, inner]) => [key, plain(inner)])
        .toSorted()
    : value

test('every kind of field, there and back', async () => {
  const { status, text } = await post('/echo', BODY)
  expect(status).toBe(200)
  expect(plain(JSON.parse(text))).toEqual(plain(JSON.parse(REPLY)))
  const got = fieldsOf(backend.received[0]!)
  expect(got).toEqual(expect.arrayContaining([field(1, 'p'), field(2, 'c'), field(3, 't'), field(4, 'h')]))
  expect(got).toEqual(
    expect.arrayContaining([
      entry(5, '__proto__', '1'),
      entry(5, 'constructor', '2'),
      entry(5, 'toString', '3'),
      entry(5, 'hasOwnProperty', '4'),
      field(6, field(1, 'nh') + field(2, 'np')),
      field(7, field(1, 'first')),
      field(7, field(2, 'second')),
      field(9, 'one of'),
      '\x58\x01',
      field(12, field(1, '__proto__') + field(2, field(2, 'deep'))),
      field(13, 'no promise'),
      field(14, 'no function'),
    ]),
  )
  expect(Object.prototype).not.toHaveProperty('polluted')
})

test('an empty message sends nothing: no function of a prototype is taken for a value', async () => {
  for (const body of ['{}', '{"valueOf":{}}', '']) {
    expect((await post('/echo', body)).text).toBe('{}')
  }
  expect(backend.received.map(String)).toEqual(['', '', ''])
})

test('a method, a service and a package of such names', async () => {
  expect((await post(`/${SERVICE}/toString`, '{"toJSON":"x"}')).json()).toEqual({ toJSON: 'x' })
  expectReceived(field(14, 'x'))
})

test('path variables, whatever stands in them', async () => {
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    ;(backend.received as Buffer[]).length = 0
    expect((await get(`/by/${name}/${name}`)).json()).toEqual({ constructor: name, Proto: name })
    expectReceived(field(2, name), field(1, name))
  }
  expect((await get('/nested/__proto__')).json()).toEqual({ nested: { hasOwnProperty: '__proto__' } })
})

test('query keys, nested ones too', async () => {
  const { status, text } = await get(
    '/query?__proto__=p&constructor=c&toString=t&hasOwnProperty=h&nested.__proto__=np&nested.hasOwnProperty=nh&length=prototype&then=x',
  )
  expect(status, text).toBe(200)
  expectReceived(
    field(1, 'p'),
    field(2, 'c'),
    field(3, 't'),
    field(4, 'h'),
    field(6, field(1, 'nh') + field(2, 'np')),
    '\x58\x02',
    field(13, 'x'),
  )
})

test('keys of a map: captured from the query, and in brackets', async () => {
  const caught = await get('/caught?toLocaleString=a&isPrototypeOf=b&constructor=c')
  expect(plain(caught.json())).toEqual(
    plain({ constructor: 'c', valueOf: { toLocaleString: 'a', isPrototypeOf: 'b' } }),
  )
  ;(backend.received as Buffer[]).length = 0
  const forms = await get('/forms?valueOf[__proto__]=a&valueOf[constructor]=b&__proto__=c')
  expect(forms.status, forms.text).toBe(200)
  expectReceived(entry(5, '__proto__', 'a'), entry(5, 'constructor', 'b'), field(1, 'c'))
})

test('fields that a route fixes', async () => {
  expect((await get('/set')).json()).toEqual({ Proto: 'a', constructor: 'b' })
  expectReceived(field(1, 'a'), field(2, 'b'))
})

test('header names: to a gRPC backend all that its library can send, to an HTTP backend all of them', async () => {
  const own = Object.fromEntries([
    ['constructor', 'one'],
    ['__proto__', 'two'],
    ['tostring', 'three'],
  ])
  expect((await get('/query', own)).status).toBe(200)
  const { metadata } = backend
  expect(['constructor', 'tostring'].map((name) => metadata.get(name).join())).toEqual(['one', 'three'])
  const answer = await get('/proxied/__proto__/constructor?__proto__=x', own)
  expect(answer.status).toBe(200)
  const { url, rawHeaders } = web.calls.at(-1)!
  expect(url).toBe('/echo/__proto__/constructor?__proto__=x')
  const pairs = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${rawHeaders[i + 1]}`] : []))
  expect(pairs).toEqual(expect.arrayContaining(['constructor: one', '__proto__: two', 'tostring: three']))
  expect(answer.rawHeaders).toEqual(expect.arrayContaining(['__proto__', 'constructor']))
})

test('a route, an upstream and a header of an answer', async () => {
  const { text, headers } = await get('/__proto__/constructor')
  expect([text, headers.constructor]).toEqual(['here', 'x'])
  expect((await get('/mocked')).status).toBe(200)
  const metrics = await (await fetch(`${running.admin}/metrics`)).text()
  expect(metrics).toContain('upstream="__proto__"')
  const ready = await (await fetch(`${running.admin}/readyz`)).text()
  expect(ready).toContain('"__proto__":"healthy 1/1"')
})

test('WebSocket frames, in both forms', async () => {
  const { client } = await WsClient.open(port, { path: '/stream?__proto__=q' })
  client.text('{"constructor":"a","valueOf":{"__proto__":"1"}}')
  client.text('{"__proto__":"b"}')
  client.text('')
  expect(await client.closed).toEqual({ code: 1000, reason: '' })
  expect(client.result.messages.map(plain)).toEqual([
    plain({ Proto: 'q', constructor: 'a', valueOf: JSON.parse('{"__proto__":"1"}') }),
    plain({ Proto: 'b' }),
  ])
  expect(backend.received.map(fieldsOf)).toEqual([
    [field(1, 'q'), field(2, 'a'), entry(5, '__proto__', '1')].toSorted(),
    [field(1, 'b')],
  ])
  const other = await WsClient.open(port, { path: '/stream' })
  other.client.binary(Buffer.from(field(1, 'x') + field(4, 'y'), 'latin1'))
  other.client.raw(frameBytes(1, ''))
  await other.client.closed
  expect(other.client.frames[0]!.payload.toString('latin1')).toBe(field(1, 'x') + field(4, 'y'))
})

describe('where no such field is', () => {
  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'])('%s is unknown', async (name) => {
    const unknown = (answer: Answer): void => {
      const { code, message, details } = answer.json() as { code: number; message: string; details: object[] }
      expect([answer.status, code]).toEqual([400, 3])
      expect(message).toContain(name)
      expect(details).toContainEqual(expect.objectContaining({ reason: expect.stringMatching(/UNKNOWN/) }))
    }
    unknown(
      await post(
        '/echo',
        `{"nested":{"${name === 'hasOwnProperty' || name === '__proto__' ? `x${name}` : name}":"x"}}`,
      ),
    )
    unknown(await get(`/query?nested.x${name}=x`))
    expect((await get(`/${name}`)).status).toBe(404)
    expect((await post(`/${SERVICE}/x${name}`, '{}')).status).toBe(404)
    expect(backend.received).toEqual([])
  })

  test('an enum has only its own values', async () => {
    for (const name of ['constructor', '__proto__', 'toString'])
      expect((await post('/echo', `{"length":"${name}"}`)).status).toBe(400)
  })
})
