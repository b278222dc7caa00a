import secrets
import uuid

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt import algorithms as jwa

Refused = jwt.PyJWTError

PAIRS = {
    "EdDSA": (ed25519.Ed25519PrivateKey.generate, jwa.OKPAlgorithm),
    "ES256": (lambda: ec.generate_private_key(ec.SECP256R1()), jwa.ECAlgorithm),
    "ES384": (lambda: ec.generate_private_key(ec.SECP384R1()), jwa.ECAlgorithm),
    "RS256": (lambda: rsa.generate_private_key(65537, 2048), jwa.RSAAlgorithm),
    "PS256": (lambda: rsa.generate_private_key(65537, 2048), jwa.RSAAlgorithm),
}


def verify(token, request):
    key = request.get("secret") or jwt.PyJWKClient(request["jwks_uri"]).get_signing_key_from_jwt(token).key
    rules = {"issuer": request["issuer"], "audience": request["audience"]}
    return jwt.decode(token, key, algorithms=[request["algorithm"]], **rules)


def sign(alg, tokens):
    kid = str(uuid.uuid4())
    key, jwk = make(alg)
    signed = [jwt.encode(t["claims"], key, alg, headers={"typ": t["typ"], "kid": kid}) for t in tokens]
    return {"jwks": {"keys": [{**jwk, "kid": kid, "alg": alg}]}, "tokens": signed}


def make(alg):
    if alg == "HS256":
        secret = secrets.token_bytes(32)
        return secret, jwa.HMACAlgorithm.to_jwk(secret, as_dict=True)
    generate, family = PAIRS[alg]
    key = generate()
    return key, family.to_jwk(key.public_key(), as_dict=True)
