"""Pages that are not what they pass for: challenges, consent walls, login walls, soft 404s. Pure.

Rules: a page with an article on it is never labelled, whatever else it holds; two signs are wanted where one
could stand on an ordinary page (newspapers load the scripts of the same vendors on every page). A paywall is
no wall: the article's `access` says it. Nothing here gets round anything.

    challenge:NAME   a vendor's page that asks for a browser, a captcha, or refuses (cloudflare, akamai ...)
    consent          a page that stands in front of all others until cookies are accepted
    login            a page to log in at, where another was asked for
    soft-404         status 200, and the page says that there is none; or the front page in its place

Sources: the vendors' own documents on how to detect their answers, where there are such (Cloudflare
`cf-mitigated`, AWS WAF `x-amzn-waf-action`, DataDome `x-dd-b`), and the structure of their pages.
"""

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, urlsplit

from archive.opening import Opening
from archive.phrases import bare, says_any, says_consent, says_login, says_not_found, says_robot
from archive.wire import ResponseHead

WINDOW = 64 << 10  # bytes of a body that are looked at
GLANCE = 16 << 10  # bytes in which the title of a page stands, nearly always
BULKY = 24 << 10  # bytes of a compressed body that are more than WINDOW without compression
PAGES = ("text/html", "application/xhtml+xml")
NOT_THERE = (404, 410, 451)  # they say themselves what they are
PROSE = 600  # characters in long paragraphs from which a page has a text of its own
SPOKEN = 80  # characters from which a paragraph is text, and not a label
LONG = 180  # characters from which it is no teaser either
MITIGATING = (b"cf", b"x-")  # how the names of headers begin that tell of a challenge
CROWDED = 25  # links from which a page leads on: a vendor's leads to itself, and to its terms
TELLING = 12  # bytes from which a phrase says what is not found: "404" alone may be anything

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """What a page is in truth: its label, how sure that is (0 to 1), and what gave it away."""

    label: str
    sure: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Vendor:
    """How a vendor's page looks: one of `marks`, and one of `beside` (none: nothing more is wanted).

    `refused` says that the page comes with an error status only.
    """

    name: str
    marks: tuple[bytes, ...]
    beside: tuple[bytes, ...] = ()
    refused: bool = False


