import { createSigner, createVerifier } from 'fast-jwt'
import { fetchKey, make } from './keys.js'

export const algorithms = ['EdDSA', 'ES256', 'ES384', 'RS256', 'PS256', 'HS256']

export async function verify(token, { algorithm, issuer, audience, jwks_uri, secret }) {
  // It takes PEM and no JWK.
  const published = async ({ header }) => {
    const key = await fetchKey(jwks_uri, header.kid)
    return key.export({ format: 'pem', type: 'spki' })
  }
  const key = secret ? async () => secret : published
  const rules = { algorithms: [algorithm], allowedIss: issuer, allowedAud: audience, checkTyp: 'at+jwt' }
  return createVerifier({ key, ...rules })(token)
}

export async function sign(algorithm, tokens) {
  const { kid, key, jwks } = make(algorithm)
  const exported = algorithm === 'HS256' ? key.export() : key.export({ format: 'pem', type: 'pkcs8' })
  const one = ({ typ, claims }) => createSigner({ algorithm, key: exported, kid, typ })(claims)
  return { jwks, tokens: tokens.map(one) }
}
