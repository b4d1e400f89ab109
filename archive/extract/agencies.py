"""News and picture agencies: their names, in a line, a byline, a dateline or a credit. Pure."""

import re

AGENCIES = {
    "Reuters": ("reuters",),
    "AFP": ("afp", "agence france-presse", "agence france presse"),
    "AP": ("ap", "associated press", "the associated press", "ap photo"),
    "Bloomberg": ("bloomberg", "bloomberg news"),
    "dpa": ("dpa", "deutsche presse-agentur", "dpa-infocom"),
    "MPA": ("mpa", "meridian press agency"),
    "ANSA": ("ansa",),
    "EFE": ("efe", "agencia efe"),
    "Europa Press": ("europa press",),
    "TASS": ("tass",),
    "Xinhua": ("xinhua",),
    "Kyodo": ("kyodo", "kyodo news"),
    "Jiji": ("jiji", "jiji press"),
    "Yonhap": ("yonhap",),
    "KCNA": ("kcna",),
    "SAPA": ("sapa",),
    "APA": ("apa",),
    "SDA": ("sda", "keystone-sda"),
    "KNA": ("kna",),
    "epd": ("epd",),
    "SID": ("sid",),
    "AAP": ("aap",),
    "PTI": ("pti", "press trust of india"),
    "ANI": ("ani",),
    "IANS": ("ians",),
    "PA": ("pa media", "press association"),
    "TT": ("tt nyhetsbyrån",),
    "NTB": ("ntb",),
    "Ritzau": ("ritzau",),
    "ANP": ("anp",),
    "Belga": ("belga",),
    "PAP": ("pap",),
    "ČTK": ("čtk",),
    "MTI": ("mti",),
    "Anadolu": ("anadolu", "anadolu agency", "anadolu ajansı"),
    "Interfax": ("interfax",),
    "EPA": ("epa", "epa-efe", "epa-images"),
    "Getty Images": ("getty images", "getty", "afp via getty images"),
    "imago": ("imago", "imago images"),
    "picture alliance": ("picture alliance", "picture-alliance"),
    "Keystone": ("keystone",),
    "Shutterstock": ("shutterstock",),
}
PICTURES = {"Getty Images", "imago", "picture alliance", "Keystone", "Shutterstock", "EPA"}
NAMES = {name: agency for agency, names in AGENCIES.items() for name in names}
LONGEST = sorted(NAMES, key=len, reverse=True)
WITHIN = re.compile(r"(?<!\w)(" + "|".join(map(re.escape, LONGEST)) + r")(?!\w)", re.I)
SHORT = {
    "ap",
    "ani",
    "sid",
    "pap",
    "apa",
    "aap",
    "tt",
    "mti",
    "getty",
    "epa",
    "sda",
    "kna",
    "anp",
    "pti",
    "ntb",
}
SPLIT = re.compile(r"\s*(?:[/,;+&]|\b(?:and|und|et|y|e|via|with|mit)\b)\s*", re.I)


def agency_named(text: str) -> str:
    """The agency that a whole line or name is ("(Reuters)", "dpa"); "" where it is anything else."""
    return NAMES.get(text.strip(" ()[]—–-.:©").casefold(), "")


def agencies_only(text: str) -> tuple[str, ...]:
    """The agencies of a line that names nothing else ("AP, Reuters", "dpa/AFP"), in order."""
    parts = [part for part in SPLIT.split(text.strip(" ()[]—–-.:©")) if part]
    named = [agency_named(part) for part in parts]
    return tuple(dict.fromkeys(named)) if named and all(named) and len(text) < 60 else ()


def agencies_in(credit: str) -> tuple[str, ...]:
    """The agencies that a picture's credit names, in order. Short names count in capitals only."""
    found = []
    for match in WITHIN.finditer(credit):
        said = match[1]
        if said.casefold() not in SHORT or said.isupper() or said.istitle():
            found.append(NAMES[said.casefold()])
    return tuple(dict.fromkeys(found))
