/**
 * Envoy with its transcoder over all rules, as strict as it can be set and in the forms that Protogate has by default. What Envoy's own
 * defaults are stands in the report.
 */
export const envoyConfig = (
  port: number,
  backendPort: number,
  descriptors: string,
  services: readonly string[],
): string =>
  JSON.stringify({
    static_resources: {
      listeners: [
        {
          name: 'http',
          address: { socket_address: { address: '127.0.0.1', port_value: port } },
          filter_chains: [{ filters: [connectionManager(descriptors, services)] }],
        },
      ],
      clusters: [
        {
          name: 'backend',
          type: 'STATIC',
          connect_timeout: '2s',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: {
            cluster_name: 'backend',
            endpoints: [
              {
                lb_endpoints: [
                  { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: backendPort } } } },
                ],
              },
            ],
          },
        },
      ],
    },
  })

const connectionManager = (descriptors: string, services: readonly string[]) => ({
  name: 'envoy.filters.network.http_connection_manager',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'http',
    codec_type: 'HTTP1',
    route_config: {
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, route: { cluster: 'backend', timeout: '5s' } }],
        },
      ],
    },
    http_filters: [
      {
        name: 'envoy.filters.http.grpc_json_transcoder',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder',
          proto_descriptor: descriptors,
          services,
          match_incoming_request_route: false,
          convert_grpc_status: true,
          url_unescape_spec: 'ALL_CHARACTERS_EXCEPT_SLASH',
          query_param_unescape_plus: true,
          request_validation_options: {
            reject_unknown_method: true,
            reject_unknown_query_parameters: true,
            reject_binding_body_field_collisions: true,
          },
          print_options: { stream_newline_delimited: true },
        },
      },
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
  },
})
