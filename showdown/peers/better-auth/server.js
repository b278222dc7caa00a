// Better Auth on PostgreSQL: `node server.js`, or `node server.js cookie-cache`. No framework stands around it.

import { once } from 'node:events'
import { createServer } from 'node:http'
import { betterAuth } from 'better-auth'
import { isAPIError } from 'better-auth/api'
import { getMigrations } from 'better-auth/db/migration'
import { fromNodeHeaders, toNodeHandler } from 'better-auth/node'
import pg from 'pg'

const SIGN_IN = '/api/auth/sign-in/email'

const server = createServer()
server.keepAliveTimeout = 65_000
await once(server.listen(Number(process.env.PORT ?? 0), '127.0.0.1'), 'listening')
const url = `http://127.0.0.1:${server.address().port}`

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, connectionTimeoutMillis: 2000 })
// Without this, a connection that breaks while nobody uses it ends the process.
pool.on('error', () => {})

const auth = betterAuth({
  baseURL: url,
  secret: process.env.SECRET,
  database: pool,
  emailAndPassword: { enabled: true },
  session: { cookieCache: { enabled: process.argv[2] === 'cookie-cache', maxAge: 15 * 60 } },
  // Logging in and out shows an Origin, which cannot know the port.
  trustedOrigins: ['http://localhost'],
  // A session and its user by one query.
  advanced: { database: { joins: true } },
  // All requests come from one address, and nobody else limits theirs.
  rateLimit: { enabled: false },
  logger: { level: 'error' },
  telemetry: { enabled: false },
})
const { runMigrations } = await getMigrations(auth.options)
await runMigrations()

const handle = toNodeHandler(async (request) => {
  const response = await auth.handler(request)
  if (request.url.endsWith(SIGN_IN)) response.headers.set('x-cookies', asShown(response.headers.getSetCookie()))
  return response
})
server.on('request', (request, response) => (request.url === '/me' ? me : handle)(request, response))
console.log(`listening on ${url}`)

async function me(request, response) {
  try {
    const found = await auth.api.getSession({ headers: fromNodeHeaders(request.headers) })
    if (!found) return response.writeHead(401).end()
    const body = JSON.stringify(asAnswered(found))
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body)
  } catch (error) {
    response.writeHead(isAPIError(error) ? error.statusCode : 503).end()
  }
}

// As a browser would send them back: the session, and with the cookie cache what it says.
function asShown(cookies) {
  return cookies.map((cookie) => cookie.split(';')[0]).join('; ')
}

function asAnswered({ user, session }) {
  return {
    user: { id: user.id, email: user.email, name: user.name, roles: [], created_at: user.createdAt },
    strategy: 'session',
    session: {
      id: session.id,
      strategy: 'session',
      device: session.userAgent || 'Unknown device',
      ip: session.ipAddress || '127.0.0.1',
      created_at: session.createdAt,
      last_used_at: session.updatedAt,
      expires_at: session.expiresAt,
      idle_expires_at: session.expiresAt,
      current: true,
    },
  }
}
