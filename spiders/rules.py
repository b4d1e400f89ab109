"""Placeholder."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Rules."""

    parsed: Any = None
    agent: str = ""
    delay: float | None = None
    sitemaps: tuple[str, ...] = ()
    reason: str = ""

    def allows(self, url: str) -> bool:
        """Allowed."""
        return not self.reason and (self.parsed is None or bool(self.parsed.can_fetch(url, self.agent)))


def rules_of(status: int | None, body: bytes, *, agent: str) -> Rules:
    """Rules."""
    from protego import Protego

    if status is None or status >= 500 or status == 429:
        return Rules(reason=f"robots.txt cannot be read ({status or 'no answer'})")
    if status >= 400:
        return Rules()
    parsed = Protego.parse(body.decode("utf-8", "replace"))
    return Rules(parsed=parsed, agent=agent, delay=parsed.crawl_delay(agent))
