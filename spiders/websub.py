"""WebSub (W3C Recommendation, 23 January 2018): what a subscriber says and believes. Pure.

Rules: a hub's verification is answered only for what we asked of it, under a callback that nobody can guess;
what it sends is believed only where it is signed with our secret. Polling goes on whatever a hub does.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlencode

DAY = 86400.0
LEASE = 7 * DAY  # seconds asked for; the hub says what it grants
SHORTEST_LEASE, LONGEST_LEASE = 300.0, 90 * DAY
RENEW = 0.8  # of a lease: then it is asked for anew
AGAIN = 3600.0  # seconds after which an unanswered request is made again
METHODS = ("sha1", "sha256", "sha384", "sha512")  # section 7.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One feed at one hub. `until` is when its lease ends, `again` when to ask the hub (next)."""

    site: str
    feed: str
    hub: str
    topic: str
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    until: datetime | None = None
    again: datetime | None = None
    denied: str = ""

    def wanted(self, now: datetime) -> bool:
        """Whether the hub is to be asked (again)."""
        return self.again is None or now >= self.again

    def form(self, callback: str) -> bytes:
        """The request to the hub (section 5.1), form-encoded; `callback` is our public address."""
        return urlencode(
            {
                "hub.callback": f"{callback.rstrip('/')}/{self.token}",
                "hub.mode": "subscribe",
                "hub.topic": self.topic,
                "hub.secret": self.secret,
                "hub.lease_seconds": int(LEASE),
            }
        ).encode()

    def asked(self, now: datetime) -> "Subscription":
        """The hub has been asked; it is asked again where it does not verify."""
        return replace(self, again=now + timedelta(seconds=AGAIN))

    def verified(self, query: str, now: datetime) -> tuple["Subscription", str | None]:
        """What a verification by the hub changes, and the challenge to be echoed; None: answer 404 (5.3)."""
        said = {name: values[0] for name, values in parse_qs(query).items()}
        if said.get("hub.topic") != self.topic:
            return self, None
        if said.get("hub.mode") == "denied":
            reason = said.get("hub.reason", "the hub gave no reason")
            return replace(self, denied=reason, until=None, again=now + timedelta(days=1)), ""
        challenge = said.get("hub.challenge", "")
        if said.get("hub.mode") != "subscribe" or not challenge:
            return self, None
        lease = _lease(said.get("hub.lease_seconds", ""))
        until, again = now + timedelta(seconds=lease), now + timedelta(seconds=lease * RENEW)
        return replace(self, until=until, again=again, denied=""), challenge

    def believes(self, body: bytes, signature: str) -> bool:
        """Whether what was sent is signed with our secret (section 7.2)."""
        method, _, digest = signature.strip().partition("=")
        if method.lower() not in METHODS:
            return False
        wanted = hmac.new(self.secret.encode(), body, getattr(hashlib, method.lower())).hexdigest()
        return hmac.compare_digest(wanted.encode(), digest.strip().lower().encode())


def _lease(text: str) -> float:
    try:
        return min(max(float(text), SHORTEST_LEASE), LONGEST_LEASE)
    except ValueError:
        return LEASE
