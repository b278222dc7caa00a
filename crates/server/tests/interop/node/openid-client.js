import * as openid from 'openid-client'

/** Asks after tokens, revokes them and asks again. */
export async function use(issuer, serviceKey, tokens) {
  const config = await discover(issuer, serviceKey)
  const steps = []
  for (const token of tokens) {
    const before = await openid.tokenIntrospection(config, token)
    await openid.tokenRevocation(config, token)
    steps.push({ before, after: await openid.tokenIntrospection(config, token) })
  }
  const wrong = await discover(issuer, serviceKey + 'x')
  return { server: wrong.serverMetadata(), steps, refused: await challenge(wrong, tokens[0]) }
}

async function discover(issuer, key) {
  const bearer = (_server, _client, _body, headers) => headers.set('authorization', `Bearer ${key}`)
  // The server under test is on this machine.
  const options = { algorithm: 'oauth2', execute: [openid.allowInsecureRequests] }
  return await openid.discovery(new URL(issuer), 'shop', undefined, bearer, options)
}

async function challenge(config, token) {
  try {
    return await openid.tokenIntrospection(config, token)
  } catch (error) {
    return { status: error.status, challenges: error.cause }
  }
}
