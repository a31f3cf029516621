import type { Route } from '../core/router.ts'
import type { Snapshot } from '../core/snapshot.ts'
import type { Output } from './output.ts'
import { routeChanges, routeRow } from './route-rows.ts'
import { counted } from './table.ts'

/** Routes that are named one by one. */
const MOST = 10

export interface Reloaded {
  /** Files that changed, or why else it was done. */
  readonly what: string
  readonly before: readonly Route[]
  readonly snapshot: Snapshot
  readonly ms: number | undefined
}

/** `↻ protos/hello.proto: +1 route, ~0 changed, -0 removed   revision 2, 34 ms`, then the routes. */
export const reloadLines = ({ what, before, snapshot, ms }: Reloaded, out: Output): string => {
  const { added, changed, removed } = routeChanges(before, snapshot.router.routes)
  const counts = `+${counted(added.length, 'route')}, ~${changed.length} changed, -${removed.length} removed`
  const time = ms === undefined ? '' : `, ${Math.round(ms)} ms`
  const tail = out.paint('gray', `revision ${snapshot.revision}${time}`)
  const named = [
    ...added.map((route) => out.paint('green', `  + ${routeText(route)}`)),
    ...changed.map((route) => out.paint('yellow', `  ~ ${routeText(route)}`)),
    ...removed.map((route) => out.paint('red', `  - ${routeText(route)}`)),
  ]
  const rest = named.length > MOST ? [out.paint('gray', `  … and ${named.length - MOST} more`)] : []
  return [`${out.paint('green', '↻')} ${what}: ${counts}   ${tail}`, ...named.slice(0, MOST), ...rest, ''].join('\n')
}

const routeText = (route: Route): string => {
  const { method, path, rpc } = routeRow(route)
  return rpc === null ? `${method} ${path}` : `${method} ${path}  →  ${rpc}`
}
