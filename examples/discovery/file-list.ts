import { readFileSync, watch } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { defineDiscovery, type EndpointSpec, Observable, z } from 'protogate/spi'

const list = z.array(z.strictObject({ address: z.string(), weight: z.int().min(0).default(1) }))

/** Endpoints from a JSON file: `[{ "address": "grpc://10.0.0.1:50051" }]`. A change of the file is a change of the list. */
export const fileList = defineDiscovery({
  name: 'file-list',
  config: z.strictObject({ path: z.string().describe('The JSON file, from the working directory') }),
  watch: ({ path }, { log }) =>
    new Observable<readonly EndpointSpec[]>((subscriber) => {
      const file = resolve(path)
      let last = ''
      const read = (): void => {
        try {
          const text = readFileSync(file, 'utf8')
          if (text === last) return
          const endpoints = list.parse(JSON.parse(text))
          last = text
          subscriber.next(endpoints.map(({ address, weight }) => ({ address, weight, zone: undefined })))
        } catch (err) {
          // A half-written or missing file is no reason to lose the endpoints that are known.
          log.warn({ err, file }, 'the list of endpoints cannot be read; the last one stays')
        }
      }
      // The folder is watched and not the file: editors replace a file, and a watch would stay with the old one.
      const watcher = watch(dirname(file), (_event, name) => {
        if (name === basename(file)) read()
      })
      read()
      return () => watcher.close()
    }),
})
