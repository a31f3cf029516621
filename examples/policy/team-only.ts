import { definePolicy, errors, z } from 'protogate/spi'

/** Lets in only callers that name one of the given teams in a header. */
export const teamOnly = definePolicy({
  name: 'team-only',
  stage: 'guard',
  config: z.strictObject({
    header: z.string().default('x-team').describe('Header that carries the team'),
    teams: z.array(z.string()).min(1).describe('Teams that may call'),
  }),
  create({ header, teams }) {
    const allowed = new Set(teams)
    return (next) => (exchange) => {
      if (!allowed.has(exchange.head.headers.get(header) ?? ''))
        throw errors.permissionDenied(`only ${teams.join(', ')} may call this`, { reason: 'TEAM_FORBIDDEN' })
      return next(exchange)
    }
  },
})
