/** The import rules of docs/architecture.md. `npm run check:deps` also asserts that modules were really cruised. */
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { pathNot: allowed, dependencyTypesNot: ['core'] },
})
const home = (pkg, homes) => ({
  name: `one-home-per-package: ${pkg}`,
  severity: 'error',
  from: { path: '^(src|adapters)/', pathNot: homes },
  to: { path: `^node_modules/${pkg}/` },
})

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'core-is-pure',
      comment: 'core imports nothing but node: and itself (types of rxjs aside, for DiscoveryModule)',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { pathNot: '^src/core/', dependencyTypesNot: ['core', 'type-only'] },
    },
    only('codec-imports', '^src/codec/', '^(src/core/|src/codec/|node_modules/protobufjs/)'),
    only(
      'schema-imports',
      '^src/schema/',
      '^(src/core/|src/codec/|src/schema/|node_modules/(protobufjs|@grpc/proto-loader|@bufbuild/protobuf|jsonc-parser|yaml)/)',
    ),
    only('router-imports', '^src/router/', '^(src/core/|src/router/)'),
    only('listener-imports', '^src/listener/', '^(src/core/|src/codec/status|src/listener/)'),
    only('telemetry-imports', '^src/telemetry/', '^(src/core/|src/telemetry/|node_modules/(pino|prom-client)/)'),
    only('upstream-imports', '^src/upstream/', '^(src/core/|src/upstream/|src/spi\\.ts|node_modules/(rxjs|zod)/)'),
    {
      name: 'spi-only',
      comment: 'extensions see nothing of the gateway but spi.ts and their own folder',
      severity: 'error',
      from: { path: '^(src/(policies|discovery|handlers)/|adapters/(inbound|outbound)/)' },
      to: { path: '^src/', pathNot: '^(src/spi\\.ts|src/(policies|discovery|handlers)/)' },
    },
    {
      name: 'no-adapter-to-adapter',
      severity: 'error',
      from: { path: '^adapters/(inbound|outbound)/([a-z0-9]+)' },
      to: { path: '^adapters/(inbound|outbound)/', pathNot: '^adapters/$1/$2([-./]|$)' },
    },
    {
      name: 'src-not-to-adapters',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(main|index)\\.ts$' },
      to: { path: '^adapters/' },
    },
    home('ws', '(^|/)ws[^/]*(\\.ts|/)'),
    home('undici', '^(adapters/outbound/http[^/]*(\\.ts|/)|src/http-client\\.ts)'),
    home('@grpc/grpc-js', '^(adapters/outbound/grpc-js[^/]*(\\.ts|/)|src/schema/reflection\\.ts)'),
    home('http-proxy', '^adapters/outbound/tunnel[^/]*(\\.ts|/)'),
    home('protobufjs', '^src/(codec|schema)/'),
    home('pino', '^src/telemetry/'),
    home('prom-client', '^src/telemetry/'),
    home('zod', '^src/(config/|spi\\.ts)'),
    home('jsonc-parser', '^src/(config|schema/service-config)/'),
    home('yaml', '^src/schema/service-config/'),
    home('chokidar', '^src/config/watch'),
    home('commander', '^src/(main\\.ts|cli/)'),
    {
      name: 'rxjs-not-in-hot-path',
      severity: 'error',
      from: { path: '^(src/(core|codec|router)/|adapters/outbound/)' },
      to: { path: '^node_modules/rxjs/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-test-import',
      severity: 'error',
      from: { path: '^(src|adapters)/' },
      to: { path: '^(test|bench|examples)/' },
    },
    { name: 'not-to-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
}
