import { basename } from 'node:path'
import type { Protogate } from '../index.ts'
import type { Output } from './output.ts'
import { routeRow } from './route-rows.ts'
import { counted, exampleCall, routeTable } from './table.ts'
import { VERSION } from './version.ts'

/** Rows of the start-up table; `protogate routes` has no such limit. */
const MOST_ROWS = 100

/** What `dev` says when it serves: versions, routes, addresses, what to do next. `ms`: how long the start took. */
export const banner = (gateway: Protogate, ms: number, out: Output): string => {
  const { loaded, schemaFiles } = gateway.sources!
  const { snapshot } = gateway
  const { services, operations } = snapshot.schema
  const rows = snapshot.router.routes.map(routeRow)
  const { http, admin } = gateway.addresses()
  const urls = http.map(url)
  const head = [
    `${out.paint('bold', 'protogate')} ${VERSION}`,
    `node ${process.versions.node}`,
    `config ${loaded.file === undefined ? '–' : basename(loaded.file)}`,
    `schemas ${counted(schemaFiles.length, 'file')}, ${counted(services.size, 'service')}`,
    `ready in ${Math.round(ms)} ms`,
  ].join('   ')
  const places = [
    ...urls.map((text) => `${out.paint('gray', 'http')}   ${out.paint('cyan', text)}`),
    ...(admin === undefined ? [] : [`${out.paint('gray', 'admin')}  ${out.paint('cyan', url(admin))}`]),
  ].join('   ')
  const example = urls[0] === undefined ? undefined : exampleCall(rows, urls[0])
  return [
    head,
    ...(rows.length === 0 ? [] : [routeTable(rows, out, MOST_ROWS).trimEnd()]),
    `  ${places}`,
    ...(example === undefined ? [] : [`  ${out.paint('gray', 'try')}    ${example}`]),
    ...hints(loaded.mocked, operations.size, rows.length).map((text) => `  ${out.paint('yellow', 'hint')}   ${text}`),
    '',
  ].join('\n')
}

const hints = (mocked: boolean, operations: number, routes: number): readonly string[] => {
  if (routes === 0 && operations === 0) return ['no services yet: drop a .proto file into protos/']
  if (routes === 0) return ['no routes: add some to routes.json']
  if (!mocked) return []
  return [
    'no upstream set: answers are made up from the schema. Point at yours: protogate dev --upstream localhost:50051',
  ]
}

/** `http://127.0.0.1:8080`; an address that means every interface is shown as this machine. */
export const url = ({ host, port }: { readonly host: string; readonly port: number }): string => {
  const name = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host
  return `http://${name}:${port}`
}
