"""What people type, as expressions of FTS5, and texts as they are indexed. Pure.

What is typed never reaches SQLite as syntax: `match_of` takes it apart and quotes every word. Scripts that
set no spaces (Chinese, Japanese, Thai ...) are indexed as overlapping pairs of characters.
"""

import re
import unicodedata

from archive.errors import CallerError

LONGEST = 2_000  # characters of a question
SNIPPET = 90  # characters on each side of what was found
SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003ffff]+"
)
UNFIT = re.compile("[\x00\ud800-\udfff]")  # what SQLite cannot take
TERM = re.compile(
    r'(?P<no>-?)(?:(?P<field>headline|author|body|agency):)?(?:"(?P<phrase>[^"]*)"?|(?P<word>\S+))'
)


def match_of(words: str) -> str:
    """What people type, as an FTS5 expression; raise CallerError where there is nothing to look for.

    Words, "phrases", headline: author: body: agency: before one, - for "not", OR between two.
    """
    yes: list[str] = []
    no: list[str] = []
    either = False
    for found in TERM.finditer(UNFIT.sub(" ", words)):
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


def author_match(author: str) -> str:
    """A name as an expression that finds it among those that signed; "" where it has no letter."""
    term = _quoted(UNFIT.sub(" ", author))
    return f"author : {term}" if term else ""


def _quoted(text: str) -> str:
    text = unicodedata.normalize("NFC", text).replace('"', " ")
    if not any(unicodedata.category(char)[0] in "LN" for char in text):
        return ""
    some = SPACELESS.fullmatch(text.strip())
    if some and len(some[0]) == 1:
        return f'"{some[0]}" *'
    return f'"{spaced(text, ends=False).strip()}"'


def spaced(text: str, *, ends: bool = True) -> str:
    """The text, with stretches of scripts without spaces as pairs: "abc" is "ab bc", and "c" where `ends`."""

    def pairs(found: re.Match[str]) -> str:
        run = found[0]
        made = [run[n : n + 2] for n in range(len(run) - 1)] or [run]
        return f" {' '.join(made)} {run[-1] if ends and len(run) > 1 else ''} "

    return SPACELESS.sub(pairs, unicodedata.normalize("NFC", text))


def snippet_of(body: str, words: str) -> str:
    """Some of the body around the first word that was asked for; its start where none stands there."""
    asked = [f["phrase"] if f["word"] is None else f["word"] for f in TERM.finditer(words) if not f["no"]]
    terms = [re.escape(word.strip()) for word in asked if word.strip() and word != "OR"]
    found = re.search("|".join(terms), body, re.IGNORECASE) if terms else None
    if not found:
        return " ".join(body[: 2 * SNIPPET].split())
    start, end = found.span()
    before, after = body[max(start - SNIPPET, 0) : start], body[end : end + SNIPPET]
    if start > SNIPPET:
        before = before.partition(" ")[2] if " " in before else before  # no half word at its start
    return " ".join(f"{before}\x02{found[0]}\x03{after}".split())
