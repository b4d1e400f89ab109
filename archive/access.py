"""Who may see what: rules of the archive itself, for a URL, a folder of URLs, a newspaper, or some dates.

A rule is a write-once object `access/<when>-<digest>.json`; lifting one is another object. All that serves or
gives away asks here, so a rule counts everywhere within a second (`PATIENCE`) of its writing.

    allow     shown, where a wider rule says otherwise
    block     listed, and not shown: an answer of status 451 with the reason
    embargo   as block, until a day or for some days from the capture on
    exclude   as if it had never been captured, everywhere

The most telling rule counts: an exact URL before a folder, a long folder before a short one, that before a
newspaper, that before all; of two alike the newer. Dates of capture narrow a rule down.
"""

import hashlib
import json
import re
import time
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from archive.cdxj import surt_of
from archive.dates import read_time
from archive.errors import CallerError, NotStored
from archive.model import Capture
from archive.store import Store
from archive.versions import plain_address

KINDS = ("allow", "block", "embargo", "exclude")
PREFIX = "access/"
PATIENCE = 1.0  # seconds for which the list of rules is believed
SITE = re.compile(r"site:([^/*\s]+)\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. `what` is as written: a URL, one with * at its end, site:ID, or * for everything.

    `since` and `until` (exclusive) are times of capture. An embargo ends at `ends`, or `days` after capture.
    """

    kind: str
    what: str
    reason: str
    made: datetime
    since: datetime | None = None
    until: datetime | None = None
    ends: datetime | None = None
    days: int | None = None
    id: str = ""

    def holds(self, at: datetime, now: datetime) -> bool:
        """Whether it counts for a capture of this moment."""
        if (self.since and at < self.since) or (self.until and at >= self.until):
            return False
        if self.kind != "embargo":
            return True
        ends = [end for end in (self.ends, at + timedelta(days=self.days) if self.days else None) if end]
        return any(now < end for end in ends)

    def said(self) -> str:
        """The rule as a reader of the archive is told of it."""
        until = f" until {self.ends:%Y-%m-%d}" if self.kind == "embargo" and self.ends else ""
        days = f" for {self.days} days after it was captured" if self.kind == "embargo" and self.days else ""
        return f"{self.kind}{until}{days} ({self.reason})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """All rules that count, arranged for look-ups. Pure."""

    exact: dict[str, tuple[Rule, ...]] = field(default_factory=dict)
    folders: tuple[tuple[str, Rule], ...] = ()
    sites: dict[str, tuple[Rule, ...]] = field(default_factory=dict)
    everything: tuple[Rule, ...] = ()

    @property
    def none(self) -> bool:
        """Whether there is no rule at all."""
        return not (self.exact or self.folders or self.sites or self.everything)

    def hosts(self) -> set[str]:
        """The hosts of which rules for a URL or a folder speak, as `versions.plain_address` begins."""
        ruled = [rule for some in self.exact.values() for rule in some] + [rule for _, rule in self.folders]
        urls = (rule.what.removesuffix("*") for rule in ruled)
        return {plain_address(url if "://" in url else f"http://{url}").partition("/")[0] for url in urls}

    def verdict(self, surt: str, site: str, at: datetime, now: datetime) -> Rule | None:
        """The rule that decides of a capture; None where none says anything."""
        tiers = (self.exact.get(surt, ()), self._above(surt), self.sites.get(site, ()), self.everything)
        return next((rule for tier in tiers for rule in tier if rule.holds(at, now)), None)

    def _above(self, surt: str) -> list[Rule]:
        """Rules of folders that this key lies in, the longest first, the newest first."""
        names = [name for name, _ in self.folders]
        found: list[Rule] = []
        place = bisect_right(names, surt)
        while place:
            name, rule = self.folders[place - 1]
            if surt.startswith(name):
                found.append(rule)
                place -= 1
            else:  # the next that may fit is at most what the two have in common
                common = _common(name, surt)
                place = min(place - 1, bisect_right(names, common))
        return found


def arranged(rules: Iterable[Rule]) -> Rules:
    """Rules by what they are for, each list with the newest first."""
    newest = sorted(rules, key=lambda rule: (rule.made, rule.id), reverse=True)
    exact: dict[str, tuple[Rule, ...]] = {}
    sites: dict[str, tuple[Rule, ...]] = {}
    folders: list[tuple[str, Rule]] = []
    everything: list[Rule] = []
    for rule in newest:
        if rule.what == "*":
            everything.append(rule)
        elif found := SITE.match(rule.what):
            sites[found[1]] = (*sites.get(found[1], ()), rule)
        elif rule.what.endswith("*"):
            folders.append((folder_of(rule.what), rule))
        else:
            key = surt_of(rule.what)
            exact[key] = (*exact.get(key, ()), rule)
    # Read from behind, so that of rules with one name the newest comes first.
    folders.sort(key=lambda pair: (pair[0], pair[1].made, pair[1].id))
    return Rules(exact=exact, folders=tuple(folders), sites=sites, everything=tuple(everything))


def folder_of(what: str) -> str:
    """The beginning of the keys of `https://paper.example/news/*`; of a host alone, all of that host."""
    url = what[:-1]
    if "://" not in url:
        url = f"http://{url}"
    key = surt_of(url)
    bare = url.partition("://")[2].rstrip("/")
    if "/" not in bare:
        return key.partition(")")[0] + ")/"
    return key if url.endswith("/") and key.endswith("/") else key + ("/" if url.endswith("/") else "")


def _common(one: str, other: str) -> str:
    pairs = enumerate(zip(one, other, strict=False))
    return one[: next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))]


class Access:
    """The rules of one archive, read again when they are older than a second."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._read: dict[str, dict[str, Any]] = {}
        self._rules = Rules()
        self._keys: tuple[str, ...] = ()
        self._when = float("-inf")

    def rules(self) -> Rules:
        """What counts now."""
        return self._rules if time.monotonic() - self._when <= PATIENCE else self.renew()

    def renew(self) -> Rules:
        """What counts as of this moment, and for the next second."""
        now = time.monotonic()
        keys = tuple(sorted(self.store.keys(PREFIX)))
        if keys != self._keys:
            self._rules = arranged(self.standing(keys))
            self._keys = keys
        self._when = now
        return self._rules

    def standing(self, keys: Iterable[str] | None = None) -> list[Rule]:
        """Rules that were not lifted, oldest first."""
        found = [self._object(key) for key in (sorted(self.store.keys(PREFIX)) if keys is None else keys)]
        lifted = {str(said["lifts"]) for said in found if "lifts" in said}
        return [rule_of(said) for said in found if "kind" in said and said["id"] not in lifted]

    def _object(self, key: str) -> dict[str, Any]:
        if key not in self._read:
            try:
                self._read[key] = json.loads(self.store.read(key)) | {"id": key.removeprefix(PREFIX)[:-5]}
            except NotStored:
                return {}
        return self._read[key]

    def verdict(self, url: str, site: str, at: datetime) -> Rule | None:
        """The rule that decides of a capture of a URL."""
        rules = self.rules()
        return None if rules.none else rules.verdict(surt_of(url), site, at, datetime.now(UTC))

    def forbids(self, url: str, site: str, at: datetime) -> str:
        """Why it may not be shown; "" where it may."""
        rule = self.verdict(url, site, at)
        return rule.said() if rule and rule.kind != "allow" else ""

    def hides(self, capture: Capture) -> bool:
        """Whether a capture is to be as if it were not there."""
        rules = self.rules()
        if rules.none:
            return False
        site = capture.location.warc.split("/")[1] if "/" in capture.location.warc else ""
        rule = rules.verdict(capture.surt, site, capture.at, datetime.now(UTC))
        return rule is not None and rule.kind == "exclude"

    def add(self, rule: Rule) -> Rule:
        """Write a rule down; it counts from now on."""
        checked(rule)
        return rule_of(self._put(asdict(rule)))

    def lift(self, name: str, reason: str) -> Rule:
        """Let a rule count no more; it stays on record. Raise CallerError where it does not stand."""
        rule = next((rule for rule in self.standing() if rule.id == name), None)
        if rule is None:
            raise CallerError(f"no rule {name!r} stands; `morgue access list` shows those that do")
        self._put({"lifts": name, "reason": reason, "made": datetime.now(UTC)})
        return rule

    def _put(self, said: dict[str, Any]) -> dict[str, Any]:
        told = {k: v.isoformat() if isinstance(v, datetime) else v for k, v in said.items() if v is not None}
        told.pop("id", None)
        data = json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False).encode()
        name = f"{said['made']:%Y%m%dT%H%M%S%fZ}-{hashlib.sha256(data).hexdigest()[:8]}"
        self.store.put(f"{PREFIX}{name}.json", data)
        self._when = float("-inf")
        return {**told, "id": name}


