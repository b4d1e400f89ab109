"""robots.txt files: sound, odd, broken. Each has the paths that our agent may fetch, and those that it may not."""

from dataclasses import dataclass, field

AGENT = "newsmorgue"
STAR = "User-agent: *\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A robots.txt and what it says; `delay` -1: not compared."""

    name: str
    body: bytes
    yes: tuple[str, ...] = ()
    no: tuple[str, ...] = ()
    delay: float | None = -1
    sitemaps: tuple[str, ...] | None = None
    signals: dict[str, str] | None = field(default=None)
    ai: tuple[str, ...] | None = None


def case(name: str, body: str | bytes, yes: str = "", no: str = "", **more: object) -> Case:
    """A case in one line; paths with spaces between."""
    data = body.encode() if isinstance(body, str) else body
    return Case(name=name, body=data, yes=tuple(yes.split()), no=tuple(no.split()), **more)  # type: ignore[arg-type]


FORMS = (
    case("empty", "", "/ /a"),
    case("comments alone", "# hello\n#Disallow: /\n", "/ /a"),
    case("all allowed", STAR + "Allow: /\n", "/ /a"),
    case("all forbidden", STAR + "Disallow: /\n", "/robots.txt", "/ /a /a?b"),
    case("an empty Disallow allows", STAR + "Disallow:\n", "/ /a"),
    case("an empty Disallow and a full one", STAR + "Disallow:\nDisallow: /p\n", "/a", "/p"),
    case("an empty Allow says nothing", STAR + "Allow:\nDisallow: /\n", "", "/a"),
    case("rules before any group", "Disallow: /\n" + STAR + "Disallow: /p\n", "/a", "/p"),
    case("a comment behind a rule", STAR + "Disallow: /p # private\n", "/a", "/p /p/x"),
    case("a comment stuck to a rule", STAR + "Disallow: /p#q\n", "/a", "/p"),
    case("spaces and tabs around", " User-agent :\t*\n\t Disallow\t: \t/p \t\n", "/a", "/p"),
    case("no space behind the colon", "User-agent:*\nDisallow:/p\n", "/a", "/p"),
    case("keys in capitals", "USER-AGENT: *\nDISALLOW: /p\nALLOW: /p/x\n", "/a /p/x", "/p"),
    case("lines that end with CR LF", STAR.replace("\n", "\r\n") + "Disallow: /p\r\n", "/a", "/p"),
    case("lines that end with CR alone", "User-agent: *\rDisallow: /p\rDisallow: /q", "/a", "/p /q"),
    case("no end of the last line", STAR + "Disallow: /p", "/a", "/p"),
    case("empty lines within a group", STAR + "\n\nDisallow: /p\n\n\nDisallow: /q\n", "/a", "/p /q"),
    case("a form feed is no end of a line", STAR + "Allow: /p\x0cDisallow: /\n", "/a"),
    case("a line separator of Unicode is none", STAR + "Allow: /p\u2028Disallow: /\n", "/a"),
    case("a byte order mark", b"\xef\xbb\xbf" + STAR.encode() + b"Disallow: /p\n", "/a", "/p"),
    case("UTF-16", (STAR + "Disallow: /p\n").encode("utf-16"), "/a", "/p"),
    case("NUL bytes", STAR + "Disallow: /p\x00\n\x00\n", "/a", "/p"),
    case("noise", bytes(range(256)) * 10, "/a"),
    case("a key misspelt", STAR + "Dissallow: /p\nDisalow: /q\n", "/a", "/p /q"),
    case("user agent in two words", "User agent: *\nDisallow: /p\n", "/a", "/p"),
    case("no colon", "User-agent *\nDisallow /p\n", "/a", "/p"),
    case("a sentence that begins like a rule", STAR + "Disallow robots from reading this\n", "/a /robots"),
    case("unknown keys", STAR + "Noindex: /a\nHost: paper.example\nClean-param: x\nDisallow: /p\n", "/a", "/p"),
    case("a rule without a slash", STAR + "Disallow: p\n", "/a", "/p"),
    case("a rule with the whole address", STAR + "Disallow: https://paper.example/p\n", "/a", "/p"),
    case("a web page", "<!DOCTYPE html><html><body>User-agent: * Disallow: /</body></html>", "/ /a"),
    case("a web page of many lines", "<html>\n<head>\n<title>404</title>\n</head>\n<p>Disallow: /\n</html>", "/ /a"),
    case("a file longer than 500 KiB", STAR + "Disallow: /p\n" + "#" * 600_000 + "\nDisallow: /late\n", "/late", "/p"),
    case("a line cut at 500 KiB does not count", STAR + "Disallow: /p\n" + "#\n" * 255_985 + "Disallow: /a-very-long-path\n", "/a", "/p"),
    case("many rules", STAR + "".join(f"Disallow: /p{n}/\n" for n in range(5000)), "/a", "/p1/ /p4999/"),
)  # fmt: skip

