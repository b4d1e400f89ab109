"""What people type, as expressions of FTS5, and texts as they are indexed. Pure.

What is typed never reaches SQLite as syntax: `match_of` takes it apart and quotes every word. Scripts that
set no spaces (Chinese, Japanese, Thai ...) are indexed as overlapping pairs of characters.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

from archive.errors import CallerError

MOST = 64  # words and phrases of a question: FTS5 takes some 250, and each costs
SNIPPET = 90  # characters on each side of what was found
SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003ffff]+"
)
UNFIT = re.compile("[\x00\ud800-\udfff]")  # what SQLite cannot take
UNASKED = re.compile("[\x00\ud800-\udfff\U000f0000-\U0010ffff]")  # nor can a question say a mark (`marks`)
QUOTES = str.maketrans(
    dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb", '"')
)  # as word processors set them
PREFIX = 3  # letters before a * at least: with fewer, all words would have to be read
BARE = dict.fromkeys(range(0x300, 0x370))  # combining marks, to be left out
MARKS = "[\u0300-\u036f]*"
TERM = re.compile(
    r'(?P<no>-?)(?:(?P<field>headline|author|body|agency):)?(?:"(?P<phrase>[^"]*)"?|(?P<word>\S+))'
)


def match_of(words: str) -> str:
    """What people type, as an FTS5 expression; raise CallerError where there is nothing to look for.

    Words, "phrases", beginnings*, headline: author: body: agency: before one, - for "not", OR between two.
    """
    yes: list[str] = []
    no: list[str] = []
    either = False
    for number, found in enumerate(_terms(words)):
        if number == MOST:
            raise CallerError(f"that are too many words; ask for {MOST} at most")
        if found["word"] == "OR" and not found["no"] and not found["field"]:
            either = bool(yes)
            continue
        term = _quoted(found["phrase"] if found["word"] is None else found["word"])
        if not term:
            continue
        term = f"{found['field']} : {term}" if found["field"] else term
        if found["no"]:
            no.append(term)
        elif either:
            yes[-1] = f"{yes[-1]} OR {term}"
        else:
            yes.append(term)
        either = False
    if not yes:
        raise CallerError('there is no word to look for; write for example: "climate summit" -football')
    wanted = " AND ".join(f"({term})" for term in yes)
    return f"({wanted}) NOT ({' OR '.join(no)})" if no else wanted


def _terms(words: str) -> Iterator[re.Match[str]]:
    return TERM.finditer(UNASKED.sub(" ", words).translate(QUOTES))


def author_match(author: str) -> str:
    """A name as an expression that finds it among those that signed; "" where it has no letter."""
    term = _quoted(UNASKED.sub(" ", author))
    return f"author : {term}" if term else ""


def _quoted(text: str) -> str:
    text = unicodedata.normalize("NFC", text).replace('"', " ")
    if not any(unicodedata.category(char)[0] in "LN" for char in text):
        return ""
    some = SPACELESS.fullmatch(text.strip())
    if some and len(some[0]) == 1:
        return f'"{some[0]}" *'
    return f'"{spaced(text, ends=False).strip()}"{" *" if _begins(text) else ""}'


def _begins(text: str) -> bool:
    """Whether a term is the beginning of words, as climat* is."""
    return bool(re.search(rf"[^\W_]{{{PREFIX}}}\*\Z", text.strip()))


def spaced(text: str, *, ends: bool = True) -> str:
    """The text, with stretches of scripts without spaces as pairs: "abc" is "ab bc", and "c" where `ends`."""

    def pairs(found: re.Match[str]) -> str:
        run = found[0]
        made = [run[n : n + 2] for n in range(len(run) - 1)] or [run]
        return f" {' '.join(made)} {run[-1] if ends and len(run) > 1 else ''} "

    return SPACELESS.sub(pairs, unicodedata.normalize("NFC", text))


def snippet_of(body: str, words: str) -> str:
    """Some of the body around the first word that was asked for, each of them between U+0002 and U+0003; its
    start where none stands there. "…" says where it was cut.
    """
    body = unicodedata.normalize("NFC", body)
    asked = [f["phrase"] if f["word"] is None else f["word"] for f in _terms(words) if not f["no"]]
    wanted = "|".join(filter(None, (pattern_of(term) for term in asked if term != "OR")))
    sought = re.compile(wanted, re.IGNORECASE) if wanted else None
    found = sought.search(body) if sought else None
    first = max(found.start() - SNIPPET, 0) if found else 0
    last = found.end() + SNIPPET if found else 2 * SNIPPET
    text = body[first:last]
    if first:
        text = f"…{text.partition(' ')[2] or text}"  # no half word
    if last < len(body):
        text = f"{text.rpartition(' ')[0] or text}…"
    marked = sought.sub("\x02\\g<0>\x03", text) if sought else text
    return " ".join(marked.split())


def pattern_of(term: str) -> str:
    """An expression for where a text says a term, with any accents; "" where the term has no letter."""
    parts = re.findall(r"[^\W_]+", unicodedata.normalize("NFKD", term).translate(BARE))
    if not parts:
        return ""
    pattern = r"[\W_]+".join("".join(_letter(char) for char in part) for part in parts)
    begin = "" if SPACELESS.match(parts[0]) else r"(?<!\w)"
    end = "" if SPACELESS.match(parts[-1][-1]) or _begins(term) else r"(?!\w)"
    return begin + pattern + end


def _letter(char: str) -> str:
    accented = _accented().get(char.lower(), "")
    return f"[{char}{accented}]{MARKS}" if accented else re.escape(char)


@cache
def _accented() -> dict[str, str]:
    """The letters that are another one with an accent, by that one."""
    found: dict[str, str] = defaultdict(str)
    for code in (*range(0xC0, 0x250), *range(0x370, 0x530), *range(0x1E00, 0x2000)):
        bare = unicodedata.normalize("NFD", chr(code))
        if len(bare) > 1:
            found[bare[0].lower()] += chr(code)
    return dict(found)
