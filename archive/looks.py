"""What a look at a page found, and what that means for what is known of it. Pure.

Rules: an article has changed where its words have, after taking out what changes by itself (relative times,
counters, the clock in "Updated ..."); dates and validators in the page are not believed. What is not there
any more is an event of its own: gone (404), withdrawn (410, 451, or sent to the front page), moved (another
address), returned.
"""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from archive.agenda import DAY, HOUR, Known, Rhythm
from archive.model import Article, Original
from archive.words import BEHIND, READING, TELLING, settled, telling

UNSEEN = "?"  # the version of a page that was captured, and not read
BESIDE = "text beside the body"  # a lead that the extractor passed over, or a teaser
SHORT = 12  # hex digits of a field's digest
NOT_THERE = {404: "gone", 410: "withdrawn", 451: "withdrawn"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What an answer brought. `moved` is the address that it came from in the end, where that is another.

    `published` is what the article says; `fields` are the digests of its fields, empty for what is no
    article. `unread`: the page is kept and was not read, since it is new, or says what it said (`glance`).
    `home` says that it moved to the front page or a section. `wall` labels what is no article but stands in
    front of one.
    """

    at: datetime
    status: int
    etag: str = ""
    modified: str = ""
    original: Original | None = None
    fields: dict[str, str] = field(default_factory=dict)
    unread: bool = False
    published: datetime | None = None
    moved: str = ""
    home: bool = False
    wall: str = ""
    capture: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What is known after a look.

    `outcome` is new, changed, same, gone, withdrawn, moved, returned, failed or wall; `detail` names the
    fields that changed, or where it moved to.
    """

    known: Known
    outcome: str
    detail: str = ""


def fields_of(article: Article, *, around: Iterable[str] = ()) -> dict[str, str]:
    """Digests of what an article says, field by field; what is empty is left out.

    `around` are the page's paragraphs, those among them that the extractor did not take for the body.
    """
    said = telling(article) | {
        "section": article.section,
        "text": "\n".join(sorted(set(around))),
        "captions": "\n".join(sorted({image.caption for image in article.images if image.caption})),
    }
    worn = {name: settled(text) for name, text in said.items()}
    found = {name: hashlib.sha256(text.encode()).hexdigest()[:SHORT] for name, text in worn.items() if text}
    return found | {"reading": READING} if found else {}


def version_in(fields: dict[str, str]) -> str:
    """What stands for the whole of what an article says: captions and section do not make a version."""
    return "".join(fields.get(name, "-") for name in TELLING) if "reading" in fields else ""


def judge(known: Known, look: Look, rhythm: Rhythm, *, fronts: Collection[str] = ()) -> Judged:
    """What a look at a page means; when to look again is in the new `known`."""
    if look.wall and not (look.home or look.moved in fronts):
        look = replace(look, moved="")  # the address of a wall is nobody's new address
    outcome, detail = _outcome(known, look, fronts)
    if outcome in ("failed", "wall"):
        return Judged(known=_failed(known, look), outcome=outcome, detail=detail)
    after = replace(
        known,
        fetched=look.at,
        looks=known.looks + 1,
        changes=known.changes + (outcome == "changed" and detail != BESIDE),
        changed=look.at if outcome in ("new", "changed", "returned") else known.changed,
        failures=0,
    )
    if look.status != 304:
        after = _with(after, look)
    return Judged(known=replace(after, due=rhythm.after(after, look.at)), outcome=outcome, detail=detail)


def _with(known: Known, look: Look) -> Known:
    there = look.status == 200 and not look.moved
    version, fields = known.version, known.fields
    if there and not look.unread:
        version, fields = version_in(look.fields), look.fields
    elif there and known.status != 200:
        version, fields = UNSEEN, {}
    return replace(
        known,
        told=look.published or known.told,
        status=301 if look.moved else 404 if look.wall else look.status,
        etag=look.etag if there else "",
        modified=look.modified if there else "",
        original=look.original if there else None,
        version=version,
        fields=fields,
        moved=look.moved,
    )


def _outcome(known: Known, look: Look, fronts: Collection[str]) -> tuple[str, str]:
    if look.status == 304:
        return "same", ""
    if look.moved:
        return _moved(known, look, fronts)
    if look.wall and look.wall != "soft-404":
        return "wall", look.wall
    if look.wall or look.status in NOT_THERE:
        return _missing(known, look)
    return _compared(known, look) if look.status == 200 else ("failed", str(look.status))


def _missing(known: Known, look: Look) -> tuple[str, str]:
    if known.status == 200:
        return NOT_THERE.get(look.status, "gone"), look.wall or str(look.status)
    return ("same", "") if known.gone else ("failed", look.wall or str(look.status))


def _moved(known: Known, look: Look, fronts: Collection[str]) -> tuple[str, str]:
    if known.status == 301:
        return ("same", "") if known.moved == look.moved else ("moved", look.moved)
    if look.home or look.moved in fronts:
        return ("withdrawn", look.moved) if known.status == 200 else ("failed", "sent to the front page")
    return ("moved" if known.status == 200 else "new"), look.moved


def _compared(known: Known, look: Look) -> tuple[str, str]:
    if known.status == 0:
        return "new", ""
    if known.gone or known.status == 301:
        return "returned", ""
    return ("same", "") if look.unread else _said(known, look)


def _said(known: Known, look: Look) -> tuple[str, str]:
    version = version_in(look.fields)
    if version and known.fields and known.fields.get("reading") != look.fields["reading"]:
        return "same", ""  # read in another way: what differs may be ours
    if known.version in (version, UNSEEN):
        beside = known.fields.get("text") and known.fields["text"] != look.fields.get("text")
        return ("changed", BESIDE) if beside else ("same", "")
    if not version:
        return "changed", "no article any more"
    names = [n for n in TELLING if known.fields.get(n) != look.fields.get(n)]
    caught_up = all(name in BEHIND and name not in look.fields for name in names)
    return ("same", "") if caught_up else ("changed", ", ".join(names))


def _failed(known: Known, look: Look) -> Known:
    """Nothing was learnt, and what was known holds: asked again soon, and less and less often."""
    wait = min(HOUR * 2 ** min(known.failures, 10), 7 * DAY)
    never = known.status not in (200, 301)
    return replace(
        known,
        status=look.status if never and look.status in NOT_THERE else known.status,
        failures=known.failures + 1,
        fetched=look.at,
        due=look.at + timedelta(seconds=wait),
    )
