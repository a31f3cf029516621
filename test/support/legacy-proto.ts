/** Everything that proto3 no longer has: groups, closed enums, required, unpacked lists, strings that nobody checks, extensions. */
export const LEGACY = `
syntax = "proto2";
package old;
enum Shut { ONE = 1; TWO = 2; ALSO_TWO = 2; option allow_alias = true; }
message Old {
  optional int32 a = 1;
  required string name = 2;
  optional group Pair = 3 { optional string left = 1; optional Old right = 2; }
  repeated group Item = 4 { optional int32 x = 1; }
  optional Shut shut = 5;
  repeated Shut shuts = 6;
  repeated Shut packed_shuts = 7 [packed = true];
  map<string, Shut> shut_map = 8;
  repeated int32 loose = 9;
  repeated sint64 tight = 10 [packed = true];
  optional bytes raw = 11;
  oneof which { string text = 12; Old child = 13; Shut kind = 14; }
  optional fixed32 f32 = 15;
  optional sfixed64 sf64 = 16;
  optional double dbl = 17;
  optional float flt = 18;
  optional bool flag = 19;
  optional uint64 u64 = 20;
  optional sint32 s32 = 21;
  map<sint32, Old> olds = 22;
  extensions 100 to 200;
}
extend Old {
  optional string nick = 100;
  repeated int32 marks = 101;
}
`

/** Editions: features where proto2 and proto3 have syntax. */
export const EDITION = `
edition = "2023";
package ed;
enum Open { ZERO = 0; UP = 1; }
enum Closed { option features.enum_type = CLOSED; A = 1; B = 2; }
message E {
  int32 explicit = 1;
  int32 implicit = 2 [features.field_presence = IMPLICIT];
  E child = 3 [features.message_encoding = DELIMITED];
  repeated E children = 4 [features.message_encoding = DELIMITED];
  repeated int32 packed = 5;
  repeated int32 expanded = 6 [features.repeated_field_encoding = EXPANDED];
  string checked = 7;
  string loose = 8 [features.utf8_validation = NONE];
  Open open = 9;
  Closed closed = 10;
  map<string, E> named = 11;
  string text = 12 [features.field_presence = IMPLICIT];
}
`
