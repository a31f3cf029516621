import { rmSync } from 'node:fs'
import { afterAll, beforeAll } from 'vitest'
import type { ConfigInput } from '../../src/index.ts'
import { type EchoBackend, startEchoBackend } from './echo-backend.ts'
import { type RunningGateway, startGateway } from './gateway.ts'
import { type Answer, send } from './http-client.ts'
import { makeFolder } from './proto-folder.ts'

/** Bindings of every form for methods that answer with what they are asked. */
const PROTO = `syntax = "proto3";
package things.v1;
import "google/api/annotations.proto";
import "google/api/httpbody.proto";
import "google/protobuf/any.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
service Things {
  rpc Echo(Thing) returns (Thing) {
    option (google.api.http) = {
      post: "/v1/things" body: "*"
      additional_bindings { get: "/v1/things/{name}" }
      additional_bindings { put: "/v1/things/{name}/tags" body: "tags" }
      additional_bindings { put: "/v1/things/{name}/labels" body: "labels" }
      additional_bindings { put: "/v1/things/{name}/count" body: "count" }
      additional_bindings { put: "/v1/things/{name}/kind" body: "kind" }
      additional_bindings { put: "/v1/things/{name}/at" body: "at" }
      additional_bindings { put: "/v1/things/{name}/inner" body: "inner" }
      additional_bindings { put: "/v1/things/{name}/children" body: "children" response_body: "children" }
      additional_bindings { put: "/v1/whole/{name}" body: "*" }
      additional_bindings { patch: "/v1/things/{name}" body: "inner" }
      additional_bindings { patch: "/v1/whole/{name}" body: "*" }
      additional_bindings { get: "/v1/things/{name}/tags" response_body: "tags" }
      additional_bindings { get: "/v1/things/{name}/count" response_body: "count" }
      additional_bindings { get: "/v1/things/{name}/kind" response_body: "kind" }
      additional_bindings { get: "/v1/things/{name}/inner" response_body: "inner" }
      additional_bindings { post: "/v1/things/{name}/labels" body: "labels" response_body: "labels" }
      additional_bindings { custom { kind: "REPORT" path: "/v1/things" } body: "*" }
      additional_bindings { custom { kind: "*" path: "/v1/any/{name}" } }
    };
  }
  rpc Watch(Thing) returns (stream Thing) {
    option (google.api.http) = {
      get: "/v1/things/{name}:watch"
      additional_bindings { get: "/v1/things/{name}/tags:watch" response_body: "tags" }
      additional_bindings { get: "/v1/things/{name}/count:watch" response_body: "count" }
      additional_bindings { post: "/v1/things/{name}/inner:watch" body: "inner" response_body: "inner" }
    };
  }
  rpc Chat(stream Thing) returns (stream Thing) {
    option (google.api.http) = { post: "/v1/chat" body: "*" additional_bindings { post: "/v1/chat/{name}" body: "inner" response_body: "inner" } };
  }
  rpc Raw(google.api.HttpBody) returns (google.api.HttpBody) {
    option (google.api.http) = { post: "/v1/raw" body: "*" additional_bindings { get: "/v1/raw" } };
  }
}
enum Kind { NONE = 0; RED = 1; }
message Inner {
  string some_text = 1; int64 u = 2; Inner sub = 3; repeated string list = 4; map<string, string> labels = 5;
  google.protobuf.Timestamp at = 6; google.protobuf.Struct extra = 7; optional bool flag = 8; Kind kind = 9;
  oneof choice { string left = 10; string right = 11; }
}
message Thing {
  string name = 1; repeated string tags = 2; map<string, string> labels = 3; int64 count = 4; Kind kind = 5; Inner inner = 6;
  repeated Inner children = 7; google.protobuf.FieldMask update_mask = 8; google.protobuf.Timestamp at = 9; int32 small = 10;
  google.protobuf.Any any = 11; bytes data = 12; double d = 13; map<int32, Kind> kinds = 14;
}
`
const SERVICE = '/things.v1.Things'

type RouteInput = Partial<Extract<NonNullable<ConfigInput['routes']>[number], object>>

export interface Things {
  readonly backend: EchoBackend
  readonly running: RunningGateway
  /** A request with a JSON body unless its type is given. */
  ask(
    method: string,
    path: string,
    body?: string | Uint8Array,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>
}

/** A gateway and its backend for the tests of one file. `route`: keys of the route of the service; `more`: of the configuration. */
export const things = (route: RouteInput = {}, more: Partial<ConfigInput> = {}): Things => {
  let folder: string
  let backend: EchoBackend
  let running: RunningGateway
  beforeAll(async () => {
    folder = makeFolder({ 'things.proto': PROTO })
    backend = await startEchoBackend([`${SERVICE}/Echo`, `${SERVICE}/Raw`], [`${SERVICE}/Watch`, `${SERVICE}/Chat`])
    running = await startGateway({
      schemas: [folder],
      upstreams: { things: { endpoints: [backend.address] } },
      routes: [{ service: 'things.v1.Things', ...route }],
      ...more,
    } as Parameters<typeof startGateway>[0])
  })
  afterAll(async () => {
    await running.stop()
    await backend.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  return {
    get backend() {
      return backend
    },
    get running() {
      return running
    },
    ask: (method, path, body, headers = {}) =>
      send(running.url, {
        method,
        path,
        body,
        headers: {
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
          ...headers,
        },
      }),
  }
}
