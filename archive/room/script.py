"""Scripts as the replay's worker is given them: two faults of its rewriter are gone round. Pure.

The rewriter of wabac.js works by regular expression. It takes `location =` in a text for code and changes it,
and it leaves `import.meta.url` the address of the replay. So, before it sees a script:

    "the location = here"           "the \\u006cocation = here"     the same text, and it looks like no code
    "/weather?location=" + place    "/weather?\\u006cocation=" + place
    import.meta.url                 the address that the script was archived under

Rules: an escape is only written where no code can stand, and if that were wrong, it would still be the same
name (ECMA-262, 12.7). The raw record (`id_`) stays what the server sent. A script that cannot be read to its
end as JavaScript keeps its `import.meta.url`.
"""

import json
import re
from collections.abc import Callable, Iterator

from archive.playback import Playback

KINDS = ("text/javascript", "application/javascript", "application/x-javascript", "text/ecmascript",
         "application/ecmascript")  # fmt: skip
PAGES = ("text/html", "application/xhtml+xml")
LONGEST = 4 << 20  # bytes of a script that is looked into
# Behind these words code may say `location =`; behind any other, two names would stand side by side.
KEYWORDS = frozenset(
    b"abstract accessor as async await break case catch class const continue debugger declare default "
    b"delete do else enum export extends finally for from function get if implements import in instanceof "
    b"interface let new of package private protected public readonly return set static super switch throw "
    b"try typeof var void while with yield".split()
)
ASSIGNED = rb"location(?=\s*=(?!=))"
CANDIDATE = re.compile(rb"\blocation\s*=(?!=)|\bimport\s*\.\s*meta\b")
WORDED = re.compile(rb"(?<![\w$\x80-\xff])([\w$\x80-\xff]+)([ \t]+)" + ASSIGNED)
JOINED = re.compile(rb"&" + ASSIGNED)  # `a && location = b` is no code
# In a text: of a query, or what something is put behind.
ASKED = re.compile(rb"\?" + ASSIGNED + rb"|(?<![\w$.+*/%^:;{(-])location=\Z")
META = re.compile(rb"(?<![\w$.])import\s*\.\s*meta\s*\.\s*url\b(?!\s*=(?!=))")
TOKENS = (
    rb"//[^\n]*|/\*.*?\*/"
    rb'|"(?:[^"\\\n]|\\.)*"'
    rb"|'(?:[^'\\\n]|\\.)*'"
    rb"|[`/\"']"
)
OUTSIDE = re.compile(TOKENS, re.S)
INSIDE = re.compile(TOKENS + rb"|[{}]", re.S)  # of ${ } in a template
TEMPLATE = re.compile(rb"(?:[^`\\$]|\\.|\$(?!\{))*", re.S)
PATTERN = re.compile(rb"/(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/\w*")
BEFORE = re.compile(rb"([\w$\x80-\xff]+|[^\s])\s*\Z")
SCRIPT = re.compile(rb"(<script\b(?:[^>\"']|\"[^\"]*\"|'[^']*')*>)(.*?)(?=</script)", re.I | re.S)
TYPE = re.compile(rb"""\stype\s*=\s*["']?([^"'\s>]*)""", re.I)


def instead_of(playback: Playback) -> bytes | None:
    """The body that the worker is to be given in place of a capture's own; None where that will do."""
    kind = playback.head.mime
    if playback.head.status != 200 or kind not in (*KINDS, *PAGES) or len(playback.body) > LONGEST:
        return None
    return mended(kind, playback.decoded(), playback.capture.url)


def mended(kind: str, body: bytes, url: str) -> bytes | None:
    """A page or script as the worker is to be given it; None where it may have what was sent.

    `kind` is its media type, `body` has no codings, in a charset that is ASCII where ASCII is; `url` is what
    it was archived under.
    """
    if kind not in (*KINDS, *PAGES) or len(body) > LONGEST or not CANDIDATE.search(body):
        return None
    made = script(body, json.dumps(url).encode()) if kind in KINDS else SCRIPT.sub(_inline, body)
    return made if made != body else None


def _inline(found: re.Match[bytes]) -> bytes:
    said = TYPE.search(found[1])
    kind = said[1].lower().decode("latin-1") if said else ""
    if kind not in ("", "module", *KINDS) or not CANDIDATE.search(found[2]):
        return found[0]
    return found[1] + script(found[2], b"document.baseURI")


def script(source: bytes, own: bytes) -> bytes:
    """JavaScript in which texts do not look like code; `own` is the expression for `import.meta.url`."""
    source = WORDED.sub(_unless_code, source)
    source = JOINED.sub(rb"&\\u006cocation", source)
    if not (ASKED.search(source) or b"location=" in source or META.search(source)):
        return source
    pieces = list(tokens(source))
    if pieces[-1][0] == "broken":
        return source
    edits: dict[str, Callable[[bytes], bytes]] = {
        "text": lambda text: ASKED.sub(lambda m: m[0].replace(b"location", rb"\u006cocation"), text),
        "code": lambda code: META.sub(lambda _: own, code),
    }
    return b"".join(edits.get(kind, bytes)(piece) for kind, piece in pieces)


def _unless_code(found: re.Match[bytes]) -> bytes:
    return found[0] if found[1] in KEYWORDS else found[1] + found[2] + rb"\u006cocation"


def tokens(source: bytes) -> Iterator[tuple[str, bytes]]:
    """All of a script in pieces: "code", "text" (what stands in quotes, without them), "other" (the quotes,
    comments, regular expressions); "broken" for the rest where a quote or a template has no end.
    """
    at, depths = 0, list[int]()  # for each template that is open: how many braces are, in its ${ }
    begun = 0  # of the code before `at`
    while found := (INSIDE if depths else OUTSIDE).search(source, at):
        what, start, at = found[0], found.start(), found.end()
        if what == b"{":
            depths[-1] += 1
            continue
        if what == b"}" and depths[-1]:
            depths[-1] -= 1
            continue
        if what == b"/":
            pattern = PATTERN.match(source, start) if _expects_value(source, start) else None
            if pattern is None:
                continue
            at = pattern.end()
            yield "code", source[begun:start]
            yield "other", pattern[0]
        elif what in (b"'", b'"'):
            yield "broken", source[begun:]
            return
        elif what in (b"`", b"}"):
            yield "code", source[begun:start]
            if what == b"}":
                depths.pop()
            yield "other", what
            text = TEMPLATE.match(source, at)
            assert text is not None
            yield "text", text[0]
            at = text.end()
            if source[at : at + 2] == b"${":
                depths.append(0)
                yield "other", b"${"
                at += 2
            elif source[at : at + 1] == b"`":
                yield "other", b"`"
                at += 1
            else:
                yield "broken", source[at:]
                return
        else:
            yield "code", source[begun:start]
            yield from _quoted(what)
        begun = at
    yield ("broken" if depths else "code"), source[begun:]


def _quoted(token: bytes) -> Iterator[tuple[str, bytes]]:
    if token.startswith(b"/"):
        yield "other", token
    else:
        yield "other", token[:1]
        yield "text", token[1:-1]
        yield "other", token[-1:]


def _expects_value(source: bytes, at: int) -> bool:
    """Whether a slash begins a regular expression here, and divides nothing."""
    found = BEFORE.search(source, max(0, at - 64), at)
    if found is None:
        return True
    before = found[1]
    if before in KEYWORDS:
        return True
    return before[-1:] not in b")]}" and not re.match(rb"[\w$\x80-\xff\"'`]", before[-1:])
