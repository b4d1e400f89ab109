"""Sites as data: one small TOML file per newspaper.

Rules: the file's name (without .toml) is the site's id; unknown keys, wrong types and doubled ids are errors
that name file and key. Reading sites imports no crawler, so that a scheduler may do it often.
"""

import re
import tomllib
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from archive.errors import ConfigError, UnknownSite
from archive.policy import rules_of

QUIET = re.compile(r"([01]\d|2[0-3]):[0-5]\d\s*-\s*([01]\d|2[0-3]):[0-5]\d\Z")
ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")
FIELDS = ("yyyy", "yy", "mm", "m", "dd", "d", "page")
FIELD = re.compile(r"\{([^{}]*)\}")
KINDS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "float": (int, float),
    "int": (int,),
    "bool": (bool,),
    "list": (list,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A newspaper that we keep.

    `delay` is seconds between two requests to one host, `timeout` seconds for one request, `body_limit`
    bytes of one response body, `recheck_days` how long a known article is visited again after its last
    capture, `requisites_days` how long a style sheet or image counts as fresh. `schedule` is a cron line in
    `timezone`, or empty for "by hand only". `requisites` is "same-host", "all" or "none";
    `requisite_hosts` are further hosts for "same-host", `requisite_mb` bounds each in MiB, and `media` is
    whether audio and video are among them. `proxy` is a URL (http, socks4, socks5 or socks5h), `bind` an
    address of this machine; `verify_tls` = false takes any certificate and old ciphers. `hosts` are further
    hosts of this newspaper, `revisit` how often an article is looked at again by its age ("1d: 1h"). The
    budgets are what one run may ask of one host; 0 is no bound. `quiet` are hours in `timezone`
    ("23:00-06:00") in which nothing is asked for. `archives` are URLs of pages that list a day, month or
    year, with {yyyy}, {yy}, {mm}, {m}, {dd}, {d} and {page} where the date and the page number stand.
    `rights_fetch`, `rights_replay` and `rights_export` are the publisher's signals that forbid each
    (archive.policy); empty: as for all sites.
    """

    id: str
    name: str
    home: str
    feeds: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()
    sections: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()
    articles: str = ""
    schedule: str = ""
    timezone: str = "UTC"
    language: str = ""
    requisites: str = "same-host"
    requisite_hosts: tuple[str, ...] = ()
    requisite_mb: float = 16.0
    media: bool = False
    allow_private: bool = False
    delay: float = 1.0
    concurrency: int = 2
    timeout: float = 60.0
    proxy: str = ""
    bind: str = ""
    verify_tls: bool = True
    body_limit: int = 64 * 1024 * 1024
    recheck_days: float = 7.0
    requisites_days: float = 7.0
    limit: int = 0
    hosts: tuple[str, ...] = ()
    revisit: tuple[str, ...] = ()
    budget_requests: int = 0
    budget_mb: float = 0.0
    budget_minutes: float = 0.0
    quiet: tuple[str, ...] = ()
    rights_fetch: tuple[str, ...] = ()
    rights_replay: tuple[str, ...] = ()
    rights_export: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    notes: str = ""
    file: str = field(default="", compare=False)

    @property
    def host(self) -> str:
        """Host (and port, where given) of the home page."""
        return urlsplit(self.home).netloc


def load_sites(folder: Path) -> dict[str, Site]:
    """All sites of a folder, by id; raise ConfigError for the first wrong file."""
    if not folder.is_dir():
        raise ConfigError(
            f"{folder} is no folder of site files; set MORGUE_SITES or run `morgue site add URL`"
        )
    return {path.stem: load_site(path) for path in sorted(folder.glob("*.toml"))}


def find_site(folder: Path, name: str) -> Site:
    """The site whose id is `name`; raise UnknownSite with the ids that exist."""
    path = folder / f"{name}.toml"
    if not ID.match(name) or not path.is_file():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.toml"))) or "none yet; `morgue site add URL`"
        raise UnknownSite(f"no site {name!r} in {folder} (known: {known})")
    return load_site(path)


def load_site(path: Path) -> Site:
    """Read one site file; raise ConfigError that names file and key."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    return parse_site(data, site_id=path.stem, file=str(path))


def parse_site(data: dict[str, Any], *, site_id: str, file: str) -> Site:
    """Make a Site of TOML data; raise ConfigError that names file and key."""
    if not ID.match(site_id):
        raise ConfigError(
            f"{file}: the file's name must be of a-z, 0-9, _ and -, and begin with a letter or digit"
        )
    known = {f.name: f for f in fields(Site) if f.name not in ("id", "file")}
    for key in data:
        if key not in known:
            raise ConfigError(f"{file}: unknown key {key!r}; known keys: {', '.join(known)}")
    for key, spec in known.items():
        if spec.default is MISSING and key not in data:
            raise ConfigError(f"{file}: the key {key!r} is missing")
    site = Site(id=site_id, file=file, **{k: _value(file, k, str(known[k].type), v) for k, v in data.items()})
    return check_site(site)


def _value(file: str, key: str, kind: str, value: Any) -> Any:
    annotation = getattr(Site.__annotations__[key], "__name__", kind)
    wanted = "list" if annotation == "tuple" else annotation
    right = isinstance(value, KINDS[wanted]) and (wanted == "bool" or not isinstance(value, bool))
    if not right or (wanted == "list" and not all(isinstance(v, str) for v in value)):
        raise ConfigError(f"{file}: {key!r} must be {_SAID[wanted]}, not {value!r}")
    return tuple(value) if wanted == "list" else value


_SAID = {
    "str": "a text",
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "list": "a list of texts",
}


def check_site(site: Site) -> Site:
    """The site itself; raise ConfigError that names the wrong key."""
    if not ID.match(site.id):
        raise ConfigError(
            f"{site.id!r} is no site id: use a-z, 0-9, _ and -, and begin with a letter or digit"
        )
    _check(site)
    return site


def _check(site: Site) -> None:
    for key in ("home", "feeds", "sitemaps", "sections", "archives"):
        value = getattr(site, key)
        for url in (value,) if isinstance(value, str) else value:
            if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
                raise ConfigError(f"{site.file}: {key!r} holds {url!r}, which is no http(s) URL")
    if site.requisites not in ("same-host", "all", "none"):
        raise ConfigError(
            f"{site.file}: 'requisites' must be same-host, all or none, not {site.requisites!r}"
        )
    if site.concurrency < 1 or site.delay < 0 or site.timeout <= 0 or site.body_limit < 1 or site.limit < 0:
        raise ConfigError(
            f"{site.file}: delay, timeout, body_limit, limit and concurrency must not be negative"
        )
    if site.budget_requests < 0 or site.budget_mb < 0 or site.requisite_mb <= 0 or site.budget_minutes < 0:
        raise ConfigError(f"{site.file}: the budgets and requisite_mb must not be negative")
    _check_pattern(site)
    _check_archives(site)
    _check_clock(site)
    _check_times(site)
    for key in ("rights_fetch", "rights_replay", "rights_export"):
        try:
            rules_of(getattr(site, key))
        except ValueError as error:
            raise ConfigError(f"{site.file}: {key!r}: {error}") from error


def _check_pattern(site: Site) -> None:
    try:
        re.compile(site.articles)
    except re.error as error:
        raise ConfigError(f"{site.file}: 'articles' is no regular expression: {error}") from error


def _check_times(site: Site) -> None:
    from archive.agenda import steps_of

    try:
        steps_of(site.revisit)
    except ValueError as error:
        raise ConfigError(f"{site.file}: 'revisit': {error}") from error
    for span in site.quiet:
        if not QUIET.match(span):
            raise ConfigError(f"{site.file}: 'quiet' {span!r} is no span of hours; write \"23:00-06:00\"")


def _check_archives(site: Site) -> None:
    for text in site.archives:
        named = FIELD.findall(text)
        wrong = [f"{{{name}}}" for name in named if name not in FIELDS]
        if wrong:
            known = ", ".join(f"{{{name}}}" for name in FIELDS)
            raise ConfigError(f"{site.file}: 'archives' holds {wrong[0]}; known are {known}")
        year, month = {"yyyy", "yy"} & set(named), {"mm", "m"} & set(named)
        if ({"dd", "d"} & set(named) and not month) or (month and not year) or not (year or "page" in named):
            raise ConfigError(
                f"{site.file}: 'archives' holds {text!r}, which names no whole date and no {{page}}"
            )


def _check_clock(site: Site) -> None:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(site.timezone)
    except (KeyError, ValueError, OSError) as error:
        raise ConfigError(
            f"{site.file}: 'timezone' {site.timezone!r} is unknown; use e.g. Africa/Johannesburg"
        ) from error
    if site.schedule and len(site.schedule.split()) != 5:
        raise ConfigError(
            f"{site.file}: 'schedule' {site.schedule!r} is no cron line of five fields; e.g. \"0 * * * *\""
        )


def write_site(site: Site, folder: Path) -> Path:
    """Write a new site file; raise ConfigError where the id is taken."""
    path = folder / f"{site.id}.toml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(site_toml(site))
    except FileExistsError:
        raise ConfigError(f"{path} exists; edit it, or choose another name with --name") from None
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error
    return path


def site_toml(site: Site) -> str:
    """The file's text: only what differs from the defaults, with a word about each."""
    lines = ["# A newspaper that Newsmorgue keeps. Every key: docs/spider-author.md", ""]
    for spec in fields(Site):
        value = getattr(site, spec.name)
        if spec.name not in ("id", "file") and value != spec.default:
            lines.append(f"{spec.name} = {_toml(value)}")
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, tuple):
        return "[" + "".join(f"\n    {_toml(v)}," for v in value) + "\n]"
    escaped = "".join(_escape(c) for c in value)
    return f'"{escaped}"'


def _escape(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    return f"\\u{ord(char):04x}" if ord(char) < 32 or ord(char) == 127 else char
