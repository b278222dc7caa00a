// Sessions in PostgreSQL, read by a join for each request: Express 4, drizzle-orm and pg, as their guides have it.

import { createHash, randomBytes } from 'node:crypto'
import { hash, verify } from '@node-rs/argon2'
import cookieParser from 'cookie-parser'
import { and, eq, gt, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import express from 'express'
import pg from 'pg'
import { sessions, TABLES, users } from './schema.js'

const LIFETIME = 24 * 60 * 60 * 1000
const IDLE = 60 * 60 * 1000
// What OWASP asks for, and what Cloakroom hashes with.
const ARGON2 = { memoryCost: 19456, timeCost: 2, parallelism: 1 }
const COOKIE = { httpOnly: true, sameSite: 'lax', path: '/' }

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, connectionTimeoutMillis: 2000 })
// Without this, a connection that breaks while nobody uses it ends the process.
pool.on('error', () => {})
await pool.query(TABLES)
const db = drizzle({ client: pool })

const sessionWithUser = db
  .select({ session: sessions, user: users })
  .from(sessions)
  .innerJoin(users, eq(sessions.userId, users.id))
  .where(and(eq(sessions.hash, sql.placeholder('hash')), gt(sessions.expiresAt, sql`now()`)))
  .prepare('session_with_user')
const userByEmail = db.select().from(users).where(eq(users.email, sql.placeholder('email'))).prepare('user_by_email')

const app = express()
app.disable('x-powered-by')
app.set('etag', false)

app.post('/signup', express.json(), route(async (request, response) => {
  const { email, password, name } = request.body
  const passwordHash = await hash(password, ARGON2)
  const [user] = await db.insert(users).values({ email, name, passwordHash }).onConflictDoNothing().returning()
  return user ? response.status(201).json({ id: user.id }) : response.sendStatus(409)
}))

app.post('/login', express.json(), route(async (request, response) => {
  const { email, password } = request.body
  const [user] = await userByEmail.execute({ email })
  if (!user || !(await verify(user.passwordHash, password))) return response.sendStatus(401)
  const token = randomBytes(32).toString('base64url')
  await db.insert(sessions).values({
    hash: stored(token),
    userId: user.id,
    device: request.get('user-agent') ?? 'Unknown device',
    ip: request.ip,
    expiresAt: new Date(Date.now() + LIFETIME),
    idleExpiresAt: new Date(Date.now() + IDLE),
  })
  return response.cookie('session', token, { ...COOKIE, maxAge: LIFETIME }).sendStatus(204)
}))

app.get('/me', cookieParser(), route(async (request, response) => {
  const token = request.cookies.session
  const [found] = token ? await sessionWithUser.execute({ hash: stored(token) }) : []
  return found ? response.json(me(found)) : response.sendStatus(401)
}))

app.post('/logout', cookieParser(), route(async (request, response) => {
  const token = request.cookies.session
  if (token) await db.delete(sessions).where(eq(sessions.hash, stored(token)))
  return response.clearCookie('session', COOKIE).sendStatus(204)
}))

// Nothing but the database can fail here, and requests that are none say so themselves.
app.use((error, _request, response, _next) => response.sendStatus(error.status ?? 503))

const server = app.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`)
})
server.keepAliveTimeout = 65_000

// Express 4 does not see a promise that fails.
function route(handler) {
  return (request, response, next) => handler(request, response).catch(next)
}

// Whoever reads the table must not be able to log in with what is there.
function stored(token) {
  return createHash('sha256').update(token).digest('hex')
}

function me({ session, user }) {
  const { id, email, name, roles, createdAt } = user
  return {
    user: { id, email, name, roles, created_at: createdAt },
    strategy: 'session',
    session: {
      id: session.id,
      strategy: 'session',
      device: session.device,
      ip: session.ip,
      created_at: session.createdAt,
      last_used_at: session.lastUsedAt,
      expires_at: session.expiresAt,
      idle_expires_at: session.idleExpiresAt,
      current: true,
    },
  }
}
