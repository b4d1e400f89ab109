"""Pages that are not what they pass for, written by us to the structure of each kind; and pages that are.

Each of KINDS is (what it is, the label wanted, status, headers, page, more arguments); each of MISSES is the
same without a label. The newspapers, their words and their numbers are made up.
"""

# ruff: noqa: E501, ISC004 - a table of pages in many scripts

from typing import Any

STORY = "https://paper.example/news/2026/11/river-rises-again"
HOME = "https://paper.example/"
PLAIN = {"Content-Type": "text/html; charset=utf-8"}
SENTENCE = "The river rose by another hand's breadth on Tuesday night, and the lower bridge stays closed until noon. "
TEASER = "<p>Council members argue over the price of the new lamps along the quay.</p>"
NAV = "".join(
    f'<li><a href="/{n}">{n.title()}</a></li>' for n in ("news", "sport", "culture", "weather", "opinion")
)


def shell(title: str, inside: str, *, head: str = "", body: str = "", lang: str = "en") -> str:
    """A page of a newspaper with its usual surroundings."""
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>{title}</title>{head}'
        f"<script>window.paper={{theme:'light'}};</script></head><body {body}><header><nav><ul>{NAV}</ul></nav>"
        f"</header><main>{inside}</main><footer><p>The Paper, Quay Street</p></footer></body></html>"
    )


def bare(title: str, inside: str, *, head: str = "") -> str:
    """A page with nothing around, as vendors write them."""
    return f"<html><head><title>{title}</title>{head}</head><body>{inside}</body></html>"


