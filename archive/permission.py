"""May this capture be shown, or given away? The policies of an archive and its sites, for one capture."""

from collections.abc import Mapping
from datetime import UTC, datetime

from archive.access import KINDS, Access
from archive.errors import DamagedWarc, NotCaptured, NotStored
from archive.index import Index
from archive.model import ArticleRow, Capture, Location
from archive.playback import Playback, play
from archive.policy import LEFT_OUT, Policy, decide, policy_of
from archive.rights import Signals, parse, signals_of
from archive.sites import Site
from archive.store import Store

UNKNOWN = "nothing: its capture cannot be read"


class Permission:
    """Decisions over one archive; `usual` is the policy of all sites that say nothing of their own."""

    def __init__(
        self,
        store: Store,
        index: Index,
        sites: Mapping[str, Site],
        usual: Policy,
        access: Access | None = None,
    ) -> None:
        self.access = access or Access(store)
        self._store = store
        self._index = index
        self._usual = usual
        self._sites = sites
        self._policies: dict[str, tuple[Site, Policy]] = {}

    def policy(self, site: str) -> Policy:
        """The policy of a site, by its id, as its file is now."""
        known = self._sites.get(site)
        if known is None:
            return self._usual
        made = self._policies.get(site)
        if made is None or made[0] is not known:
            policy = policy_of(self._usual, replay=known.rights_replay, export=known.rights_export)
            made = self._policies[site] = known, policy
        return made[1]

    def replay(self, capture: Capture, playback: Playback | None = None) -> str:
        """Which rule or signal forbids to replay a capture; "" where none does.

        `playback` is the capture played back, where it is at hand. A revisit answers for the page that it
        repeats as well.
        """
        site = site_of(capture.location.warc)
        if ruled := self.access.forbids(capture.url, site, capture.at):
            return ruled
        policy = self.policy(site)
        if capture.truncated == LEFT_OUT:
            return capture.rights or UNKNOWN
        if not policy.replay:
            return ""
        found = self._signals(capture, playback)
        return _reason(decide(policy, found, now=datetime.now(UTC)).reasons, "replay")

    def export(self, row: ArticleRow) -> str:
        """Which rule or signal forbids to give an article's row away; "" where none does."""
        if ruled := self.access.forbids(row.article.url, row.site, row.captured):
            return ruled
        policy = self.policy(row.site)
        if not policy.export:
            return ""
        try:
            found = self._signals(self._capture(row.article.url, row.warc), None)
        except (DamagedWarc, NotCaptured, NotStored):
            return UNKNOWN
        return _reason(decide(policy, found, now=datetime.now(UTC)).reasons, "export")

    def gives(self, capture: Capture) -> str:
        """Which rule or signal forbids to give a capture away; "" where none does."""
        site = site_of(capture.location.warc)
        if ruled := self.access.forbids(capture.url, site, capture.at):
            return ruled
        policy = self.policy(site)
        if not policy.export:
            return ""
        try:
            found = self._signals(capture, None)
        except (DamagedWarc, NotCaptured, NotStored):
            found = parse(capture.rights)
        return _reason(decide(policy, found, now=datetime.now(UTC)).reasons, "export")

    def ruled(self, row: ArticleRow) -> str:
        """Which rule of access forbids an article's row; "" where none does."""
        return self.access.forbids(row.article.url, row.site, row.captured)

    def show(self, row: ArticleRow) -> str:
        """Which rule or signal forbids to show an article, a replay of its words; "" where none does."""
        return self.shown_at(row.site, row.article.url, row.warc, row.captured)

    def shown_at(self, site: str, url: str, place: Location, at: datetime) -> str:
        """The same of an article that is known by its site, URL, record and time of capture."""
        if ruled := self.access.forbids(url, site, at):
            return ruled
        if not self.policy(site).replay:
            return ""
        try:
            return self.replay(self._capture(url, place))
        except (DamagedWarc, NotCaptured, NotStored):
            return UNKNOWN

    def _capture(self, url: str, place: Location) -> Capture:
        capture = next((c for c in self._index.known(url) if c.location == place), None)
        if capture is None:
            raise NotCaptured(f"the capture of {url} is not in the index")
        return capture

    def _signals(self, capture: Capture, playback: Playback | None) -> Signals:
        own = parse(capture.rights)
        if capture.kind != "revisit":
            return own
        played = playback or play(self._store, self._index, capture)
        return own | signals_of(played.head, played.body)


def withheld(what: str, said: str) -> str:
    """The sentence for a reader: `what` may not be shown, by a rule or a signal as `Permission` says it."""
    if said.split(" ", 1)[0] in KINDS:
        return f"{what} is in this archive, which does not show it: {said}"
    return f"the publisher of {what} says {said}, and this archive does not show what says so"


def site_of(key: str) -> str:
    """The site that a WARC's key in the store names: warc/<site>/..."""
    return key.split("/")[1] if key.count("/") else ""


def _reason(reasons: tuple[str, ...], what: str) -> str:
    return next((r.removeprefix(f"{what}: ") for r in reasons if r.startswith(f"{what}: ")), "")
