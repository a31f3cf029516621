/** One request that both gateways get, each in front of an etcd server of its own. */
export interface Asked {
  readonly name: string
  readonly path: string
  /** Sent as JSON; a string is sent as it is. */
  readonly body: unknown
  readonly method?: string
  /** Sent with the token of this user. */
  readonly as?: string
  /** A stream without an end: so many lines are read, then the client leaves. */
  readonly lines?: number
  /** Members of the answer that differ between two etcd servers, or from one moment to the next. */
  readonly volatile?: readonly string[]
}

const b64 = (text: string): string => Buffer.from(text).toString('base64')
const kv = (key: string, value: string, more: object = {}) => ({ key: b64(key), value: b64(value), ...more })
const key = (name: string, more: object = {}) => ({ key: b64(name), ...more })
const all = { key: b64('\0'), range_end: b64('\0') }
const user = (name: string, more: object = {}) => ({ name, ...more })
const UNKNOWN_ID = '1234567890123456789'
const MEASURED = ['dbSize', 'dbSizeInUse', 'raftIndex', 'raftAppliedIndex']

const ask = (path: string, rows: readonly (readonly [string, unknown, Partial<Asked>?])[]): readonly Asked[] =>
  rows.map(([name, body, more]) => ({ name, path, body, ...more }))

const KV: readonly Asked[] = [
  ...ask('/v3/kv/put', [
    ['put', kv('a', '1')],
    ['put again, with what was there', kv('a', '2', { prev_kv: true })],
    ['put another', kv('b', 'zwei ✓')],
    ['put bytes that are no text', { key: 'AP/+gA==', value: '//4AAQ==' }],
    ['put an empty value', { key: b64('empty') }],
    ['put, value ignored', { key: b64('a'), ignore_value: true }],
    ['put, value ignored and given', kv('a', 'x', { ignore_value: true })],
    ['put without a key', { value: b64('x') }],
    ['put under a lease that is not there', kv('a', 'x', { lease: '99' })],
  ]),
  ...ask('/v3/kv/range', [
    ['range of one', key('a')],
    ['range of none', key('nothing')],
    ['range of all', all],
    ['range, limited', { ...all, limit: '2' }],
    ['range, limit as a number', { ...all, limit: 2 }],
    ['range, keys only, sorted downwards', { ...all, keys_only: true, sort_order: 2, sort_target: 1 }],
    ['range, count only', { ...all, count_only: true }],
    ['range at an old revision', key('a', { revision: '2' })],
    ['range at a revision to come', key('a', { revision: '9007199254740993' })],
    ['range, serializable', key('a', { serializable: true })],
    ['range between revisions', { ...all, min_mod_revision: '3', max_create_revision: '4' }],
    ['range, JSON names', { key: b64('\0'), rangeEnd: b64('\0'), countOnly: true }],
    ['range without a key', {}],
    ['range without a body', ''],
  ]),
  ...ask('/v3/kv/deleterange', [
    ['delete one', key('b', { prev_kv: true })],
    ['delete none', key('b')],
    ['delete without a key', {}],
  ]),
  ...ask('/v3/kv/compaction', [
    ['compact', { revision: '4' }],
    ['compact again', { revision: '4' }],
    ['compact the future', { revision: '4000' }],
  ]),
  ...ask('/v3/kv/range', [['range at a compacted revision', key('a', { revision: '2' })]]),
]

const TXN = ask('/v3/kv/txn', [
  [
    'then',
    {
      compare: [{ target: 3, key: b64('a'), value: b64('2') }],
      success: [{ request_put: kv('t', '1') }, { request_range: key('a') }],
      failure: [{ request_delete_range: key('a') }],
    },
  ],
  [
    'else',
    {
      compare: [{ result: 1, target: 0, key: b64('a'), version: '100' }],
      success: [{ request_put: kv('t', 'never') }],
      failure: [{ request_delete_range: key('t', { prev_kv: true }) }, { request_range: key('t') }],
    },
  ],
  [
    'inside another',
    {
      success: [
        {
          request_txn: {
            compare: [{ target: 1, key: b64('no'), create_revision: '0' }],
            success: [{ request_put: kv('in', '1') }],
          },
        },
      ],
    },
  ],
  ['empty', {}],
  ['one key twice', { success: [{ request_put: kv('x', '1') }, { request_put: kv('x', '2') }] }],
  ['a put without a key', { success: [{ request_put: {} }] }],
  ['two members of a oneof', { success: [{ request_range: key('a'), request_txn: {} }] }],
])

