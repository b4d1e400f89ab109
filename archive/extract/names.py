"""Who wrote it, and where: bylines, authors, datelines. Pure."""

import re
from collections.abc import Iterable

from archive.extract.agencies import agency_named

BY = re.compile(
    r"\A\s*(?:written by|by|von|par|por|di|da|af|av|door|autor(?:es|in)?|text|texte|redacci[oó]n"
    r"|author)\b\s*:?\s+"
    r"|\A\s*(?:by|von)(?=[a-zA-Z]+\s[a-zA-Z])(?=[A-Z]|[a-z]+\s[a-z]+\Z)",
    re.I,
)
AND = re.compile(r"\s*(?:[,;|•·]|\s(?:and|und|et|y|och|og|en)\s|\s[&/]\s)\s*")
ROLE = re.compile(
    r"correspondent|editor|reporter|redakt|korrespondent|writer|journalist|staff|contributor|bureau|@|https?:|www\."
    r"|\d{2}|\bupdated\b|\bpublished\b|minutes|\bread\b",
    re.I,
)
CODE = re.compile(r"\s*\((?:[a-zäöü]{2,5}\.?|[A-Z]{2,4})\)\s*\Z")  # initials: "Ada Vale (av)"
LIST = re.compile(r"\s*[;|]\s*|\s*,\s+|\s+(?:and|und|et|og|och|&)\s+(?=[A-ZÀ-Þ])")
LAST = re.compile(r"\A(?:and|und|et|y|og|och|&)\s+(?=[A-ZÀ-Þ])")  # of a list that was cut at its commas
PLACE = r"[^\W\d_][\w'’.()]*(?:[ /-](?:de|of|la|le|di|am|del|the|upon|sur)?\s?[^\W\d_][\w'’.]*){0,3}"
DATELINE = re.compile(
    rf"\A({PLACE})(?:,\s[^—–()]{{2,30}}?)?\s*(?:\(([^()]{{2,30}})\))?\s*(?:\s[—–-]{{1,2}}\s|—)(?=\S)"
)
CAPITALS = re.compile(rf"\A({PLACE})(?:,\s[^—–()]{{2,30}}?)?\s*\(([^()]{{2,30}})\)\s*[—–:.-]")
MONTHS = r"(?:jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-zé]*\.?"
DATE = re.compile(
    rf"\A\W*(?:[a-z]+day,?\s+)?(?:\d{{1,2}}\.?\s+{MONTHS}\s+\d{{4}}|{MONTHS}\s+\d{{1,2}},?\s+\d{{4}}|\d{{4}}-\d\d-\d\d)"
    r"(?:\s*[-–—,|at]*\s*\d{1,2}[:.h]\d\d(?:\s*[ap]\.?m\.?)?)?\W*\Z",
    re.I,
)


def names_in(raw: str) -> tuple[str, ...]:
    """The names in a byline: without "by", roles, dates; title-cased only where all of it is lower case."""
    bare = BY.sub("", " ".join(raw.split()))
    names = [LAST.sub("", part).strip(" .,:-–—") for part in AND.split(bare)]
    kept = [n for n in names if n and len(n) <= 60 and len(n.split()) <= 5 and not ROLE.search(n)]
    if raw == raw.lower():
        kept = [n.title() for n in kept]
    return tuple(dict.fromkeys(kept))


POST = re.compile(
    r"correspondent|editor|reporter|writer|columnist|critic|photographer|bureau chief|journalist|producer"
    r"|redakteur\w*|korrespondent\w*|reporter\w*|ressortleiter\w*|journaliste|correspondante?"
    r"|envoyée? spéciale?"
    r"|corresponsal|redactora?|periodista|corrispondente|giornalista|verslaggever|redacteur|rédact\w+",
    re.I,
)


def role_of(name: str, byline: str) -> str:
    """What a byline says an author is, behind the name ("Ada Vale, political editor"); "" where nothing."""
    _, found, behind = byline.partition(name)
    if not found:
        return ""
    said = re.match(r"\s*[,(|–—:-]?\s*([^\d,;|()@–—]{4,60})", behind)
    words = said[1].strip() if said else ""
    words = re.split(r"\s+(?:and|und|et|y)\s+(?=[A-ZÀ-Þ])", words)[0]
    return words if POST.search(words) and not BY.match(words) else ""


def tidy(names: Iterable[str]) -> tuple[str, ...]:
    """Names as data give them, each once: no addresses, no accounts, no "by"."""
    found = []
    for name in names:
        bare = BY.sub("", " ".join(name.split())).strip(" ,;|")
        if bare and "://" not in bare and "@" not in bare and not bare.startswith("www."):
            found += [LAST.sub("", CODE.sub("", part)).strip() for part in LIST.split(bare)]
    kept: dict[str, str] = {}
    for name in found:
        kept.setdefault(name.casefold(), name)
    return tuple(n for n in kept.values() if n and not n.isdigit() and len(n.split()) <= 6)


def dateline_of(paragraph: str) -> tuple[str, str]:
    """Where a first paragraph says it was written, and by which agency: ("Seoul", "Reuters"); "" where
    not.
    """
    found = DATELINE.match(paragraph[:120]) or CAPITALS.match(paragraph[:120])
    if not found:
        return "", ""
    place = found[1].strip()
    agency = agency_named(re.split(r"[/,]", found[2])[0]) if found[2] else ""
    words = [w for w in re.split(r"[\s/-]+", place) if w]
    shaped = all(
        w[:1].isupper() or w in ("de", "of", "la", "le", "di", "am", "del", "the", "upon", "sur")
        for w in words
    )
    return (place, agency) if shaped and len(words) <= 5 and not agency_named(place) else ("", agency)
