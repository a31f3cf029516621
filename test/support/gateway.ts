import { type ConfigInput, createGateway, type GatewayOptions, type Protogate } from '../../src/index.ts'
import { createLog } from '../../src/telemetry/log.ts'

export interface RunningGateway {
  readonly gateway: Protogate
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  /** `ws://127.0.0.1:PORT` */
  readonly ws: string
  readonly admin: string
  /** What was logged: one object a line. */
  readonly lines: Record<string, unknown>[]
  stop(): Promise<void>
}

/** A whole gateway on free ports of loopback, with every built-in module. Its log is kept, not printed. */
export const startGateway = async (
  config: Omit<ConfigInput, 'listeners' | 'admin'>,
  options: Omit<GatewayOptions, 'config'> = {},
): Promise<RunningGateway> => {
  const lines: Record<string, unknown>[] = []
  const log = createLog({
    format: 'json',
    level: 'debug',
    write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
  })
  const gateway = createGateway({
    env: {},
    log,
    ...options,
    config: { ...config, listeners: [{ host: '127.0.0.1', port: 0 }], admin: { host: '127.0.0.1', port: 0 } },
  })
  await gateway.start()
  const { http, admin } = gateway.addresses()
  const at = `127.0.0.1:${http[0]!.port}`
  return {
    gateway,
    url: `http://${at}`,
    ws: `ws://${at}`,
    admin: `http://127.0.0.1:${admin!.port}`,
    lines,
    stop: () => gateway.stop(),
  }
}
