"""Decides what one run asks for, and what it learnt. No I/O: addresses and answers in, asks out.

Rules: what the documents name comes before what the front page links, so that a limit is spent on news. An
address is asked for once a run. What is known is asked for conditionally, and when it is due; what may not or
cannot be asked for is counted with its reason. What is not archived, failed or skipped is missing.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from archive.agenda import Known, Rhythm, Source, after_answer, after_failure, steps_of, trusts
from archive.looks import Judged, Look, judge
from archive.memory import Memory, Remembered, remembered
from archive.model import Capture, Original
from archive.shards import Passed, Shard
from archive.sites import Site
from archive.state import Update
from archive.variants import variant_key
from spiders.backfill import ArchivePage, archive_pages, in_interval, may_hold
from spiders.ledger import DUE, Ledger, Tally
from spiders.told import Told
from spiders.traps import Traps

SITEMAP_DAYS = 30
MEDIA = re.compile(r"\.(mp[34]|m4[av]|webm|og[gv]|mov|avi|m3u8|mpd|ts|aac|flac|wav)\Z", re.I)
MOST_SITEMAPS = 50
MOST_BACKFILLED = 10_000  # sitemaps of one backfill
MOST_NUMBERED = 500  # pages of one day's or month's archive
EPOCH = datetime(1700, 1, 1, tzinfo=UTC)
PRIORITIES = {
    "feed": 40,
    "front": 30,
    "sitemap": 20,
    "archive": 15,
    "data": 12,
    "article": 10,
    "requisite": 5,
    "rights": 3,
}
# Sources whose links wait for nobody; the links of others wait until these have answered.
FIRST = ("feed", "sitemap")
HANDED = "found by other shards"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request to be made: `known` or `source` is what an answer is compared with."""

    url: str
    kind: str
    via: str
    on: str | None = None
    known: Known | None = None
    source: Source | None = None
    conditional: bool = False
    page: ArchivePage | None = None

    @property
    def priority(self) -> int:
        """The greater the sooner."""
        return PRIORITIES[self.kind]

    @property
    def headers(self) -> dict[str, str]:
        """The conditions of the request (RFC 9110, section 13.1)."""
        compared = self.known or self.source
        if not self.conditional or compared is None:
            return {}
        both = {"If-None-Match": compared.etag, "If-Modified-Since": compared.modified}
        return {name: value for name, value in both.items() if value}

    @property
    def original(self) -> Original | None:
        """The record that a "not modified" would speak of."""
        compared = self.known or self.source
        return compared.original if self.conditional and compared else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a source has answered: `digest` stands for what it names, `size` is in bytes on the wire."""

    look: Look
    digest: str = ""
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHint:
    """What a document says of itself.

    `ttl` is how long a copy may be used, in seconds; `hub` is a WebSub hub and `topic` the feed's name there;
    `cut` says why it was read in part only.
    """

    ttl: float = 0.0
    hub: str = ""
    topic: str = ""
    cut: str = ""


NO_HINT = SourceHint()


@dataclass(slots=True)
class Plan:
    """What one run of a site asks for; see the rules above.

    `now` is the time by which things are due. `limit` counts articles (0: no limit). `fresh` are requisites
    that were captured lately. `force` looks at all that is due within `recheck_days`; `due_only` leaves
    sources alone whose time has not come. `since` and `until` ask for an interval of the past. `shard` asks
    its own hosts only; what it finds on others is in `passed`.
    """

    site: Site
    now: datetime
    memory: Memory = field(default_factory=Remembered)
    sources: tuple[Source, ...] = ()
    rhythm: Rhythm = field(default_factory=Rhythm)
    limit: int = 0
    fresh: frozenset[str] = frozenset()
    force: bool = False
    due_only: bool = False
    since: datetime | None = None
    until: datetime | None = None
    shard: Shard | None = None
    passed: list[Passed] = field(default_factory=list)
    articles: int = 0
    limited: bool = False
    update: dict[str, Known] = field(default_factory=dict)
    taken: list[Known] = field(default_factory=list)
    learnt: dict[str, Source] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    _asked: set[str] = field(default_factory=set)
    _sitemaps: int = 0
    _first_out: set[str] = field(default_factory=set)
    _held: deque[tuple[str, str]] = field(default_factory=deque)
    _traps: Traps = field(default_factory=Traps)

    @property
    def host(self) -> str:
        """The site's host, and port where it is given."""
        return self.site.host.lower()

    @property
    def fronts(self) -> tuple[str, ...]:
        """The front page and the sections."""
        return (self.site.home, *self.site.sections)

    def remember(self, memory: Memory, sources: tuple[Source, ...], *, looks: int, changes: int) -> None:
        """Take up what earlier runs learnt."""
        self.memory, self.sources = memory, sources
        self.rhythm = Rhythm(steps=steps_of(self.site.revisit), looks=looks, changes=changes)

    def resume(self, captures: list[Capture]) -> int:
        """Go on after a run that was cut short: what it captured is not asked for again; how many pages.

        What was learnt of them is noted as if this run had asked, so that the next one knows of it.
        """
        sources = {*self.fronts, *self.site.feeds, *self.site.sitemaps}
        pages = remembered(captures, fronts=sources, now=self.now).due(self.now)
        for known in pages:
            if self.mine(known.url) and self.first(known.url):
                self.update[known.url] = self.memory.find(known.url) or known
        self.fresh |= {c.url for c in captures if c.mime != "text/html" and c.url not in sources}
        return len(pages)

    def _unread(self, source: Source) -> Source:
        return replace(source, etag="", modified="", original=None, digest="", status=0, due=self.now)

    # What to ask for first

    @property
    def backfilling(self) -> bool:
        """Whether an interval of the past was asked for."""
        return self.since is not None or self.until is not None

    @property
    def interval(self) -> tuple[datetime, datetime]:
        """The interval that was asked for, in full."""
        return self.since or EPOCH, self.until or self.now

    def begin(self) -> list[Ask]:
        """The sources of the site: for an interval of the past its sitemaps alone."""
        known = {source.url: source for source in self.sources}
        told = [("sitemap", u) for u in self.site.sitemaps]
        if not self.backfilling:
            told = [("feed", u) for u in self.site.feeds] + [("front", u) for u in self.fronts] + told
        wanted = [known.get(url) or Source(url=url, kind=kind, due=self.now) for kind, url in told]
        asks = (self._source(source, via="site file") for source in wanted)
        return [ask for ask in asks if ask]

    def _source(self, source: Source, *, via: str, on: str | None = None) -> Ask | None:
        if not self.mine(source.url) or not self.first(source.url):
            return None
        tally = self.ledger.tally(source)
        later = source.not_before and source.not_before > self.now
        if later or (self.due_only and source.due > self.now):
            tally.outcome = "deferred" if later else "not due"
            tally.error = f"not before {source.not_before:%Y-%m-%d %H:%M} UTC" if source.not_before else ""
            return None
        if source.kind in FIRST:
            self._first_out.add(source.url)
        conditional = trusts(source, self.now)
        return Ask(url=source.url, kind=source.kind, via=via, on=on, source=source, conditional=conditional)

    def archives(self) -> Iterator[Ask]:
        """Pages that list what was published in the interval, by the templates of the site file."""
        if not self.backfilling:
            return
        since, until = self.interval
        for page in archive_pages(self.site.archives, since, until, ZoneInfo(self.site.timezone)):
            if ask := self._numbered(page):
                yield ask

    def _numbered(self, page: ArchivePage) -> Ask | None:
        if page.page > MOST_NUMBERED or not self.mine(page.url) or not self.first(page.url):
            return None
        source = Source(url=page.url, kind="archive", due=self.now, via="site file")
        self.ledger.tally(source)
        return Ask(url=page.url, kind="archive", via="site file", source=source, page=page)

    def due(self) -> Iterator[Ask]:
        """Known pages whose time has come, so that changes are seen; a limit is for new ones."""
        if self.limit or self.backfilling:
            return
        horizon = self.now + timedelta(days=self.site.recheck_days) if self.force else self.now
        for known in self.memory.due(horizon):
            if self.mine(known.url) and self.first(known.url):
                yield self._look(known, via="recheck", on=None, source=DUE)

    def asked_for(self, url: str) -> Ask | None:
        """A page that somebody asked for by its address."""
        if not self.mine(url) or not self.first(url):
            return None
        known = self.memory.find(url) or Known(url=url, seen=self.now, due=self.now)
        return replace(self._look(known, via="asked for", on=None, source="asked for"), conditional=False)

    def _look(self, known: Known, *, via: str, on: str | None, source: str) -> Ask:
        self.ledger.name(known.url, source, now=self.now)
        if known.due > self.now and known.looks:
            self.taken.append(known)
        valid = bool(known.etag or known.modified) and known.original is not None
        conditional = known.status == 200 and valid
        return Ask(url=known.url, kind="article", via=via, on=on, known=known, conditional=conditional)

    def first(self, url: str) -> bool:
        """Whether this is the first time that this run asks for the URL."""
        key = variant_key(url)
        if key in self._asked:
            return False
        self._asked.add(key)
        return True

    # What sources say

    def named(self, ask: Ask, told: Iterable[Told], answer: Answer, hint: SourceHint = NO_HINT) -> list[Ask]:
        """A source has answered with a document that names these; what of it is to be asked for now."""
        look, digest = answer.look, answer.digest
        listed, tally = list(told), self._tally(ask, look.status)
        before = tally.fresh
        asks = [found for each in listed if (found := self._told(ask, each, tally))]
        source = ask.source or Source(url=ask.url, kind=ask.kind, due=self.now)
        same = bool(digest) and digest == source.digest
        tally.outcome = "same" if same else "new"
        self.ledger.unchanged_bytes += answer.size if same else 0
        tally.error = hint.cut
        # "Not modified" was said of what has changed since: it is not asked for again.
        lied = bool(source.digest) and not same and source.status == 304 and source.etag == look.etag
        after = after_answer(source, self.now, named=len(listed), fresh=tally.fresh - before, least=hint.ttl)
        following = self._numbered(ask.page.next() or ask.page) if ask.page and tally.fresh > before else None
        asks += [following] if following else []
        if self.backfilling:
            return asks  # what was said of the past is no measure of how often to ask
        self.learnt[ask.url] = replace(
            after,
            status=200,
            lies=source.lies + lied,
            honest=source.honest + (same and source.status == 304),
            trusted=self.now,
            digest=digest,
            etag=look.etag,
            modified=look.modified,
            original=look.original,
            hub=hint.hub,
            topic=hint.topic,
        )
        return asks + self._settled(ask.url)

    def unchanged(self, ask: Ask) -> list[Ask]:
        """A source has answered that it is not modified."""
        self._tally(ask, 304).outcome = "not modified"
        if ask.source:
            after = after_answer(ask.source, self.now, named=ask.source.named, fresh=0)
            self.learnt[ask.url] = replace(after, status=304)
        return self._settled(ask.url)

    def lost(
        self, ask: Ask, *, kind: str, why: str, status: int | None = None, retry_after: float | None = None
    ) -> list[Ask]:
        """A source or page did not answer as it should; `kind` is failed, forbidden or deferred."""
        if ask.kind == "article":
            self.ledger.settle(ask.url, kind, why)
            self._postpone(ask, kind, retry_after or 0.0)
            return []
        tally = self._tally(ask, status)
        tally.outcome, tally.error = kind, why
        source = ask.source or Source(url=ask.url, kind=ask.kind, due=self.now)
        if kind == "failed" or retry_after:
            self.learnt[ask.url] = after_failure(
                source, self.now, status=status or 0, retry_after=retry_after
            )
        return self._settled(ask.url)

    def _postpone(self, ask: Ask, kind: str, retry_after: float) -> None:
        """What could not be asked for is not forgotten: it is due in the next run, or later."""
        known = ask.known
        if known is None or kind == "forbidden":
            return
        failed = kind == "failed"
        seconds = 900 * 2 ** min(known.failures, 9) if failed else 0
        due = self.now + timedelta(seconds=max(seconds, retry_after))
        self.update[known.url] = replace(known, due=due, failures=known.failures + failed)

    def _tally(self, ask: Ask, status: int | None) -> Tally:
        tally = self.ledger.tally(ask.source or Source(url=ask.url, kind=ask.kind, due=self.now))
        tally.status = status
        return tally

    def _settled(self, url: str) -> list[Ask]:
        """One source less to wait for; what was held back for the last of them is let go."""
        self._first_out.discard(url)
        if self._first_out:
            return []
        held, self._held = self._held, deque()
        asks = (self._wanted(link, on=on, via="front page", told=None) for link, on in held)
        return [ask for ask in asks if ask]

    def _told(self, ask: Ask, told: Told, tally: Tally) -> Ask | None:
        if not self._recent(told):
            tally.skipped["not of the interval" if self.backfilling else "old"] += 1
            return None
        if ask.kind == "front":
            self._held.append((told.url, ask.url))
            return None
        return self._wanted(told.url, on=ask.url, via=ask.kind, told=told.when)

    def _recent(self, told: Told) -> bool:
        if self.backfilling:
            return in_interval(told, *self.interval) is not False
        return told.when is None or told.when > self.now - timedelta(days=SITEMAP_DAYS)

    def _wanted(self, url: str, *, on: str, via: str, told: datetime | None, source: str = "") -> Ask | None:
        """The ask for a page that a source names; None where it is left out, which is counted."""
        tally = self.ledger.tally(Source(url=source or on, kind="known" if source else via, due=self.now))
        known_again = False
        if reason := self._refused(url):
            pass
        elif not self.first(url):
            reason = "named elsewhere"
        elif not self.mine(url):
            reason = self._handed_on(url, on, via, told)
        elif self.memory.knows(url):
            known_again, reason = True, "known"
        elif self.limit and self.articles >= self.limit:
            self.limited, reason = True, "limit"
        if known_again and (ask := self._newer(url, on, via, told)):
            return ask
        if reason:
            tally.skipped[reason] += 1
            return None
        self.articles += 1
        tally.fresh += 1
        new = Known(url=url, seen=self.now, due=self.now, told=told)
        return self._look(new, via=via, on=on, source=source or on)

    def _newer(self, url: str, on: str, via: str, told: datetime | None) -> Ask | None:
        """A page that is known is looked at before its time only where a source says that it is newer."""
        if known := self._told_newer(url, told):
            return self._look(known, via=f"{via} says newer", on=on, source=on)
        self._asked.discard(variant_key(url))  # it may be due
        return None

    def _told_newer(self, url: str, told: datetime | None) -> Known | None:
        known = self.memory.find(url) if told and told <= self.now and not self.limit else None
        newer = known and told and known.fetched and known.fetched < told and known.due > self.now
        return known if newer else None

    # What is another shard's

    def mine(self, url: str) -> bool:
        """Whether this run may ask the URL's host."""
        return self.shard is None or self.shard.mine(url)

    def ours(self, url: str, *, kind: str, via: str, on: str, told: datetime | None = None) -> bool:
        """Whether this run may ask the URL's host; where it may not, another shard is told of it."""
        if self.mine(url):
            return True
        self.passed.append(Passed(url=url, kind=kind, via=via, on=on, told=told))
        return False

    def _handed_on(self, url: str, on: str, via: str, told: datetime | None) -> str:
        if self.memory.knows(url) and not self._told_newer(url, told):
            return "known"
        self.ours(url, kind="article", via=via, on=on, told=told)
        return "for another shard"

    def handed(self, each: Passed) -> Ask | None:
        """The ask for what another shard has found, where it is to be asked for."""
        if each.kind == "article":
            return self._wanted(each.url, on=each.on, via=each.via, told=each.told, source=HANDED)
        if each.kind in ("requisite", "data"):
            wanted = self.wants_requisite(each.url) if each.kind == "requisite" else self.first(each.url)
            return Ask(url=each.url, kind=each.kind, via=each.via, on=each.on) if wanted else None
        known = next((source for source in self.sources if source.url == each.url), None)
        source = known or Source(url=each.url, kind=each.kind, due=self.now, via=each.via)
        return self._source(source, via=each.via, on=each.on)

    def sent_away(self, ask: Ask, look: Look) -> list[Ask]:
        """A page or source has moved to another shard's host (`look.moved`), which is told."""
        if look.moved not in self.fronts:
            self.ours(look.moved, kind=ask.kind, via="redirect", on=ask.url)
        if ask.kind == "article":
            self.answered(ask, look)
        if ask.kind in ("article", "requisite", "data"):
            return []
        self._tally(ask, look.status).outcome = "moved"
        source = ask.source or Source(url=ask.url, kind=ask.kind, due=self.now)
        if not self.backfilling:
            self.learnt[ask.url] = replace(after_answer(source, self.now, named=0, fresh=0), status=301)
        return self._settled(ask.url)

    def _refused(self, url: str) -> str:
        """Why a link is not followed; "" where it may be."""
        if not self._own(url):
            return "another site"
        if self.site.articles and re.search(self.site.articles, url) is None:
            return "not an article's address"
        trap = self._traps.of(url)
        self.ledger.traps.update([trap] if trap else [])
        return trap

    def _own(self, url: str) -> bool:
        return urlsplit(url).netloc in {self.host, f"www.{self.host}", *self.site.hosts}

    def inner(self, told: Iterable[Told], *, on: str) -> list[Ask]:
        """The sitemaps of an index that are worth reading."""
        listed = may_hold(told, *self.interval) if self.backfilling else [t for t in told if self._recent(t)]
        return [ask for each in listed if (ask := self._sitemap(each, on=on))]

    def _sitemap(self, told: Told, *, on: str) -> Ask | None:
        """The ask for a sitemap of an index: on this host, and not too many."""
        most = MOST_BACKFILLED if self.backfilling else MOST_SITEMAPS
        if not self._own(told.url) or self._sitemaps >= most:
            return None
        known = next((source for source in self.sources if source.url == told.url), None)
        read = known.fetched if known and known.status in (200, 304) else None
        if read and told.when and told.when < read and not self.backfilling:
            return None
        self._sitemaps += 1
        if not self.ours(told.url, kind="sitemap", via="sitemap index", on=on):
            return None
        source = known or Source(url=told.url, kind="sitemap", due=self.now, via="sitemap index")
        return self._source(source, via="sitemap index", on=on)

    # What pages say

    def answered(self, ask: Ask, look: Look, *, size: int = 0) -> Judged | None:
        """A page has answered; what it means is kept, and returned."""
        if ask.known is None:
            return None
        judged = judge(ask.known, look, self.rhythm, fronts=self.fronts)
        self.update[ask.known.url] = judged.known
        self.ledger.judged(ask.url, judged, look, size=size)
        self._arrived(look)
        return judged

    def _arrived(self, look: Look) -> None:
        """Where a page was found under another address, that one is known from now on as well."""
        if not look.moved or look.home or look.status != 200 or look.moved in self.fronts:
            return
        self.first(look.moved)
        if look.moved in self.update or self.memory.knows(look.moved):
            return
        there = Known(url=look.moved, seen=self.now, due=self.now)
        self.update[look.moved] = judge(there, replace(look, moved=""), self.rhythm).known

    def wants_requisite(self, url: str) -> bool:
        """Whether a requisite is to be fetched: by the site's policy, once per freshness period."""
        if self.site.requisites == "none" or url in self.fresh:
            return False
        parts = urlsplit(url)
        near = {self.host, *self.site.hosts, *self.site.requisite_hosts}
        if self.site.requisites == "same-host" and parts.netloc not in near:
            return False
        if MEDIA.search(parts.path) and not self.site.media:
            return False
        return self.first(url)

    def learn(self) -> Update:
        """What the next run is to know.

        A run that was cut short, or limited, has not asked for all that its sources named: they are read
        whole in the next, since "not modified" would hide the rest for good.
        """
        short = self.limited or bool(self._held) or self.ledger.waiting
        read = [s for s in self.learnt.values() if s.status in (200, 304)]
        learnt = self.learnt | ({s.url: self._unread(s) for s in read} if short else {})
        return Update(
            pages=tuple(self.update.values()),
            taken=tuple(k for k in self.taken if k.url in self.update),
            sources=tuple(learnt.values()),
            looks=self.ledger.looked,
            changes=self.ledger.edited,
        )
