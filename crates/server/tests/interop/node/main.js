// One JSON request on stdin, one JSON answer on stdout. `verb` is one of
//   verify  { algorithm, issuer, audience, jwks_uri, secret?, tokens } => { LIBRARY: [{ claims } | { refused }] }
//   sign    { tokens: [{ typ, claims }] }                              => { LIBRARY: { ALGORITHM: { jwks, tokens } } }
//   clients { issuer, service_key, tokens: { CLIENT: [...] } }         => { CLIENT: what it saw }
import { readFileSync } from 'node:fs'
import * as fastJwt from './fast-jwt.js'
import * as jose from './jose.js'
import * as jsonwebtoken from './jsonwebtoken.js'
import * as oauth4webapi from './oauth4webapi.js'
import * as openidClient from './openid-client.js'

const verifiers = { jose, jsonwebtoken, 'fast-jwt': fastJwt, oauth4webapi }
const signers = { jose, jsonwebtoken, 'fast-jwt': fastJwt }
const clients = { oauth4webapi, 'openid-client': openidClient }

// Whoever waits for a server that never answers must not wait for ever.
setTimeout(() => process.exit(9), 60_000).unref()

const verbs = { verify, sign, clients: useClients }
const request = JSON.parse(readFileSync(0, 'utf8'))
process.stdout.write(JSON.stringify(await verbs[request.verb](request)))

async function verify(request) {
  const answer = {}
  for (const [name, library] of Object.entries(verifiers)) {
    if (!library.algorithms.includes(request.algorithm)) continue
    answer[name] = []
    for (const token of request.tokens) {
      answer[name].push(await judge(library, token, request))
    }
  }
  return answer
}

async function judge(library, token, request) {
  try {
    return { claims: await library.verify(token, request) }
  } catch (error) {
    return { refused: `${error.code ?? error.name}: ${error.message}` }
  }
}

async function sign({ tokens }) {
  const answer = {}
  for (const [name, library] of Object.entries(signers)) {
    answer[name] = {}
    for (const algorithm of library.algorithms) {
      answer[name][algorithm] = await library.sign(algorithm, tokens)
    }
  }
  return answer
}

async function useClients({ issuer, service_key, tokens }) {
  const answer = {}
  for (const [name, client] of Object.entries(clients)) {
    answer[name] = await client.use(issuer, service_key, tokens[name])
  }
  return answer
}