# Each vendor's own words in its pages. Scripts that stand on ordinary pages too are only ever `marks`.
VENDORS = (
    _Vendor(name="cloudflare", marks=(b"_cf_chl_opt", b"cf-browser-verification", b"/cdn-cgi/l/chk_")),
    _Vendor(
        name="cloudflare",
        marks=(b"/cdn-cgi/challenge-platform", b"cf-error-details", b"Cloudflare Ray ID"),
        beside=(b"<title>Just a moment", b"<title>Attention Required!", b"You have been blocked",
                b"you have been blocked"),
    ),
    _Vendor(
        name="akamai",
        marks=(b"errors.edgesuite.net", b"Reference&#32;&#35;", b"Reference #"),
        beside=(b"<TITLE>Access Denied", b"<title>Access Denied"),
    ),
    _Vendor(name="akamai", marks=(b"sec-if-cpt-container", b"sec-cpt-if", b"bm-verify=")),
    _Vendor(
        name="datadome",
        marks=(b"captcha-delivery.com",),
        beside=(b"var dd=", b"var dd =", b"/interstitial/", b"/captcha/"),
    ),
    _Vendor(
        name="perimeterx",
        marks=(b"px-captcha", b"_pxAppId"),
        beside=(b"Press &amp; Hold", b"Press & Hold", b"Access to this page has been denied", b"px-captcha-"),
    ),
    _Vendor(
        name="imperva",
        marks=(b"_Incapsula_Resource", b"/_Incapsula_", b"Distil_", b"distil_r_"),
        beside=(b"Incapsula incident ID", b"incident_id=", b"Pardon Our Interruption", b"edet=", b"cinfo="),
    ),
    _Vendor(
        name="imperva",
        marks=(b"Pardon Our Interruption",),
        beside=(b"onProtectionInitialized", b"reeseSkip"),
    ),
    _Vendor(
        name="awswaf",
        marks=(b"awswaf.com", b"AwsWafIntegration", b"AwsWafCaptcha"),
        beside=(b"gokuProps", b"<title>Human Verification"),
    ),
    _Vendor(name="kasada", marks=(b"/ips.js?",), beside=(b"KPSDK",)),
    _Vendor(
        name="sucuri",
        marks=(b"sucuri.net", b"sucuri_cloudproxy"),
        beside=(b"Sucuri WebSite Firewall - ", b"sucuri_cloudproxy_js"),
    ),
    _Vendor(
        name="vercel",
        marks=(b"Vercel Security Checkpoint",),
        beside=(b"/.well-known/vercel/", b"vercel.link"),
    ),
    _Vendor(name="anubis", marks=(b"anubis_challenge", b"/.within.website/")),
    _Vendor(
        name="ddos-guard",
        marks=(b"/.well-known/ddos-guard/", b"check.ddos-guard.net"),
        beside=(b"<title>DDoS-Guard", b"<title>DDOS-GUARD"),
    ),
    _Vendor(
        name="radware", marks=(b"perfdrive.com", b"Radware"), beside=(b"Bot Manager", b"captcha.perfdrive")
    ),
    _Vendor(name="f5", marks=(b"The requested URL was rejected",), beside=(b"support ID is",)),
)  # fmt: skip
CAPTCHAS = (
    b"g-recaptcha", b"recaptcha/api.js", b"recaptcha/enterprise.js", b"h-captcha", b"hcaptcha.com",
    b"cf-turnstile", b"challenges.cloudflare.com", b"geetest", b"frc-captcha", b"arkoselabs.com", b"captcha",
)  # fmt: skip
DATA = re.compile(
    rb'"@type"\s*:\s*\[?\s*"(?:\w*NewsArticle|Article|BlogPosting|LiveBlogPosting|OpinionNewsArticle|Report)"'
)
PUBLISHED = (b"article:published_time", b'"datePublished"', b'itemprop="articleBody"')
OPEN_PARAGRAPH = re.compile(rb"<p[\s>]", re.I)
PARAGRAPH = re.compile(rb"<p(?:\s[^>]{0,300})?>(.{80,8000}?)(?:</p|(?=<p[\s>])|\Z)", re.I | re.S)
BLOCK = re.compile(
    rb"<(?:script|style|template|noscript|svg)\b.*?(?:</(?:script|style|template|noscript|svg)|\Z)",
    re.I | re.S,
)
TAG = re.compile(r"<[^<>]*>")
CHARSET = re.compile(rb"charset\s*=\s*[\"']?([\w-]{2,20})", re.I)
PASSWORD = re.compile(rb"<input[^>]{0,300}type\s*=\s*[\"']?password", re.I)
EMAIL = re.compile(rb"<input[^>]{0,300}type\s*=\s*[\"']?email", re.I)
ACCEPT = re.compile(rb"<(?:button|input|form|a)\b", re.I)
# Of what such a page speaks, by kind: two kinds are wanted. Baking has cookies and no partners.
CONSENT_WORDS = (
    (b"cookie",),
    (b"consent", b"zustimm", b"einwillig", b"toestemming", b"samtyck", b"samtykk", b"zgod", b"souhlas"),
    (b"partner", b"vendor", b"anbieter", b"drittanbieter", b"tcf", b"iab europe"),
)
CONSENT_HOST = re.compile(r"(?:\A|\.)(?:consent|guce|myprivacy|privacygate|cookiewall|privacy-gate)\.")
CONSENT_PATHS = {
    "zustimmung", "consent", "privacygate", "privacy-gate", "privacywall", "cookiewall", "cookie-wall",
    "cookie-consent", "collectconsent", "datenschutz-zustimmung", "consentement",
}  # fmt: skip
LOGIN_PATHS = {
    "login", "log-in", "signin", "sign-in", "sign_in", "anmelden", "connexion", "identification", "inloggen",
    "accedi", "entrar", "iniciar-sesion", "logowanie", "logga-in", "logg-inn", "kirjaudu", "giris", "sso",
    "authorize", "oauth",
}  # fmt: skip
LOGIN_HOST = re.compile(r"\A(?:login|signin|account|accounts|auth|id|sso|secure|konto|compte)\.")
BACK = re.compile(
    r"(?:return|redirect|continue|next|back|dest|target|goto|url|referer|referrer|origin)", re.I
)
FRONT_PATHS = {"", "/", "/index.html", "/index.htm", "/index.php", "/home", "/home/"}


