"""A security key in software: makes key pairs and signs what a page asks, as an honest or a hostile key would."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.cose import ES256
from fido2.utils import websafe_encode

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class FakeKey:
    """One key. `counts`: it has a counter that grows with each use."""

    counts: bool = True
    count: int = 0
    credential: bytes = field(default_factory=lambda: os.urandom(32))
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def make(self, options: dict[str, Any], origin: str) -> str:
        """Answer to a page that enrols a key."""
        asked = options["publicKey"]
        public = cbor.encode(dict(ES256.from_cryptography_key(self.private.public_key())))
        attested = bytes(16) + len(self.credential).to_bytes(2, "big") + self.credential + public
        data = self._data(asked["rp"]["id"], PRESENT | VERIFIED | ATTESTED) + attested
        made = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        client = self._client("webauthn.create", asked["challenge"], origin)
        return self._told({"clientDataJSON": client, "attestationObject": made})

    def sign(self, options: dict[str, Any], origin: str, *, host: str = "", flags: int = PRESENT | VERIFIED) -> str:
        """Answer to a page that asks for a key."""
        asked = options["publicKey"]
        self.count += self.counts
        data = self._data(host or asked["rpId"], flags)
        client = self._client("webauthn.get", asked["challenge"], origin)
        signature = self.private.sign(data + sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._told({"clientDataJSON": client, "authenticatorData": data, "signature": signature})

    def _data(self, host: str, flags: int) -> bytes:
        return sha256(host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    @staticmethod
    def _client(kind: str, challenge: str, origin: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False}).encode()

    def _told(self, response: dict[str, bytes]) -> str:
        name = websafe_encode(self.credential)
        told = {key: websafe_encode(value) for key, value in response.items()}
        return json.dumps(
            {"id": name, "rawId": name, "type": "public-key", "response": told, "clientExtensionResults": {}}
        )
