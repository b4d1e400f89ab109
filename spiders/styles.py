"""What a style sheet loads: url(), @import and image-set(), by the tokens of CSS Syntax 3. Pure."""

import re
from collections.abc import Iterator

from spiders.told import absolute_all

# One pass, each character looked at a bounded number of times. What is not closed ends with the line or the
# text.
TOKEN = re.compile(
    r"""/\*.*?(?:\*/|\Z)
      | @(?P<at>import|namespace|charset)\b
      | \b(?P<call>url|src)\(\s*(?:"(?P<u1>(?:[^"\\\n]|\\.)*)"?|'(?P<u2>(?:[^'\\\n]|\\.)*)'?
            |(?P<u3>(?:[^"'()\\\s]|\\.)*))
      | "(?P<s1>(?:[^"\\\n]|\\.)*)"?(?P<set1>\s*(?:[\d.]+(?:x|dpi|dpcm|dppx)\b|type\())?
      | '(?P<s2>(?:[^'\\\n]|\\.)*)'?(?P<set2>\s*(?:[\d.]+(?:x|dpi|dpcm|dppx)\b|type\())?
      | [;{}]""",
    re.I | re.S | re.X,
)
ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})[ \t\n\f]?|\n|(.))", re.S)


def css_urls(text: str) -> Iterator[str]:
    """Addresses as told, in order: without data: and without mere fragments."""
    at = ""
    for token in TOKEN.finditer(text):
        kind = token.lastgroup
        if token["at"]:
            at = token["at"].lower()
        elif kind is None:
            if token[0][0] != "/":  # ; { } end an at-rule, a comment does not
                at = ""
        else:
            url = _url(token, at)
            if at != "namespace":
                at = ""
            if url and not url.startswith("#") and url[:5].lower() != "data:":
                yield url


def _url(token: re.Match[str], at: str) -> str:
    """The address that a token holds; "" where it is a string for something else."""
    if at in ("namespace", "charset"):
        return ""
    if token["call"]:
        raw = token["u1"] or token["u2"] or token["u3"] or ""
    elif at == "import" or token["set1"] or token["set2"]:
        raw = token["s1"] or token["s2"] or ""
    else:
        return ""
    return (ESCAPE.sub(_character, raw) if "\\" in raw else raw).strip()


def _character(found: re.Match[str]) -> str:
    if found[1]:
        code = int(found[1], 16)
        return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"
    return found[2] or ""


def css_requisites(text: str, base: str) -> tuple[str, ...]:
    """What a style sheet loads, absolute, each once."""
    return absolute_all(css_urls(text), base)