def story(title: str, *, head: str = "", sentences: int = 12, extra: str = "") -> str:
    """A real article."""
    paragraphs = "".join(f"<p>{SENTENCE * 2}</p>" for _ in range(sentences // 2))
    return shell(f"{title} | The Paper", f"<article><h1>{title}</h1>{paragraphs}</article>{extra}", head=head)


def lost(title: str, heading: str, lang: str, name: str = "The Paper") -> str:
    """A page of a newspaper that says there is no such page."""
    return shell(f"{title} | {name}", f"<h1>{heading}</h1><p>…</p>{TEASER * 3}", lang=lang)


CF_SCRIPT = '<script src="/cdn-cgi/challenge-platform/scripts/jsd/main.js"></script>'
DATA = (
    '<script type="application/ld+json">{"@context":"https://schema.org","@type":"NewsArticle",'
    '"headline":"A short one","datePublished":"2026-11-20T06:00:00Z"}</script>'
)
CONSENT_TEXT = (
    "<p>We and our 214 partners store cookies on your device to pay for our journalism. With your consent we "
    "use cookies to measure what is read. Consent can be withdrawn in the cookie settings at any time, and the "
    "partners are listed there with what each of them does with your data and for how long it is kept.</p>"
)
FORM = (
    '<form method="post"><input type="email" name="who"><input type="password" name="word">'
    "<button>Go on</button></form>"
)

Kind = tuple[str, str, int, dict[str, str], str, dict[str, Any]]

KINDS: list[Kind] = [
    (
        "cloudflare by its header",
        "challenge:cloudflare",
        403,
        PLAIN | {"cf-mitigated": "challenge"},
        bare("Un instant…", "<noscript>JavaScript</noscript>"),
        {},
    ),
    (
        "cloudflare's managed challenge",
        "challenge:cloudflare",
        403,
        PLAIN,
        bare(
            "Just a moment...",
            "<script>(function(){window._cf_chl_opt={cvId:'3',cZone:'paper.example'};"
            "a.src='/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1'})();</script>",
        ),
        {},
    ),
    (
        "cloudflare's challenge in another language",
        "challenge:cloudflare",
        503,
        PLAIN,
        bare("Einen Moment …", "<script>window._cf_chl_opt={cType:'managed'}</script>"),
        {},
    ),
    (
        "cloudflare's block",
        "challenge:cloudflare",
        403,
        PLAIN,
        bare(
            "Attention Required! | Cloudflare",
            '<div id="cf-error-details"><h1>Sorry, you have been blocked</h1>'
            "<p>You are unable to access paper.example</p><span>Cloudflare Ray ID: <b>0a1b2c</b></span></div>",
        ),
        {},
    ),
    (
        "akamai's refusal",
        "challenge:akamai",
        403,
        {"Server": "AkamaiGHost", "Content-Type": "text/html"},
        "<HTML><HEAD>\n<TITLE>Access Denied</TITLE>\n</HEAD><BODY>\n<H1>Access Denied</H1>\n \nNo permission for "
        '"http&#58;&#47;&#47;paper&#46;example&#47;" here.<P>\nReference&#32;&#35;18&#46;0a1b2c3d&#46;1234567890&#46;ab'
        "\n<P>https&#58;&#47;&#47;errors&#46;edgesuite&#46;net&#47;18\n</BODY>\n</HTML>\n",
        {},
    ),
    (
        "akamai's interstitial with status 200",
        "challenge:akamai",
        200,
        PLAIN,
        bare("", '<div id="sec-if-cpt-container"><script src="/x.js"></script></div>'),
        {},
    ),
    (
        "akamai's proof of work",
        "challenge:akamai",
        200,
        PLAIN,
        bare("", "", head='<meta http-equiv="refresh" content="5; URL=\'/news?bm-verify=AAQAAA\'">'),
        {},
    ),
    (
        "datadome by its header",
        "challenge:datadome",
        403,
        PLAIN | {"x-dd-b": "2"},
        bare("paper.example", ""),
        {},
    ),
    (
        "datadome's captcha",
        "challenge:datadome",
        403,
        PLAIN | {"X-DataDome": "protected"},
        bare(
            "paper.example",
            "<p id='cmsg'>Please enable JS and disable any ad blocker</p><script>var dd={'rt':'c',"
            "'cid':'AAA','host':'geo.captcha-delivery.com'}</script><script src='https://ct.captcha-delivery.com/c.js'>"
            "</script>",
        ),
        {},
    ),
    (
        "human's press and hold",
        "challenge:perimeterx",
        403,
        PLAIN,
        bare(
            "Access to this page has been denied",
            '<div id="px-captcha"></div><script>window._pxAppId="PX0a";</script>',
        ),
        {},
    ),
    (
        "human's page in a newspaper's own dress, with status 200",
        "challenge:perimeterx",
        200,
        PLAIN,
        shell("The Paper", '<h2>Press &amp; Hold to confirm</h2><div id="px-captcha"></div>'),
        {},
    ),
    (
        "imperva's frame",
        "challenge:imperva",
        200,
        {"X-CDN": "Imperva", "Content-Type": "text/html"},
        '<html style="height:100%"><head><META NAME="ROBOTS" CONTENT="NOINDEX"></head><body><iframe id="main-iframe" '
        'src="/_Incapsula_Resource?SWUDNSAI=31&xinfo=9-1&incident_id=1-2&edet=12&cinfo=0a">Request unsuccessful. '
        "Incapsula incident ID: 1-2</iframe></body></html>",
        {},
    ),
    (
        "imperva's interruption",
        "challenge:imperva",
        200,
        PLAIN,
        bare(
            "Pardon Our Interruption",
            "<h1>Pardon Our Interruption</h1><script>function onProtectionInitialized(){}</script>",
        ),
        {},
    ),
    (
        "aws waf by its header",
        "challenge:awswaf",
        405,
        PLAIN | {"x-amzn-waf-action": "captcha"},
        bare("x", ""),
        {},
    ),
    (
        "aws waf's silent challenge",
        "challenge:awswaf",
        202,
        PLAIN,
        bare(
            "",
            "<script>window.gokuProps={'key':'a','iv':'b'}</script>"
            "<script src='https://0a1b.token.awswaf.com/0a1b/challenge.js'></script>",
        ),
        {},
    ),
    ("kasada by its header", "challenge:kasada", 429, PLAIN | {"x-kpsdk-ct": "0a1b"}, "<html></html>", {}),
    (
        "kasada's script",
        "challenge:kasada",
        429,
        PLAIN,
        "<!doctype html><html><body><script>window.KPSDK={};KPSDK.now=Date.now</script>"
        '<script src="/149e/2d20/ips.js?x=1"></script></body></html>',
        {},
    ),
    (
        "vercel's checkpoint",
        "challenge:vercel",
        429,
        PLAIN,
        bare("Vercel Security Checkpoint", '<a href="https://vercel.link/security-checkpoint">Vercel</a>'),
        {},
    ),
    (
        "anubis",
        "challenge:anubis",
        200,
        PLAIN,
        bare(
            "Making sure you&#39;re not a bot!",
            '<script id="anubis_challenge" type="application/json">{}</script>',
        ),
        {},
    ),
    (
        "sucuri's refusal",
        "challenge:sucuri",
        403,
        PLAIN,
        bare("Sucuri WebSite Firewall - Access Denied", '<a href="https://sucuri.net">Sucuri</a>'),
        {},
    ),
    (
        "f5's rejection with status 200",
        "challenge:f5",
        200,
        PLAIN,
        bare(
            "Request Rejected",
            "The requested URL was rejected. Ask your administrator. Your support ID is: 123",
        ),
        {},
    ),
    (
        "a captcha of any kind",
        "challenge:captcha",
        200,
        PLAIN,
        bare(
            "Are you a robot?",
            '<form action="/check"><div class="g-recaptcha" data-sitekey="0a"></div></form>',
        ),
        {},
    ),
    (
        "a captcha in German",
        "challenge:captcha",
        403,
        PLAIN,
        bare("Sicherheitsabfrage | Das Blatt", '<h1>Sind Sie ein Mensch?</h1><div class="h-captcha"></div>'),
        {},
    ),
    (
        "a captcha in Russian",
        "challenge:captcha",
        200,
        PLAIN,
        bare("Вы не робот?", '<form class="captcha"><img src="/captcha/1.png"></form>'),
        {},
    ),
    (
        "sent to a consent host",
        "consent",
        200,
        PLAIN,
        bare("Before you continue", CONSENT_TEXT),
        {"url": "https://consent.paper.example/m?continue=https://paper.example/news/x", "moved_from": STORY},
    ),
    (
        "a consent path that leads back",
        "consent",
        200,
        PLAIN,
        bare("Das Blatt", CONSENT_TEXT),
        {"url": "https://paper.example/zustimmung?url=https%3A%2F%2Fpaper.example%2Fnews%2Fx"},
    ),
    (
        "a page that is consent and no more",
        "consent",
        200,
        PLAIN,
        bare(
            "We value your privacy - The Paper",
            f"<h1>We value your privacy</h1>{CONSENT_TEXT}<button>Accept</button>",
        ),
        {},
    ),
    (
        "a pur wall",
        "consent",
        200,
        PLAIN,
        bare(
            "Sie haben die Wahl | Das Blatt",
            f"<h1>Weiterlesen mit Werbung</h1>{CONSENT_TEXT}<button>Ja</button>",
        ),
        {},
    ),
    (
        "sent to log in",
        "login",
        200,
        PLAIN,
        shell("Log in - The Paper", f"<h1>Log in</h1>{FORM}"),
        {"url": "https://paper.example/login?return=/news/2026/11/river-rises-again", "moved_from": STORY},
    ),
    (
        "a form in the article's place",
        "login",
        200,
        PLAIN,
        shell("Anmelden | Das Blatt", f"<h1>Anmelden</h1>{FORM}"),
        {},
    ),
    (
        "an account host",
        "login",
        200,
        PLAIN,
        shell("The Paper", f"<h1>Welcome back</h1>{FORM}"),
        {"url": "https://login.paper.example/u/1", "moved_from": STORY},
    ),
    (
        "sent to the front page",
        "soft-404",
        200,
        PLAIN,
        shell("The Paper", TEASER * 40),
        {"url": "https://paper.example/", "moved_from": STORY},
    ),
    (
        "sent to a front page that is no root",
        "soft-404",
        200,
        PLAIN,
        shell("The Paper", TEASER * 40),
        {
            "url": "https://group.example/paper/",
            "moved_from": "https://group.example/paper/a-story",
            "home": "https://group.example/paper",
        },
    ),
    ("a number and no more", "soft-404", 200, PLAIN, bare("404", "<h1>404</h1>"), {}),
    (
        "a system's mark",
        "soft-404",
        200,
        PLAIN,
        shell("The Paper", "", body='class="home-x error404 wide"'),
        {},
    ),
    *[
        (f"nothing here, in {lang}", "soft-404", 200, PLAIN, lost(title, heading, lang), {})
        for lang, title, heading in [
            ("en", "Page not found", "Sorry, the page you are looking for doesn't exist."),
            ("de", "Seite nicht gefunden", "Fehler 404"),
            ("fr", "Page introuvable", "Oups ! Cette page n’existe pas"),
            ("es", "Página no encontrada", "Error 404"),
            ("pt", "Página não encontrada", "Erro 404"),
            ("it", "Pagina non trovata", "La pagina richiesta non esiste"),
            ("nl", "Pagina niet gevonden", "404"),
            ("sv", "Sidan hittades inte", "Hoppla! Sidan finns inte"),
            ("da", "Siden findes ikke", "Fejl 404"),
            ("no", "Siden finnes ikke", "404"),
            ("fi", "Sivua ei löytynyt", "Virhe 404"),
            ("pl", "Nie znaleziono strony", "Błąd 404"),
            ("cs", "Stránka nenalezena", "Chyba 404"),
            ("hu", "Az oldal nem található", "Hiba 404"),
            ("ro", "Pagina nu a fost găsită", "Eroare 404"),
            ("ru", "Страница не найдена", "Ошибка 404"),
            ("uk", "Сторінку не знайдено", "Помилка 404"),
            ("el", "Η σελίδα δεν βρέθηκε", "Σφάλμα 404"),
            ("tr", "Sayfa Bulunamadı", "HATA 404"),
            ("ar", "الصفحة غير موجودة", "خطأ 404"),
            ("he", "הדף לא נמצא", "404"),
            ("hi", "पेज नहीं मिला", "404"),
            ("id", "Halaman Tidak Ditemukan", "404"),
            ("vi", "Không tìm thấy trang", "Lỗi 404"),
            ("ja", "ページが見つかりません", "404エラー"),
            ("zh", "页面不存在", "404"),
            ("ko", "페이지를 찾을 수 없습니다", "404"),
        ]
    ],
]

MISSES: list[tuple[str, int, dict[str, str], str, dict[str, Any]]] = [
    (
        "an article about captchas",
        200,
        PLAIN,
        story("Are you a robot?", extra='<form><div class="g-recaptcha"></div></form>'),
        {},
    ),
    (
        "an article about cloudflare's pages",
        200,
        PLAIN,
        story("Just a moment...", head=CF_SCRIPT, extra="<pre>_cf_chl_opt cf-browser-verification</pre>"),
        {},
    ),
    (
        "an article with cloudflare's usual script",
        200,
        PLAIN,
        story("River rises", head=CF_SCRIPT, sentences=2),
        {},
    ),
    ("an article on the error 404", 200, PLAIN, story("Error 404"), {}),
    (
        "an article whose title begins like one",
        200,
        PLAIN,
        story("Page not found: how a library lost its books", sentences=2),
        {},
    ),
    (
        "an article on cookie law",
        200,
        PLAIN,
        story("We value your privacy", extra=CONSENT_TEXT + "<button>x</button>", head=DATA),
        {},
    ),
    ("an article on passwords", 200, PLAIN, story("Sign in", extra=FORM), {}),
    (
        "an article with a form to log in at beside it",
        200,
        PLAIN,
        story("River rises", sentences=2, extra=FORM + "<h2>Log in</h2>"),
        {},
    ),
    ("a short article", 200, PLAIN, story("Not found", sentences=2, head=DATA), {}),
    ("a short article without data", 200, PLAIN, story("Boat missing", sentences=2), {}),
    ("a page with status 404 that says so", 404, PLAIN, lost("Page not found", "404", "en"), {}),
    ("a page with status 410 that says so", 410, PLAIN, lost("Page not found", "404", "en"), {}),
    ("a server's error", 503, PLAIN, bare("503 Service Unavailable", "<h1>503 Service Unavailable</h1>"), {}),
    (
        "a plain refusal",
        403,
        PLAIN,
        bare("403 Forbidden", "<center><h1>403 Forbidden</h1></center><hr>nginx"),
        {},
    ),
    ("a redirect", 301, PLAIN | {"Location": HOME}, bare("301", ""), {"url": STORY}),
    ("the front page", 200, PLAIN, shell("The Paper", TEASER * 40), {"url": HOME}),
    (
        "the front page with www",
        200,
        PLAIN,
        shell("The Paper", TEASER * 40),
        {"url": "https://www.paper.example/", "moved_from": "http://paper.example"},
    ),
    (
        "an article that moved to https",
        200,
        PLAIN,
        story("River rises"),
        {"moved_from": STORY.replace("https", "http")},
    ),
    (
        "an article that moved to another address",
        200,
        PLAIN,
        story("River rises"),
        {"moved_from": "https://paper.example/old/1"},
    ),
    (
        "a page to log in at, asked for as such",
        200,
        PLAIN,
        shell("Log in - The Paper", f"<h1>Log in</h1>{FORM}"),
        {"url": "https://paper.example/login"},
    ),
    (
        "a paywall",
        200,
        PLAIN,
        story("River rises", sentences=2, extra=f"<h2>Subscribe to read on</h2>{FORM}"),
        {},
    ),
    (
        "an article with imperva's usual script",
        200,
        PLAIN,
        story("River rises", sentences=2, extra='<script src="/_Incapsula_Resource?SWJIYLWA=71"></script>'),
        {},
    ),
    (
        "an article with datadome's and human's usual scripts",
        200,
        PLAIN,
        story(
            "River rises",
            sentences=2,
            head='<script src="https://js.datadome.co/tags.js"></script>'
            '<script>window._pxAppId="PX0a"</script>',
        ),
        {},
    ),
    (
        "an article under an error status",
        403,
        PLAIN,
        story("River rises", extra="<script>window._cf_chl_opt={}</script>"),
        {},
    ),
    (
        "a page of pictures with a banner for cookies",
        200,
        PLAIN,
        shell(
            "Our town in autumn | The Paper",
            f"<h1>Our town in autumn</h1><div><h2>We use cookies</h2>{CONSENT_TEXT}"
            "<button>Accept</button></div>",
        ),
        {},
    ),
    (
        "an article on cookie law without data",
        200,
        PLAIN,
        story("We value your privacy", extra=CONSENT_TEXT + "<button>Accept</button>"),
        {},
    ),
    (
        "a recipe",
        200,
        PLAIN,
        shell(
            "Cookies | The Paper",
            "<h1>Cookies</h1><p>Oats, butter; a cookie wants ten minutes.</p><button>Print</button>",
        ),
        {},
    ),
    (
        "a series with a letter to subscribe to",
        200,
        PLAIN,
        shell(
            "Welcome back | The Paper", '<h1>Welcome back</h1><form><input type="email" name="who"></form>'
        ),
        {},
    ),
    (
        "a short column by a doorman",
        200,
        PLAIN,
        story("One more step", sentences=2, extra='<form class="h-captcha"></form>'),
        {},
    ),
    ("an empty page", 200, PLAIN, "", {}),
]