def checked(rule: Rule) -> None:
    """Raise CallerError where a rule cannot count."""
    if rule.kind not in KINDS:
        raise CallerError(f"{rule.kind!r} is no kind of rule; it is one of {', '.join(KINDS)}")
    if not rule.reason.strip():
        raise CallerError("a rule needs a reason, which readers are told: --reason TEXT")
    if rule.kind == "embargo" and not (rule.ends or rule.days):
        raise CallerError("an embargo needs an end: --until 2027-01-01, or --days 30 after each capture")
    bare = rule.what.removesuffix("*")
    if (
        rule.what != "*"
        and not SITE.match(rule.what)
        and ("*" in bare or ("." not in bare and "//" not in bare))
    ):
        raise CallerError(f"{rule.what!r} is no URL, no https://paper.example/news/*, no site:ID and not *")


def rule_of(said: dict[str, Any]) -> Rule:
    """A rule as it was written down."""
    times = {name: read_time(str(said[name])) for name in ("since", "until", "ends") if said.get(name)}
    made = read_time(str(said.get("made", ""))) or datetime.now(UTC)
    days = said.get("days")
    return Rule(
        kind=str(said["kind"]), what=str(said["what"]), reason=str(said.get("reason", "")), made=made,
        days=int(days) if days else None, id=str(said.get("id", "")), **times,
    )  # fmt: skip
