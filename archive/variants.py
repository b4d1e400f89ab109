"""Variants of one article: which addresses lead to the same text. For comparing only, never for asking. Pure.

To fetch one article twice costs a request; to take two for one loses an article. So only what is known to
make no difference is left out, by name or shape, and parameters such as id, p, article, page or ref are
always kept.
"""

import re
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

# Parameters that tell where a reader came from. Compared in lower case; what could name content is not here.
TRACKING = re.compile(
    r"""\A(?:
      utm_\w+ | mtm_\w+ | pk_(?:campaign|kwd|keyword|source|medium|content|cid) | piwik_\w+ | matomo_\w+
    | hsa_\w+ | _hs(?:enc|mi) | __hs(?:sc|tc|fp) | hsctatracking
    | fbclid | gclid | gclsrc | dclid | gbraid | wbraid | msclkid | yclid | ysclid | twclid | ttclid
    | igshid | igsh | li_fat_id | epik | srsltid | rb_clickid | irclickid | s_kwcid | ef_id
    | wickedid | zanpid
    | mc_[ce]id | mkt_tok | oly_(?:enc|anon)_id | vero_(?:id|conv) | _ke | _kx
    | ck_subscriber_id | sc_cid | nr_email_referer
    | spmailingid | spuserid | spjobid | spreportid | cndid
    | _ga | _gl | _openstat | xtor | xtref
    | wt_z?mc | wt\.mc_id | wtmc | wtrid | trk | trkcampaign
    | cmpid | ocid | ito
    | icid | ncid | intcmp | int_cmp | smid | smtyp | mbid | sr_share | emc | ftag | cxrecs_s
    | ns_(?:mchannel|source|campaign|linkname|fee) | s_cid | s_campaign
    | at_(?:medium|campaign\w*|link_\w+|ptr_\w+|format|bbc_team|custom\d+|variant|creation)
    | at_(?:emailtype|send_date|recipient_\w+)
    | fb_(?:action_ids|action_types|source|ref) | action_(?:object|type|ref)_map
    | guccounter | guce_referrer(?:_sig)? | ref_src | ref_url | __twitter_impression | usqp
    | amp_(?:js_v|gsa|r|ct|latest_update_time) | __amp_source_origin
    )\Z""",
    re.X,
)
AMP_FLAGS = frozenset(("", "0", "1", "true", "false", "yes"))
AMP_NAMES = frozenset(("outputtype", "output", "view", "mode", "service", "format", "version"))
OTHER_HOSTS = ("www", "m", "mobile", "amp")
# What stands alone in front of a country is no newspaper's own domain: "amp.co.za" is not "co.za".
SHARED = re.compile(r"(?:co|com|org|net|gov|gob|gouv|ac|edu|or|ne|go|in|web)\.[a-z]{2}\Z")
CACHE = re.compile(r"/(?:c|v)/(?:s/)?([^/]+\.[^/]+)(/.*|\Z)")
SLUG = re.compile(r"(?=[^/.]*(?:-|\d))[^/.]{8,}\Z")
INDEX = re.compile(r"/index\.html?\Z")
SAFE = "/%:@!$&'()*+,;=~-._?[]"
ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")


def tidy(url: str) -> str:
    """The address without tracking parameters: two with the same tidy form are one page.

    For comparing only: some servers answer nothing but the address that their feed told.
    """
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    if not any(TRACKING.match(name.lower()) for name, _ in pairs):
        return url
    kept = [(n, v) for n, v in pairs if not TRACKING.match(n.lower())]
    return urlunsplit(parts._replace(query=urlencode(kept)))


def variant_key(url: str) -> str:
    """One key for the variants of an article; the address itself where it cannot be read.

    Left out are tracking parameters, AMP and mobile forms, "www.", default ports, http against https, the
    order of parameters, the spelling of escapes, "index.html", the fragment (but not "#!"), and a slash at
    the end of what looks like an article's slug. Equal for its own result.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return url
    if parts.scheme not in ("http", "https") or not host:
        return url
    path, query = parts.path or "/", parts.query
    if host.endswith(".cdn.ampproject.org") and (found := CACHE.match(path)):
        inner = f"https://{found[1]}{found[2]}" + (f"?{query}" if query else "")
        return variant_key(inner)
    place = _host(host) + ("" if port in (None, 80, 443) else f":{port}")
    bang = parts.fragment if parts.fragment.startswith("!") else ""
    return urlunsplit(("https", place, _path(_spelled(path)), _query(_spelled(query)), bang))


def _host(host: str) -> str:
    """The host without what only says how it is shown."""
    first, _, rest = host.partition(".")
    while first in OTHER_HOSTS and "." in rest and not SHARED.match(rest):
        host = rest
        first, _, rest = host.partition(".")
    return f"[{host}]" if ":" in host else host


def _spelled(text: str) -> str:
    """Escapes in one spelling: none where none is needed, else in upper case."""
    return quote(ESCAPE.sub(_escape, text), safe=SAFE)


def _escape(found: re.Match[str]) -> str:
    character = unquote(found[0], encoding="latin-1")
    return character if re.match(r"[A-Za-z0-9._~-]", character) else found[0].upper()


def _path(path: str) -> str:
    """The path without signs of AMP, index file and the slash behind a slug."""
    previous = None
    while path != previous:
        previous = path
        path = INDEX.sub("/", path)
        if path.startswith("/amp/"):
            path = path[4:]
        for end, kept in ((".amp.html", ".html"), (".amp", ""), ("/amp/", "/"), ("/amp", "")):
            if path.endswith(end):
                path = (path.removesuffix(end) + kept) or "/"
        head, _, last = path.removesuffix("/").rpartition("/")
        if path.endswith("/") and SLUG.match(last):
            path = f"{head}/{last}"
    return path


def _query(query: str) -> str:
    """Parameters that may name content, as told, in the order of their names."""
    kept = []
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        name, value = unquote(name).lower(), unquote(value).lower()
        amp = (name == "amp" and value in AMP_FLAGS) or (name in AMP_NAMES and value == "amp")
        if pair and not amp and not TRACKING.match(name):
            kept.append(pair)
    return "&".join(sorted(kept, key=lambda pair: pair.partition("=")[0]))