const LEASE: readonly Asked[] = [
  ...ask('/v3/lease/grant', [
    ['grant', { ID: '7587848390234', TTL: '600' }],
    ['grant what is granted', { ID: '7587848390234', TTL: '600' }],
    ['grant too long', { ID: '8', TTL: '9000000001' }],
  ]),
  ...ask('/v3/kv/put', [['put under the lease', kv('leased', '1', { lease: '7587848390234' })]]),
  ...ask('/v3/lease/timetolive', [
    ['time to live with keys', { ID: '7587848390234', keys: true }, { volatile: ['TTL'] }],
    ['time to live of none', { ID: '8' }],
  ]),
  ...ask('/v3/kv/lease/timetolive', [['time to live, older path', { ID: '7587848390234' }, { volatile: ['TTL'] }]]),
  ...ask('/v3/lease/leases', [['leases', {}]]),
  ...ask('/v3/lease/keepalive', [
    ['keep alive', { ID: '7587848390234' }],
    ['keep alive what is not there', { ID: '8' }],
  ]),
  ...ask('/v3/lease/revoke', [
    ['revoke', { ID: '7587848390234' }],
    ['revoke again', { ID: '7587848390234' }],
  ]),
  ...ask('/v3/kv/range', [['the key went with the lease', key('leased')]]),
]

const WATCH = ask('/v3/watch', [
  ['watch from the past', { create_request: key('a', { start_revision: '5' }) }, { lines: 1 }],
  [
    'watch all with deletions and what was there',
    { create_request: { ...all, start_revision: '7', prev_kv: true } },
    { lines: 2 },
  ],
  ['watch without puts', { create_request: { ...all, start_revision: '7', filters: [0] } }, { lines: 2 }],
  ['watch from a compacted revision', { create_request: key('a', { start_revision: '1' }) }, { lines: 2 }],
])

const CLUSTER: readonly Asked[] = [
  ...ask('/v3/cluster/member/list', [['members', {}]]),
  ...ask('/v3/cluster/member/remove', [['remove nobody', { ID: UNKNOWN_ID }]]),
  ...ask('/v3/cluster/member/update', [
    ['update nobody', { ID: UNKNOWN_ID, peerURLs: ['http://127.0.0.1:9'] }],
    ['update with no URL', { ID: UNKNOWN_ID, peerURLs: ['nowhere'] }],
  ]),
  ...ask('/v3/cluster/member/promote', [['promote nobody', { ID: UNKNOWN_ID }]]),
  ...ask('/v3/cluster/member/add', [['add with no URL', { peerURLs: ['nowhere'] }]]),
]

const MAINTENANCE: readonly Asked[] = [
  ...ask('/v3/maintenance/status', [['status', {}, { volatile: MEASURED }]]),
  ...ask('/v3/maintenance/alarm', [
    ['alarms', {}],
    ['raise an alarm', { action: 1, memberID: UNKNOWN_ID, alarm: 1 }],
    ['alarms, one raised', {}],
    ['take it back', { action: 2, memberID: UNKNOWN_ID, alarm: 1 }],
  ]),
  ...ask('/v3/maintenance/defragment', [['defragment', {}]]),
  ...ask('/v3/maintenance/hash', [['hash', {}]]),
  ...ask('/v3/maintenance/snapshot', [['snapshot', {}, { volatile: ['blob'] }]]),
  ...ask('/v3/maintenance/transfer-leadership', [['give the lead to nobody', { targetID: UNKNOWN_ID }]]),
]

