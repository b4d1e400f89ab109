"""Signing a WACZ with an own key (wacz-auth 0.1.0, "anonymous"): who made it, not that its pages are true.

ECDSA on the curve P-384 with SHA-256, over the text of the package's hash; the signature is r and s, 48 bytes
each, as WebCrypto has it, and the key an SPKI, both in base64.
"""

import base64
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

from archive.errors import ConfigError

SIDE = 48  # bytes of r, and of s
HASH = ec.ECDSA(hashes.SHA256())


@dataclass(frozen=True, slots=True)
class Key:
    """A private key; it is never shown."""

    private: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def public(self) -> str:
        """The public key as base64 of its SPKI: what a reader compares."""
        data = self.private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return base64.b64encode(data).decode()

    def signed(self, text: str, *, created: str, software: str) -> dict[str, str]:
        """`signedData` of a datapackage-digest.json for the hash `text`."""
        r, s = utils.decode_dss_signature(self.private.sign(text.encode(), HASH))
        raw = r.to_bytes(SIDE, "big") + s.to_bytes(SIDE, "big")
        return {
            "hash": text, "signature": base64.b64encode(raw).decode(), "publicKey": self.public,
            "created": created, "software": software,
        }  # fmt: skip


def verified(said: dict[str, str]) -> bool:
    """Whether `signedData` was signed by the key that it names."""
    raw = base64.b64decode(said["signature"])
    public = serialization.load_der_public_key(base64.b64decode(said["publicKey"]))
    if not isinstance(public, ec.EllipticCurvePublicKey) or len(raw) != 2 * SIDE:
        return False
    pair = int.from_bytes(raw[:SIDE], "big"), int.from_bytes(raw[SIDE:], "big")
    try:
        public.verify(utils.encode_dss_signature(*pair), said["hash"].encode(), HASH)
    except InvalidSignature:
        return False
    return True


def read_key(path: Path) -> Key:
    """The key of a PEM file; raise ConfigError where there is none that fits."""
    try:
        private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"{path} holds no private key ({error}); {HOW}") from error
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.curve.name != "secp384r1":
        raise ConfigError(f"{path} holds a key of another kind than P-384; {HOW}")
    return Key(private)


HOW = "make one with: openssl ecparam -name secp384r1 -genkey -noout -out key.pem"