GROUPS = (
    case("our own group", STAR + "Disallow: /\nUser-agent: newsmorgue\nDisallow: /p\n", "/a", "/p"),
    case("our own group comes first", "User-agent: newsmorgue\nDisallow: /p\n\n" + STAR + "Disallow: /\n", "/a", "/p"),
    case("our own group is empty", STAR + "Disallow: /\nUser-agent: newsmorgue\n", "/a"),
    case("our own group allows all", STAR + "Disallow: /\nUser-agent: newsmorgue\nDisallow:\n", "/a"),
    case("the agent in capitals", STAR + "Disallow: /\nUser-agent: NewsMorgue\nDisallow: /p\n", "/a", "/p"),
    case("the agent with a version", STAR + "Disallow: /\nUser-agent: newsmorgue/1.0\nDisallow: /p\n", "/a", "/p"),
    case("the agent with a comment", STAR + "Disallow: /\nUser-agent: newsmorgue # them\nDisallow: /p\n", "/a", "/p"),
    case("the agent with words behind it", STAR + "Disallow: /\nUser-agent: newsmorgue (archive)\nDisallow: /p\n", "/a", "/p"),
    case("the beginning of our name is not us", "User-agent: news\nDisallow: /\n", "/a"),
    case("a longer name is not us", "User-agent: newsmorgue-images\nDisallow: /\n", "/a"),
    case("the end of our name is not us", "User-agent: morgue\nDisallow: /\n", "/a"),
    case("another agent", "User-agent: otherbot\nDisallow: /\n", "/a"),
    case("no agent", "User-agent:\nDisallow: /\n", "/a"),
    case("a group without an agent ends the one before", STAR + "Disallow: /p\nUser-agent:\nDisallow: /\n", "/a", "/p"),
    case("two agents, one group", "User-agent: newsmorgue\nUser-agent: otherbot\nDisallow: /p\n", "/a", "/p"),
    case("two agents with an empty line between", "User-agent: newsmorgue\n\nUser-agent: otherbot\nDisallow: /p\n", "/a", "/p"),
    case("two groups for us", "User-agent: newsmorgue\nDisallow: /p\nUser-agent: x\nDisallow: /\nUser-agent: newsmorgue\nDisallow: /q\n", "/a", "/p /q"),
    case("two groups for all", STAR + "Disallow: /p\n" + STAR + "Disallow: /q\n", "/a", "/p /q"),
    case("the same agent twice in a group", "User-agent: newsmorgue\nUser-agent: newsmorgue\nDisallow: /p\n", "/a", "/p"),
    case("a sitemap does not end a group", "User-agent: newsmorgue\nSitemap: https://paper.example/s\nUser-agent: x\nDisallow: /p\n", "/a", "/p"),
    case("a delay does not end a group", "User-agent: newsmorgue\nCrawl-delay: 3\nUser-agent: x\nDisallow: /p\n", "/a", "/p", delay=3),
    case("an unknown key does not end a group", "User-agent: newsmorgue\nNoindex: /\nUser-agent: x\nDisallow: /p\n", "/a", "/p"),
    case("the star with a space and words", "User-agent: * (all)\nDisallow: /p\n", "/a", "/p"),
    case("a star in a name", "User-agent: newsmorgue*\nDisallow: /p\n", "/a", "/p"),
    case("a star before a name", "User-agent: *bot\nDisallow: /\n", "/a"),
)  # fmt: skip


def rule(name: str, pattern: str, yes: str, no: str) -> Case:
    """A file of one Disallow."""
    return case(name, f"{STAR}Disallow: {pattern}\n", yes, no)


