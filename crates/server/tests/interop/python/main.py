"""One JSON request on stdin, one JSON answer on stdout. `verb` is one of
verify  { algorithm, issuer, audience, jwks_uri, secret?, tokens } => { LIBRARY: [{ claims } | { refused }] }
sign    { tokens: [{ typ, claims }] }                              => { LIBRARY: { ALGORITHM: { jwks, tokens } } }
"""

import json
import signal
import sys

import with_joserfc
import with_pyjwt

LIBRARIES = {"pyjwt": with_pyjwt, "joserfc": with_joserfc}
ALGORITHMS = ["EdDSA", "ES256", "ES384", "RS256", "PS256", "HS256"]


def verify(request):
    def judge(library, token):
        try:
            return {"claims": library.verify(token, request)}
        except library.Refused as error:
            return {"refused": f"{type(error).__name__}: {error}"}

    tokens = request["tokens"]
    return {name: [judge(library, token) for token in tokens] for name, library in LIBRARIES.items()}


def sign(request):
    tokens = request["tokens"]
    return {name: {alg: library.sign(alg, tokens) for alg in ALGORITHMS} for name, library in LIBRARIES.items()}


# Whoever waits for a server that never answers must not wait for ever.
signal.alarm(60)
request = json.load(sys.stdin)
json.dump({"verify": verify, "sign": sign}[request["verb"]](request), sys.stdout)
