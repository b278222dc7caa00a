// Strict by RFC: 8414 (discovery), 9068 (access tokens), 7662 (introspection), 7009 (revocation).
import * as oauth from 'oauth4webapi'

export const algorithms = ['EdDSA', 'ES256', 'ES384', 'RS256', 'PS256']

// The server under test is on this machine.
const plainHttp = { [oauth.allowInsecureRequests]: true }

/** As a resource server does that was told the issuer and nothing else. */
export async function verify(token, { algorithm, issuer, audience }) {
  const server = await discover(issuer)
  const request = new Request('https://api.example.com/', { headers: { authorization: `Bearer ${token}` } })
  const rules = { ...plainHttp, signingAlgorithms: [algorithm] }
  return await oauth.validateJwtAccessToken(server, request, audience, rules)
}

/** Asks after tokens, revokes them and asks again. */
export async function use(issuer, serviceKey, tokens) {
  const server = await discover(issuer)
  const client = { client_id: 'shop' }
  const introspect = async (key, token) => {
    const response = await oauth.introspectionRequest(server, client, bearer(key), token, plainHttp)
    return await oauth.processIntrospectionResponse(server, client, response)
  }
  const revoke = async (key, token) => {
    const response = await oauth.revocationRequest(server, client, bearer(key), token, plainHttp)
    await oauth.processRevocationResponse(response)
  }
  const steps = []
  for (const token of tokens) {
    const before = await introspect(serviceKey, token)
    await revoke(serviceKey, token)
    steps.push({ before, after: await introspect(serviceKey, token) })
  }
  return { server, steps, refused: await challenge(() => introspect(serviceKey + 'x', tokens[0])) }
}

async function discover(issuer) {
  const url = new URL(issuer)
  const response = await oauth.discoveryRequest(url, { algorithm: 'oauth2', ...plainHttp })
  return await oauth.processDiscoveryResponse(url, response)
}

/** A service key travels as a bearer token, which is none of the registered ways. */
const bearer = (key) => (_server, _client, _body, headers) => headers.set('authorization', `Bearer ${key}`)

/** What the server says to a key that is no good, as the client reads it. */
async function challenge(ask) {
  try {
    return await ask()
  } catch (error) {
    return { status: error.status, challenges: error.cause }
  }
}
