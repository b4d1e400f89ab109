"""What an article says, in a form that can be compared: the words, without what changes by itself. Pure.

How a crawl judges change (`looks`) and what a version is (`articles`, `versions`) rest on the same words.
"""

import hashlib
import re
import unicodedata

from archive.model import Article

READING = "5"  # how pages are read; another number says that two readings cannot be compared
TELLING = ("headline", "standfirst", "authors", "agency", "body", "titles", "told")
BEHIND = ("titles", "told")  # what head and data say, and the page does not show
WORN = re.compile(
    r"""
      \b(\d+|an?|one|few)\s*(seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|[mhd])\s+ago\b
    | \bvor\s+(\d+|einer|einem)\s+(Sekunden?|Minuten?|Stunden?|Tag(en)?)\b
    | \bil\s+y\s+a\s+\d+\s+(secondes?|minutes?|heures?|jours?)\b
    | \bhace\s+\d+\s+(segundos?|minutos?|horas?|d[ií]as?)\b
    | \bh[áa]\s+\d+\s+(minutos?|horas?|dias?)\b
    | \b\d+\s+(minuti|minuto|ore|ora|giorni|minuten|uur|dagen)\s+(fa|geleden)\b
    | \b\d[\d.,]*\s*(comments?|shares?|views?|likes?|reactions?|Kommentare?|commentaires?|comentarios)\b
    | \b(last\s+)?(updated|modified|aktualisiert|mis\s+à\s+jour|actualizado|aggiornato)
      \b[^\n]{0,60}?\d[^\n]{0,30}
    """,
    re.I | re.X,
)

NOTE = re.compile(
    r"\b(?:corrections?|correction and clarification|clarification|editor[’']?s[’']? note"
    r"|an earlier version|updated to"
    r"|(?:was|has been|were) (?:corrected|amended|updated)|this (?:article|story|report) (?:was|has been)"
    r"|korrektur|berichtig\w+|richtigstellung|in einer früheren (?:version|fassung)|rectificati\w+"
    r"|errat(?:um|a)"
    r"|correcti(?:f|on)|mise à jour|une version précédente|correcci[oó]n|fe de errores"
    r"|una versi[oó]n anterior"
    r"|correzione|rettifica|correç[aã]o|rättelse|rettelse)\b",
    re.I,
)


def settled(text: str) -> str:
    """A text without what changes by itself: relative times, counters, spaces, forms of letters."""
    return " ".join(WORN.sub(" ", unicodedata.normalize("NFKC", text)).split())


def telling(article: Article) -> dict[str, str]:
    """What makes a version, as texts: captions, section and dates do not."""
    return {
        "headline": article.headline,
        "standfirst": article.standfirst,
        "authors": "\n".join(article.authors),
        "agency": article.agency,
        "body": "\n".join((*article.body, *(text for _, text in article.subheads))),
        "titles": "\n".join(article.titles),
        "told": "\n".join(article.told),
    }


def version_of(article: Article) -> str:
    """SHA-256 (hex) of what the article says: words only, so that markup and dates do not make versions."""
    said = telling(article)
    return hashlib.sha256("\0".join(settled(said[name]) for name in TELLING).encode()).hexdigest()


def extractor_rank(name: str) -> tuple[int, ...]:
    """An extractor's numbers, for comparing: "newsmorgue-2/trafilatura-2.3.1" is newer than any of "-1"."""
    return tuple(int(number) for number in re.findall(r"\d+", name))