MATCHES = (
    rule("a path", "/fish", "/ /Fish /catfish /a?x=/fish", "/fish /fish.html /fish/salmon /fishheads /fish?x=1"),
    rule("a star at the end", "/fish*", "/Fish /desert", "/fish /fish.html /fish/a"),
    rule("a folder", "/fish/", "/fish /fish.html /FISH/", "/fish/ /fish/a /fish/?x=1"),
    rule("a star and an ending", "/*.php", "/ /windows.PHP", "/index.php /folder/file.php /f.php?x=1 /f.php/ /filephp.php5"),
    rule("an ending", "/*.php$", "/f.php?x=1 /f.php/ /f.php5", "/f.php /a/f.php"),
    rule("a star in the middle", "/fish*.php", "/Fish.PHP /a/fish.php", "/fish.php /fishheads/cat.php?x=1"),
    rule("two stars", "/a**b", "/a /b", "/ab /axb /axbx"),
    rule("a star alone", "*", "/robots.txt", "/ /a"),
    rule("a star first", "*/p", "/a /xp", "/p /x/p"),
    rule("the root alone", "/$", "/a /?x=1", "/"),
    rule("a dollar within is a dollar", "/a$b", "/a /ab", "/a$b /a%24b"),
    rule("an escaped dollar at the end is a dollar", "/a%24", "/a /ab", "/a$ /a$b"),
    rule("an escaped star is a star", "/a%2Ab", "/axb", "/a*b /a%2Ab /a%2ab"),
    rule("a query", "/*?print=", "/a", "/a?print=1 /a/b?print=2"),
    rule("a question mark alone", "/*?", "/a", "/a?x /?"),
    rule("case counts", "/Private", "/private", "/Private"),
    rule("letters beyond ASCII, as they are", "/caf\u00e9", "/cafe", "/caf\u00e9 /caf%C3%A9 /caf%c3%a9"),
    rule("letters beyond ASCII, escaped", "/caf%c3%a9", "/cafe", "/caf\u00e9 /caf%C3%A9"),
    case("letters in Latin-1", STAR.encode() + b"Disallow: /caf\xe9\n", "/cafe", "/caf%E9"),
    rule("letters escaped without need", "/%62ar", "/b", "/bar /%62%61r"),
    rule("an escaped slash is another path", "/a%2fb", "/a/b", "/a%2Fb /a%2fb"),
    rule("an address in a query, as it is", "/r?to=https://x.example", "/r", "/r?to=https://x.example /r?to=https%3A%2F%2Fx.example"),
    rule("an address in a query, escaped", "/r?to=https%3A%2F%2Fx.example", "/r", "/r?to=https://x.example /r?to=https%3A%2F%2Fx.example"),
    rule("a colon, escaped or not", "/a:b", "/ab", "/a:b /a%3Ab"),
    rule("a percent sign that escapes nothing", "/100%", "/100", "/100% /100%x"),
    rule("nothing of the host counts", "/paper.example", "/", "/paper.example"),
    case("the longest match wins", STAR + "Disallow: /p\nAllow: /p/x\n", "/p/x /p/x/y", "/p /p/y"),
    case("in any order", STAR + "Allow: /p/x\nDisallow: /p\n", "/p/x /p/x/y", "/p /p/y"),
    case("Allow wins among equals", STAR + "Disallow: /p\nAllow: /p\n", "/p"),
    case("a longer Disallow", STAR + "Allow: /p\nDisallow: /p/x\n", "/p", "/p/x"),
    case("the star counts as long as it is", STAR + "Allow: /page\nDisallow: /*.htm\n", "/page", "/page.htm"),
    case("an Allow of the root", STAR + "Allow: /$\nDisallow: /\n", "/", "/a /?x"),
    case("index.html is not the root", STAR + "Allow: /index.html\nDisallow: /\n", "/index.html", "/"),
    case("stars without end take no time", STAR + "Disallow: /" + "*a" * 5000 + "b\n", "/" + "a" * 5000),
)  # fmt: skip

