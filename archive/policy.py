"""What we do about a publisher's signals: fetch, keep, replay and export are decided each for itself. Pure.

A rule is a signal's name ("noarchive": said, and not as a permission), or name and value ("ai-train=no").
That a page was fetched is always in the WARC; where its body may not be kept, the record says so itself: it
has WARC-Truncated, and its metadata record names the signal.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from archive.model import Exchange
from archive.rights import ALLOWING, NAMES, Signals, beside, parse, signals_of
from archive.wire import NotHttp, read_head

NOTHING = "none"
EXPORT = ("noarchive", "tdm-reservation")
RULE = re.compile(r"([a-z_-]+)(?:=(\S+))?\Z")
YES = ("yes", "y")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Which signals forbid a fetch, a body kept, a replay, an export. robots.txt is obeyed besides, by the
    crawler.
    """

    fetch: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    replay: tuple[str, ...] = ()
    export: tuple[str, ...] = EXPORT


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What may be done; `reasons` says for each "no" which signal forbids it, as "export: noarchive"."""

    fetch: bool
    replay: bool
    export: bool
    reasons: tuple[str, ...] = ()


def decide(policy: Policy, signals: Signals, *, now: datetime | None = None) -> Decision:
    """What `policy` allows of a page with these signals.

    `now` is compared with the date of `unavailable_after`, which forbids nothing before; None: it has passed.
    """
    said = {
        what: forbidding(rules, signals, now=now)
        for what, rules in (("fetch", policy.fetch), ("replay", policy.replay), ("export", policy.export))
    }
    reasons = tuple(f"{what}: {signal}" for what, signal in said.items() if signal)
    return Decision(
        fetch=not said["fetch"], replay=not said["replay"], export=not said["export"], reasons=reasons
    )


def forbidding(rules: Iterable[str], signals: Signals, *, now: datetime | None = None) -> str:
    """The first signal that one of the rules names, in its text form; "" where there is none."""
    for rule in rules:
        wanted, equals, value = rule.partition("=")
        for name, said in signals.pairs:
            if name == wanted and (said == value if equals else not _allows(name, said, now)):
                return str(Signals(pairs=((name, said),)))
    return ""


def may_fetch(policy: Policy, signals: str, *, now: datetime | None = None) -> str:
    """Why a page with signals of this text may not be fetched; "" where it may."""
    found = forbidding(policy.fetch, parse(signals), now=now)
    return f"the publisher says {found}, and rights_fetch names it" if found else ""


LEFT_OUT = "unspecified"  # of the reasons that WARC 1.1 (5.13) knows


def kept(policy: Policy, exchange: Exchange) -> Exchange:
    """The exchange as it may be kept: whole, or, where rights_keep names what is said, without its body."""
    if not policy.keep or not exchange.body_size:
        return exchange
    try:
        head = read_head(exchange.head)
    except NotHttp:
        return exchange
    told = beside(signals_of(head, next(exchange.body_pieces(), b"")), parse(exchange.rights))
    found = forbidding(policy.keep, told)
    if not found:
        return exchange
    return replace(
        exchange, response=exchange.head, big=None, truncated=LEFT_OUT, rights=str(told), left_out=found
    )


def _allows(name: str, said: str, now: datetime | None) -> bool:
    """Whether the signal is said as a permission, or does not hold yet."""
    if name == "tdm-reservation":
        return said == "0"
    if name == "unavailable_after":
        return now is not None and _later(said, now)
    return said in YES or (name, said) in ALLOWING


def _later(said: str, now: datetime) -> bool:
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        return True  # a date that nobody can read has not passed
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) > now


def rules_of(words: Iterable[str]) -> tuple[str, ...]:
    """Rules as people write them; ("none",) is no rule. Raise ValueError that names the wrong word."""
    rules = tuple(word.strip().lower() for word in words)
    if rules == (NOTHING,):
        return ()
    for rule in rules:
        found = RULE.match(rule)
        if not found or found[1] not in NAMES:
            raise ValueError(f'{rule!r} is no signal; use "{NOTHING}", or of: {", ".join(sorted(NAMES))}')
    return rules


def policy_of(
    usual: Policy,
    *,
    fetch: tuple[str, ...] = (),
    keep: tuple[str, ...] = (),
    replay: tuple[str, ...] = (),
    export: tuple[str, ...] = (),
) -> Policy:
    """A site's own policy: what it does not say (empty) is as usual. Raise ValueError for a wrong word."""
    return Policy(
        fetch=rules_of(fetch) if fetch else usual.fetch,
        keep=rules_of(keep) if keep else usual.keep,
        replay=rules_of(replay) if replay else usual.replay,
        export=rules_of(export) if export else usual.export,
    )
