// @fastify/jwt, as its README has it: `node server.js`, or `node server.js cache` with the cache of its verifier.

import { randomUUID } from 'node:crypto'
import fastifyJwt from '@fastify/jwt'
import Fastify from 'fastify'
import { logIn, signUp } from './accounts.js'

const LIFETIME = 15 * 60
const ISSUER = 'https://auth.example.com'
const AUDIENCE = 'cloakroom'
const cache = process.argv[2] === 'cache'
// With the shape of an answer Fastify writes it without looking at it first.
const text = { type: 'string' }
const ME = {
  type: 'object',
  properties: {
    user: {
      type: 'object',
      properties: { id: text, roles: { type: 'array', items: text }, email: text, name: { ...text, nullable: true } },
    },
    strategy: text,
  },
}

const fastify = Fastify()
fastify.register(fastifyJwt, {
  secret: process.env.SECRET,
  sign: { algorithm: 'HS256', iss: ISSUER, aud: [AUDIENCE], expiresIn: LIFETIME * 1000 },
  verify: { algorithms: ['HS256'], allowedIss: ISSUER, allowedAud: AUDIENCE, cache },
})

fastify.decorate('authenticate', async (request, reply) => {
  try {
    await request.jwtVerify()
  } catch (error) {
    reply.send(error)
  }
})

fastify.post('/signup', async (request, reply) => {
  const user = await orUnavailable(signUp(request.body))
  return user ? reply.code(201).send({ id: user.id }) : reply.code(409).send()
})

fastify.post('/login', async (request, reply) => {
  const user = await orUnavailable(logIn(request.body))
  if (!user) return reply.code(401).send()
  return { access_token: fastify.jwt.sign(claims(user)) }
})

fastify.get('/me', { onRequest: [fastify.authenticate], schema: { response: { 200: ME } } }, async (request) => {
  const { sub: id, roles, email, name } = request.user
  return { user: { id, roles, email, name }, strategy: 'jwt' }
})

console.log(`listening on ${await fastify.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 0) })}`)

// Nothing but the database can fail there.
function orUnavailable(promise) {
  return promise.catch((error) => {
    throw Object.assign(error, { statusCode: 503 })
  })
}

// What Cloakroom puts into an access token, beside what is said above.
function claims({ id, email, name, roles }) {
  return {
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
