// jsonwebtoken behind Express 4: `node server.js string`, as it is usually written, or `node server.js keyobject`.

import { createSecretKey, randomUUID } from 'node:crypto'
import express from 'express'
import jwt from 'jsonwebtoken'
import { logIn, signUp } from './accounts.js'

const LIFETIME = 15 * 60
const ISSUER = 'https://auth.example.com'
const AUDIENCE = 'cloakroom'
const RULES = { algorithms: ['HS256'], issuer: ISSUER, audience: AUDIENCE }

const secret = secretAs(process.argv[2])

const app = express()
app.disable('x-powered-by')
app.set('etag', false)

app.post('/signup', express.json(), route(async (request, response) => {
  const user = await signUp(request.body)
  return user ? response.status(201).json({ id: user.id }) : response.sendStatus(409)
}))

app.post('/login', express.json(), route(async (request, response) => {
  const user = await logIn(request.body)
  if (!user) return response.sendStatus(401)
  return response.json({ access_token: jwt.sign(claims(user), secret, { expiresIn: LIFETIME }) })
}))

app.get('/me', authenticate, (request, response) => {
  const { sub: id, roles, email, name } = request.claims
  response.json({ user: { id, roles, email, name }, strategy: 'jwt' })
})

// Nothing but the database can fail here, and requests that are none say so themselves.
app.use((error, _request, response, _next) => response.sendStatus(error.status ?? 503))

const server = app.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`)
})
server.keepAliveTimeout = 65_000

function authenticate(request, response, next) {
  const [scheme, token] = request.get('authorization')?.split(' ') ?? []
  if (scheme !== 'Bearer' || !token) return response.sendStatus(401)
  try {
    request.claims = jwt.verify(token, secret, RULES)
  } catch {
    return response.sendStatus(401)
  }
  next()
}

function secretAs(mode) {
  switch (mode) {
    case 'string':
      return process.env.SECRET
    case 'keyobject':
      return createSecretKey(process.env.SECRET, 'utf8')
    default:
      throw new Error('usage: node server.js string | keyobject')
  }
}

// Express 4 does not see a promise that fails.
function route(handler) {
  return (request, response, next) => handler(request, response).catch(next)
}

// What Cloakroom puts into an access token.
function claims({ id, email, name, roles }) {
  return {
    iss: ISSUER,
    aud: [AUDIENCE],
    sub: id,
    jti: randomUUID(),
    client_id: 'cloakroom',
    auth_time: Math.floor(Date.now() / 1000),
    amr: ['pwd'],
    roles,
    email,
    name,
  }
}