def wall_of(
    status: int, headers: Headers, body: bytes, url: str, *, moved_from: str = "", home: str = ""
) -> Wall | None:
    """What stands in a page's place; None where it is what it passes for, or nothing tells.

    `body` is without transfer and content codings; its first WINDOW bytes are looked at. `url` is where it
    came from in the end, `moved_from` what was asked for, where that was another address; `home` is the
    newspaper's front page.
    """
    if 300 <= status < 400 or status == 204:
        return None
    if found := _by_headers(status, headers):
        return found
    if status in NOT_THERE:
        return None
    page = _Page(status, headers, body)
    moved = _moved(url, moved_from)
    return (
        _challenge(page)
        or _consent(page, url, moved)
        or _login(page, url, moved)
        or _lost(page, url, moved_from if moved else "", home)
    )


def wall_in(head: ResponseHead, opening: Opening, url: str) -> Wall | None:
    """`wall_of` for an answer as it crossed the wire, of which the beginning is there.

    An ordinary page costs a glance at its first bytes: one that is bulky, or full of links, is no challenge,
    and only where its title or first heading says that there is nothing, more of it is looked at.
    """
    if head.mime not in PAGES:
        return None
    if head.status == 200 and not _leads_back(_parts(url).query):
        bulky = len(opening.payload) > (BULKY if opening.coded else WINDOW)
        page = _Page(200, head.headers, opening.first(GLANCE), opening.low(GLANCE))
        if (bulky or page.crowded) and not _says_something(page):
            return _by_headers(head.status, head.headers)
    return wall_of(head.status, head.headers, opening.first(WINDOW + 1), url)


def _says_something(page: "_Page") -> bool:
    """Whether the first bytes of a page give a reason to look further."""
    return any(map(says_any, (*page.titles, *page.headings))) or page.marked_missing


def _moved(url: str, moved_from: str) -> bool:
    """Whether another page was asked for: a change of scheme, of www or of the last slash is none."""
    return bool(moved_from) and _plain(moved_from) != _plain(url)


def _plain(url: str) -> str:
    return re.sub(r"\A\w+://(?:www\.|m\.)?", "", url.partition("#")[0]).rstrip("/").lower()


