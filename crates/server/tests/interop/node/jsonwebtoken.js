import jwt from 'jsonwebtoken'
import { fetchKey, make } from './keys.js'

// It has no EdDSA.
export const algorithms = ['ES256', 'ES384', 'RS256', 'PS256', 'HS256']

export async function verify(token, { algorithm, issuer, audience, jwks_uri, secret }) {
  const { header } = jwt.decode(token, { complete: true })
  const key = secret ?? (await fetchKey(jwks_uri, header.kid))
  return jwt.verify(token, key, { algorithms: [algorithm], issuer, audience })
}

export async function sign(algorithm, tokens) {
  const { kid, key, jwks } = make(algorithm)
  return { jwks, tokens: tokens.map(({ typ, claims }) => jwt.sign(claims, key, { algorithm, header: { typ, kid } })) }
}
