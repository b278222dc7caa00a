import { SignJWT, calculateJwkThumbprint, createRemoteJWKSet, exportJWK } from 'jose'
import { generateKeyPair, generateSecret, jwtVerify } from 'jose'

export const algorithms = ['EdDSA', 'ES256', 'ES384', 'RS256', 'PS256', 'HS256']

export async function verify(token, { algorithm, issuer, audience, jwks_uri, secret }) {
  const keys = secret ? new TextEncoder().encode(secret) : createRemoteJWKSet(new URL(jwks_uri))
  const rules = { algorithms: [algorithm], issuer, audience, typ: 'at+jwt' }
  return (await jwtVerify(token, keys, rules)).payload
}

export async function sign(alg, tokens) {
  const { key, jwk } = await make(alg)
  const kid = await calculateJwkThumbprint(jwk)
  // A set may also hold keys that are not for signatures.
  const { publicKey } = await generateKeyPair('ECDH-ES', { extractable: true })
  const other = { ...(await exportJWK(publicKey)), kid: 'other', alg: 'ECDH-ES', use: 'enc' }
  const signed = tokens.map(({ typ, claims }) => new SignJWT(claims).setProtectedHeader({ alg, kid, typ }).sign(key))
  return { jwks: { keys: [other, { ...jwk, kid, alg, use: 'sig' }] }, tokens: await Promise.all(signed) }
}

async function make(alg) {
  const options = { extractable: true }
  if (alg === 'HS256') {
    const key = await generateSecret(alg, options)
    return { key, jwk: await exportJWK(key) }
  }
  const { privateKey, publicKey } = await generateKeyPair(alg, options)
  return { key: privateKey, jwk: await exportJWK(publicKey) }
}
