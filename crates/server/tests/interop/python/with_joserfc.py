import json
import urllib.request

from joserfc import errors, jwk, jwt

Refused = errors.JoseError

KINDS = {
    "EdDSA": ("OKP", "Ed25519"),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "RS256": ("RSA", 2048),
    "PS256": ("RSA", 2048),
    "HS256": ("oct", 256),
}


def verify(token, request):
    secret = request.get("secret")
    key = jwk.OctKey.import_key(secret) if secret else fetch(request["jwks_uri"])
    proved = jwt.decode(token, key, algorithms=[request["algorithm"]])
    expected = {name: {"essential": True, "value": request[of]} for name, of in [("iss", "issuer"), ("aud", "audience")]}
    jwt.JWTClaimsRegistry(exp={"essential": True}, **expected).validate(proved.claims)
    return proved.claims


def fetch(uri):
    with urllib.request.urlopen(uri, timeout=20) as answer:
        return jwk.KeySet.import_key_set(json.load(answer))


def sign(alg, tokens):
    kind, parameter = KINDS[alg]
    key = jwk.generate_key(kind, parameter, {"use": "sig", "alg": alg}, auto_kid=True)
    header = {"alg": alg, "kid": key.kid}
    signed = [jwt.encode({**header, "typ": t["typ"]}, t["claims"], key, algorithms=[alg]) for t in tokens]
    # A shared secret is all private.
    return {"jwks": {"keys": [key.as_dict(private=kind == "oct")]}, "tokens": signed}