const READWRITE = 2
const AUTH: readonly Asked[] = [
  ...ask('/v3/auth/enable', [['enable without root', {}]]),
  ...ask('/v3/auth/user/add', [
    ['add root', user('root', { password: 'secret' })],
    ['add ada', user('ada', { password: 'lovelace' })],
    ['add ada again', user('ada', { password: 'lovelace' })],
    ['add nobody', user('')],
  ]),
  ...ask('/v3/auth/user/list', [['users', {}]]),
  ...ask('/v3/auth/role/add', [
    ['add the role root', { name: 'root' }],
    ['add a role', { name: 'reader' }],
    ['add a role again', { name: 'reader' }],
  ]),
  ...ask('/v3/auth/role/grant', [
    ['grant to a role', { name: 'reader', perm: { permType: READWRITE, key: b64('a'), range_end: b64('c') } }],
    ['grant reading', { name: 'reader', perm: { permType: 0, key: b64('x') } }],
    ['grant to no role', { name: 'nobody', perm: { permType: READWRITE, key: b64('a') } }],
  ]),
  ...ask('/v3/auth/role/get', [
    ['a role', { role: 'reader' }],
    ['no role', { role: 'nobody' }],
  ]),
  ...ask('/v3/auth/user/grant', [
    ['make root root', { user: 'root', role: 'root' }],
    ['make ada a reader', { user: 'ada', role: 'reader' }],
    ['make nobody a reader', { user: 'nobody', role: 'reader' }],
  ]),
  ...ask('/v3/auth/user/get', [['a user', user('ada')]]),
  ...ask('/v3/auth/role/list', [['roles', {}]]),
  ...ask('/v3/auth/enable', [['enable', {}]]),
  ...ask('/v3/auth/authenticate', [
    ['a wrong password', user('ada', { password: 'byron' })],
    ['no such user', user('nobody', { password: 'x' })],
  ]),
  ...ask('/v3/kv/range', [
    ['range as nobody', key('a')],
    ['range with a token that is none', key('a'), { as: 'nobody' }],
    ['range as ada', key('a'), { as: 'ada' }],
    ['range as ada, not allowed', key('z'), { as: 'ada' }],
  ]),
  ...ask('/v3/kv/put', [['put as ada', kv('b', 'by ada'), { as: 'ada' }]]),
  ...ask('/v3/maintenance/snapshot', [['a stream as nobody', {}]]),
  ...ask('/v3/maintenance/snapshot', [['a stream as ada, not allowed', {}, { as: 'ada' }]]),
  ...ask('/v3/watch', [['watch as nobody', { create_request: key('a') }, { lines: 1 }]]),
  ...ask('/v3/auth/user/add', [['add a user as ada, not allowed', user('eve', { password: 'x' }), { as: 'ada' }]]),
  ...ask('/v3/auth/disable', [['disable', {}, { as: 'root' }]]),
  ...ask('/v3/auth/role/revoke', [['revoke what was not granted', { role: 'reader', key: b64('q') }]]),
  ...ask('/v3/auth/user/revoke', [['revoke the role', user('ada', { role: 'reader' })]]),
  ...ask('/v3/auth/role/delete', [['delete the role', { role: 'reader' }]]),
  ...ask('/v3/auth/user/changepw', [['change a password', user('ada', { password: 'new' })]]),
  ...ask('/v3/auth/user/delete', [['delete ada', user('ada')]]),
]

const BAD: readonly Asked[] = [
  ...ask('/v3/kv/range', [
    ['half a body', '{"key":'],
    ['an array', '[]'],
    ['a word for a number', { key: b64('a'), limit: 'many' }],
    ['a number beyond 64 bits', '{"key":"YQ==","limit":9223372036854775808}'],
    ['no base64', { key: '!!' }],
    ['no such enum value', { key: b64('a'), sort_order: 'SIDEWAYS' }],
    ['a member that is no field', { key: b64('a'), kye: 1 }],
    ['base64 for URLs', { key: 'AP_-gA' }],
    ['another method', '', { method: 'DELETE' }],
  ]),
  ...ask('/v3/nowhere', [['no such path', {}]]),
]

export const GROUPS: ReadonlyMap<string, readonly Asked[]> = new Map([
  ['KV', KV],
  ['transactions', TXN],
  ['leases', LEASE],
  ['watch', WATCH],
  ['cluster', CLUSTER],
  ['maintenance', MAINTENANCE],
  ['auth', AUTH],
  ['errors of the gateway itself', BAD],
])