REST = (
    case("a delay", STAR + "Crawl-delay: 10\nDisallow: /p\n", "/a", "/p", delay=10),
    case("a delay with a fraction", STAR + "Crawl-delay: 0.5\n", delay=0.5),
    case("a delay with a comma", STAR + "Crawl-delay: 1,5\n", delay=1.5),
    case("a delay in words", STAR + "Crawl-delay: 10 seconds\n", delay=10),
    case("a delay of nothing", STAR + "Crawl-delay: 0\n", delay=0),
    case("a delay below nothing", STAR + "Crawl-delay: -5\n", delay=None),
    case("a delay that is no number", STAR + "Crawl-delay: nan\nCrawl-delay: inf\n", delay=None),
    case("a delay without end", STAR + "Crawl-delay: " + "9" * 400 + "\n", delay=999_999_999),
    case("the longest of two delays", STAR + "Crawl-delay: 5\nCrawl-delay: 2\n", delay=5),
    case("another's delay", "User-agent: x\nCrawl-delay: 600\nUser-agent: *\nDisallow: /p\n", "/a", "/p", delay=None),
    case("our delay, not that of all", STAR + "Crawl-delay: 60\nUser-agent: newsmorgue\nCrawl-delay: 2\n", delay=2),
    case("our group has none", STAR + "Crawl-delay: 60\nUser-agent: newsmorgue\nDisallow: /p\n", "/a", "/p", delay=None),
    case("a rate", STAR + "Request-rate: 1/10\n", delay=10),
    case("a rate in minutes", STAR + "Request-rate: 2/1m\n", delay=30),
    case("a rate in hours of the day", STAR + "Request-rate: 30/1h 0900-1700\n", delay=120),
    case("a rate and a delay: the longer", STAR + "Crawl-delay: 5\nRequest-rate: 1/3\n", delay=5),
    case("a rate of none", STAR + "Request-rate: 0/10\nRequest-rate: x\n", delay=None),
    case("sitemaps", "Sitemap: https://paper.example/a.xml\n" + STAR + "Disallow: /p\nsitemap:/b.xml\n", "/a", "/p", sitemaps=("https://paper.example/a.xml", "https://paper.example/b.xml")),
    case("a sitemap in a group for others", "User-agent: x\nDisallow: /\nSitemap: https://paper.example/a.xml\n", sitemaps=("https://paper.example/a.xml",)),
    case("a sitemap with a comment", "SITEMAP : https://paper.example/a.xml # news\n", sitemaps=("https://paper.example/a.xml",)),
    case("the same sitemap twice", "Sitemap: /a.xml\nSitemap: /a.xml\n", sitemaps=("https://paper.example/a.xml",)),
    case("a sitemap that is none", "Sitemap: javascript:x\nSitemap:\n", sitemaps=()),
    case("a content signal", STAR + "Content-Signal: search=yes, AI-Train=No\nAllow: /\n", "/a", signals={"search": "yes", "ai-train": "no"}),
    case("a content signal before any group", "Content-Signal: ai-train=no\n" + STAR + "Disallow:\n", signals={"ai-train": "no"}),
    case("a content signal to all, rules for us", STAR + "Content-Signal: ai-train=no\nUser-agent: newsmorgue\nDisallow: /p\n", signals={"ai-train": "no"}),
    case("a content signal to us", STAR + "Content-Signal: ai-train=no\nUser-agent: newsmorgue\nContent-Signal: ai-train=yes\n", signals={"ai-train": "yes"}),
    case("a content signal to another", "User-agent: x\nContent-Signal: ai-train=no\nDisallow: /\n", signals={}),
    case("a content usage", STAR + "Content-Usage: train-ai=n\n", signals={"train-ai": "n"}),
    case("a content usage for a part", STAR + "Content-Usage: /free/ train-ai=y\n", signals={}),
    case("a signal without a value", STAR + "Content-Signal: search\n", signals={}),
    case("no AI crawlers", STAR + "Disallow: /\n", no="/a", ai=()),
    case("AI crawlers", "User-agent: GPTBot\nUser-agent: CCBot\nDisallow: /\n" + STAR + "Disallow: /p\n", "/a", "/p", ai=("ccbot", "gptbot")),
    case("an AI crawler with a part forbidden", "User-agent: GPTBot\nDisallow: /p\n", "/p", ai=()),
    case("an AI crawler that is allowed", "User-agent: GPTBot\nDisallow: /x\nAllow: /\n", ai=()),
    case("AI crawlers with a delay between", "User-agent: ClaudeBot\nCrawl-delay: 5\nUser-agent: Google-Extended\nDisallow: /\n", "/a", ai=("claudebot", "google-extended"), delay=None),
    case("others are no AI crawlers", "User-agent: otherbot\nDisallow: /\n", ai=()),
)  # fmt: skip

CASES = FORMS + GROUPS + MATCHES + REST