class _Page:
    """A page as bytes, and what is asked of it: each answer is made when it is wanted, and cheaply."""

    def __init__(self, status: int, headers: Headers, body: bytes, low: bytes | None = None) -> None:
        self.status = status
        self.headers = headers
        self.whole = len(body) <= WINDOW
        self.body = body[:WINDOW]
        self.low = self.body.lower() if low is None else low  # the same, in lower case
        self.title = self._text_of(self._between(b"title"))
        self.titles = _segments(self.title)
        self.headings = [t for t in (self._text_of(h) for h in self._all(b"h1", 4)) if t]

    def _between(self, name: bytes, start: int = 0) -> bytes:
        return self._find(name, start)[0]

    def _find(self, name: bytes, start: int) -> tuple[bytes, int]:
        """The inside of the next element of this name, and where it ends (-1: there is none).

        One behind another is looked for nearby: to look through the whole page would cost more than all else.
        """
        at = self.low.find(b"<" + name, start, start + GLANCE if start else WINDOW)
        opened = self.low.find(b">", at) if at >= 0 else -1
        if opened < 0:
            return b"", -1
        end = self.low.find(b"</" + name, opened, opened + 1500)
        return self.body[opened + 1 : max(end, opened)], max(end, opened + 1)

    def _all(self, name: bytes, most: int) -> Iterable[bytes]:
        at = 0
        for _ in range(most):
            inside, at = self._find(name, at)
            if at < 0:
                return
            yield inside

    def _text_of(self, inside: bytes) -> str:
        if not inside:
            return ""
        return " ".join(html.unescape(TAG.sub(" ", self._decoded(inside))).split())

    def _decoded(self, data: bytes) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError:
            said = b"".join(v for k, v in self.headers if k.lower() == b"content-type")
            named = CHARSET.search(said) or CHARSET.search(self.body[:2048])
            try:
                return data.decode(named[1].decode("ascii") if named else "cp1252", "replace")
            except (LookupError, UnicodeError):
                return data.decode("latin-1")

    def has(self, marks: Iterable[bytes]) -> bytes:
        """The first of these marks that stands on the page; empty where none does."""
        return next((mark for mark in marks if mark in self.body), b"")

    @property
    def crowded(self) -> bool:
        """Whether more links stand on the page than on any vendor's."""
        at = -1
        for _ in range(CROWDED):  # not all are counted: most pages have enough of them in their menu
            at = self.low.find(b"</a", at + 1)
            if at < 0:
                return False
        return True

    @property
    def marked_missing(self) -> bool:
        """Whether a well-known system marks the page as its error page (WordPress: a class of the body)."""
        at = self.body.find(b"<body") if b"error404" in self.body else -1
        while at >= 0:
            tag = self.body[at : at + 2000].partition(b">")[0]
            if b"error404" in tag:
                return True
            at = self.body.find(b"<body", at + 5, at + GLANCE)
        return False

    @property
    def signed(self) -> bool:
        """Whether data on the page says that it is an article."""
        return bool(DATA.search(self.body) and b'"headline"' in self.body) or bool(self.has(PUBLISHED))

    def prose(self, spoken: int) -> int:
        """How many characters stand in paragraphs of `spoken` characters and more (half of it in CJK)."""
        if not OPEN_PARAGRAPH.search(self.body):
            return 0
        plain = BLOCK.sub(b" ", self.body)
        said = (self._text_of(found[1]) for found in PARAGRAPH.finditer(plain))
        return sum(len(text) for text in said if len(text) >= spoken or len(text.encode()) >= 2 * spoken)

    def has_article(self, spoken: int = SPOKEN) -> bool:
        """Whether there is an article: data that says so, or a text of some length."""
        return self.signed or self.prose(spoken) >= PROSE


def _segments(title: str) -> list[str]:
    """A title, and its parts where it has some ("Page not found | The Paper")."""
    parts = [part for part in re.split(r"\s+[|–—:·•»«/-]+\s+|\s*\|\s*|: | :: ", title) if part]
    return [title, *parts] if len(parts) > 1 else parts


def _by_headers(status: int, headers: Headers) -> Wall | None:
    for raw, said in headers:
        name = raw.lower()
        if name[:2] not in MITIGATING:
            continue
        value = said.strip().lower()
        if name == b"cf-mitigated" and value == b"challenge":
            return _sure("cloudflare", 1.0, "cf-mitigated: challenge")
        if name == b"x-amzn-waf-action" and value in (b"captcha", b"challenge"):
            return _sure("awswaf", 1.0, f"x-amzn-waf-action: {value.decode()}")
        if name == b"x-dd-b" and value in (b"1", b"2"):
            return _sure("datadome", 1.0, f"x-dd-b: {value.decode()}")
        if name == b"x-vercel-mitigated" and value in (b"challenge", b"deny"):
            return _sure("vercel", 1.0, f"x-vercel-mitigated: {value.decode()}")
        if name.startswith(b"x-kpsdk-") and status in (403, 429):
            return _sure("kasada", 0.95, f"status {status} and {name.decode('latin-1')}")
    return None


def _sure(vendor: str, sure: float, why: str) -> Wall:
    return Wall(label=f"challenge:{vendor}", sure=sure, why=why)


def _challenge(page: _Page) -> Wall | None:
    """A vendor's page by its marks, or any page that asks who reads it and has a captcha."""
    refused = page.status >= 400 or page.status in (202,)
    if not refused and (not page.whole or page.crowded):
        return None  # no vendor's page is that big, or leads anywhere
    for vendor in VENDORS:
        mark = page.has(vendor.marks)
        beside = page.has(vendor.beside) if mark else b""
        if mark and (beside or not vendor.beside) and not page.has_article():
            said = " and ".join(m.decode().strip() for m in (mark, beside) if m)
            return _sure(vendor.name, 0.97 if refused else 0.93, said)
    asks = next((text for text in (*page.titles, *page.headings) if says_robot(text)), "")
    story = not refused and b"<article" in page.body
    if asks and page.has(CAPTCHAS) and not story and not page.has_article():
        return _sure("captcha", 0.9 if refused else 0.85, f"{asks!r} and a captcha")
    return None


