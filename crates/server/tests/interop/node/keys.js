// Keys for libraries that know no JWK: Node's own.
import { createPublicKey, createSecretKey, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'

const PAIRS = {
  EdDSA: () => generateKeyPairSync('ed25519'),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ES384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  PS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
}

/** A new key to sign with, and the JWK Set to verify with. */
export function make(alg) {
  const kid = randomUUID()
  if (alg === 'HS256') {
    const secret = createSecretKey(randomBytes(32))
    return { kid, key: secret, jwks: { keys: [{ ...secret.export({ format: 'jwk' }), kid, alg }] } }
  }
  const { privateKey, publicKey } = PAIRS[alg]()
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' }
  return { kid, key: privateKey, jwks: { keys: [jwk] } }
}

/** The key that is published under this name. */
export async function fetchKey(jwksUri, kid) {
  const { keys } = await (await fetch(jwksUri)).json()
  const key = keys.find((key) => key.kid === kid)
  if (!key) throw new Error(`no key ${kid} at ${jwksUri}`)
  return createPublicKey({ key, format: 'jwk' })
}