def _consent(page: _Page, url: str, moved: bool) -> Wall | None:
    parts = _parts(url)
    if page.status != 200:
        return None
    if CONSENT_HOST.search((parts.hostname or "") + ".") and (moved or _leads_back(parts.query)):
        return Wall(label="consent", sure=0.97, why=f"sent to {parts.hostname}")
    folders = {part.lower() for part in parts.path.split("/")[1:4]}
    sent = (moved or _leads_back(parts.query)) and bool(folders & CONSENT_PATHS)
    said = next((text for text in (*page.titles, *page.headings) if says_consent(text)), "")
    if not (sent or said) or page.signed:
        return None
    low = page.body.lower()
    words = sum(any(word in low for word in kind) for kind in CONSENT_WORDS)
    if sent and (words or said):
        return Wall(label="consent", sure=0.95, why=f"sent to {parts.path}")
    others = [h for h in page.headings if not says_consent(h) and bare(h) not in map(bare, page.titles[1:])]
    story = others or b"<article" in low or b"<time" in low
    if said and words >= 2 and ACCEPT.search(page.body) and not story:
        return Wall(label="consent", sure=0.9, why=f"the page says {said!r} and no more")
    return None


def _parts(url: str) -> SplitResult:
    """A URL taken apart; empty where it cannot be: what was fetched is recorded, whatever its address."""
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", "?", "", "")


def _leads_back(query: str) -> bool:
    """Whether a query holds the address of another page, to go on to."""
    return bool(query) and any(
        BACK.search(name) and ("/" in value or "%2F" in value) for name, value in parse_qsl(query)
    )


def _login(page: _Page, url: str, moved: bool) -> Wall | None:
    if page.status not in (200, 401, 403):
        return None
    parts = _parts(url)
    folders = {part.lower().rpartition(".")[0] or part.lower() for part in parts.path.split("/")}
    place = bool(folders & LOGIN_PATHS or LOGIN_HOST.search(parts.hostname or ""))
    said = next((text for text in (*page.titles, *page.headings) if says_login(text)), "")
    if not (said or (place and moved)):
        return None
    # A page to log in at, asked for as such, is what it passes for.
    asked = place and not moved and not _leads_back(parts.query)
    form = PASSWORD.search(page.body) or (place and moved and EMAIL.search(page.body))
    others = [h for h in page.headings if not says_login(h) and bare(h) not in map(bare, page.titles[1:])]
    if asked or not form or (others and not place) or page.has_article():
        return None
    return Wall(label="login", sure=0.95 if said and place else 0.85, why=said or f"sent to {parts.path}")


def _lost(page: _Page, url: str, moved_from: str, home: str) -> Wall | None:
    if page.status != 200:
        return None
    if moved_from and _is_front(url, home) and not _is_front(moved_from, home):
        return Wall(label="soft-404", sure=0.9, why="sent to the front page")
    title = next((text for text in page.titles if says_not_found(text)), "")
    heading = next((text for text in page.headings if says_not_found(text)), "")
    missing = page.marked_missing
    signs = bool(title) + bool(heading) + missing
    names = {bare(text) for text in page.titles}
    others = [text for text in page.headings if not says_not_found(text) and bare(text) not in names]
    # "Page not found: how a library lost its books" is the headline of an article.
    longer = not heading and any(bare(title) in bare(text) for text in others)
    telling = len(title.encode()) >= TELLING if title else page.whole and not others
    if not signs or longer or (signs == 1 and not telling):
        return None
    # Teasers of other articles stand on such pages: where it is said twice, only longer paragraphs count.
    if page.has_article(SPOKEN if signs == 1 else LONG):
        return None
    why = title or heading or "class error404"
    return Wall(label="soft-404", sure=0.85 if signs == 1 else 0.97, why=why)


def _is_front(url: str, home: str) -> bool:
    parts = _parts(url)
    if home and _plain(url.partition("?")[0]) == _plain(home):
        return True
    return parts.path.lower() in FRONT_PATHS and not re.search(r"(?:^|&)(?:p|id|article)=\d", parts.query)
