"""Sites as data: one small TOML file per newspaper.

Rules: the file's name (without .toml) is the site's id; unknown keys, wrong types and doubled ids are errors
that name file and key. Reading sites imports no crawler, so that a scheduler may do it often.
"""

import re
import threading
import time
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from archive.errors import ConfigError, UnknownSite
from archive.policy import rules_of
from archive.selectors import Rules, parse_rules, tables_of

QUIET = re.compile(r"([01]\d|2[0-3]):[0-5]\d\s*-\s*([01]\d|2[0-3]):[0-5]\d\Z")
MANY_LINES = re.compile(r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'', re.S)
ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")
MOST_SHARDS = 64
LOOK_SECONDS = 1.0  # between two looks at a folder of site files
FIELDS = ("yyyy", "yy", "mm", "m", "dd", "d", "page")
FIELD = re.compile(r"\{([^{}]*)\}")
_NO_WORDS: Mapping[str, Iterable[str]] = MappingProxyType({})
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
    `rights_fetch`, `rights_keep`, `rights_replay` and `rights_export` are the publisher's signals that
    forbid each (archive.policy); empty: as for all sites. `catchup`, `pool`, `priority` and `owner` are those
    of its DAG; `overlap` says whether a run that comes due while the last is active waits ("queue") or is
    skipped where the next is due before it can begin ("skip"). `deadline` is hours within which a run that
    was due must have ended; 0 is the time between two runs of the schedule. `shards` is in how many tasks
    its hosts are crawled.
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
    rights_keep: tuple[str, ...] = ()
    rights_replay: tuple[str, ...] = ()
    rights_export: tuple[str, ...] = ()
    catchup: bool = False
    overlap: str = "queue"
    deadline: float = 0.0
    shards: int = 1
    pool: str = ""
    priority: int = 1
    owner: str = "newsmorgue"
    tags: tuple[str, ...] = ()
    notes: str = ""
    rules: tuple[Rules, ...] = ()
    rules_version: int = 0
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


class SiteFolder(Mapping[str, Site]):
    """The sites of a folder as their files are now; a folder that is not there has none.

    A file that was changed is read again, within a second. One that is wrong counts as it last was right;
    where it is wrong from the beginning, ConfigError is raised.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, tuple[tuple[int, int], Site | None]] = {}
        self._looked = 0.0
        self._lock = threading.Lock()
        if folder.is_dir():
            load_sites(folder)
        self._sites()

    def __getitem__(self, name: str) -> Site:
        return self._sites()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sites())

    def __len__(self) -> int:
        return len(self._sites())

    def _sites(self) -> dict[str, Site]:
        with self._lock:
            if time.monotonic() - self._looked > LOOK_SECONDS:
                self._read = {path.stem: self._one(path) for path in sorted(self._folder.glob("*.toml"))}
                self._looked = time.monotonic()
            return {name: site for name, (_, site) in self._read.items() if site}

    def _one(self, path: Path) -> tuple[tuple[int, int], Site | None]:
        known = self._read.get(path.stem)
        try:
            state = path.stat()
            mark = state.st_mtime_ns, state.st_size
            return known if known and known[0] == mark else (mark, load_site(path))
        except ConfigError:
            return mark, known[1] if known else None
        except OSError:  # it goes away at this moment
            return (0, 0), None


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
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        said = re.sub(r" \(at line \d+, column \d+\)\Z", "", str(error))
        found = re.search(r"\(at line (\d+), column \d+\)\Z", str(error))
        place = f"{path}, line {found[1]}" if found else str(path)
        raise ConfigError(f"{place}: not valid TOML: {said}") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    return parse_site(data, site_id=path.stem, file=str(path), text=text)


class _Fault(Exception):
    """What is wrong with a key; where that is, is said by the one who knows the file."""

    def __init__(self, key: str, message: str, value: str = "") -> None:
        super().__init__(message)
        self.key = key
        self.value = value


def line_of(text: str, key: str, value: str = "") -> int | None:
    """The line of a TOML text (from 1) where a top-level key begins, or its list's element `value`.

    tomllib tells no lines. Text of several lines is passed over, so that notes may speak of keys.
    """
    masked = MANY_LINES.sub(lambda found: "\n" * found[0].count("\n"), text)
    found = re.search(rf"""^[ \t]*["']?{re.escape(key)}["']?[ \t]*=""", masked, re.M)
    if not found:
        return None
    first = masked.count("\n", 0, found.start()) + 1
    end = re.compile(r"^[ \t]*[\w\"'-]+[ \t]*=", re.M).search(masked, found.end())
    place = masked.rfind(_toml(value), found.end(), end.start() if end else len(masked)) if value else -1
    return masked.count("\n", 0, place) + 1 if place >= 0 else first


def _place(file: str, text: str, key: str, value: str = "") -> str:
    line = line_of(text, key, value)
    return f"{file}, line {line}" if line else file


def parse_site(data: dict[str, Any], *, site_id: str, file: str, text: str = "") -> Site:
    """Make a Site of TOML data; raise ConfigError that names file, key, and line where `text` is given."""
    try:
        return _parsed(data, site_id, file)
    except _Fault as fault:
        raise ConfigError(f"{_place(file, text, fault.key, fault.value)}: {fault}") from None


def _parsed(data: dict[str, Any], site_id: str, file: str) -> Site:
    if not ID.match(site_id):
        raise ConfigError(
            f"{file}: the file's name must be of a-z, 0-9, _ and -, and begin with a letter or digit"
        )
    known = {f.name: f for f in fields(Site) if f.name not in ("id", "file")}
    for key in data:
        if key not in known:
            raise _Fault(key, f"unknown key {key!r}; known keys: {', '.join(known)}")
    for key, spec in known.items():
        if spec.default is MISSING and key not in data:
            raise _Fault(key, f"the key {key!r} is missing")
    site = Site(id=site_id, file=file, **{k: _value(k, str(known[k].type), v) for k, v in data.items()})
    _check(site)
    return site


def _value(key: str, kind: str, value: Any) -> Any:
    if key == "rules":
        try:
            return parse_rules(value)
        except ValueError as error:
            raise _Fault(key, f"'rules' {error}") from error
    annotation = getattr(Site.__annotations__[key], "__name__", kind)
    wanted = "list" if annotation == "tuple" else annotation
    right = isinstance(value, KINDS[wanted]) and (wanted == "bool" or not isinstance(value, bool))
    if not right or (wanted == "list" and not all(isinstance(v, str) for v in value)):
        raise _Fault(key, f"{key!r} must be {_SAID[wanted]}, not {value!r}")
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
    try:
        _check(site)
    except _Fault as fault:
        raise ConfigError(f"{site.file or site.id}: {fault}") from None
    return site


def _check(site: Site) -> None:
    _check_urls(site)
    if site.requisites not in ("same-host", "all", "none"):
        raise _Fault("requisites", f"'requisites' must be same-host, all or none, not {site.requisites!r}")
    bounds = ("delay", "limit", "rules_version", "budget_requests", "budget_mb", "budget_minutes", "deadline")
    for key in bounds:
        if getattr(site, key) < 0:
            raise _Fault(key, f"{key!r} must not be negative, not {getattr(site, key)}")
    for key in ("concurrency", "timeout", "body_limit", "requisite_mb"):
        if getattr(site, key) <= 0:
            raise _Fault(key, f"{key!r} must not be negative or 0, not {getattr(site, key)}")
    if not 1 <= site.shards <= MOST_SHARDS:
        raise _Fault("shards", f"'shards' must be 1 to {MOST_SHARDS}, not {site.shards}")
    _check_pattern(site)
    _check_archives(site)
    _check_clock(site)
    _check_times(site)
    if site.overlap not in ("queue", "skip"):
        raise _Fault("overlap", f'\'overlap\' is "queue" or "skip", not {site.overlap!r}')
    for key in ("rights_fetch", "rights_keep", "rights_replay", "rights_export"):
        try:
            rules_of(getattr(site, key))
        except ValueError as error:
            raise _Fault(key, f"{key!r}: {error}") from error


def _check_urls(site: Site) -> None:
    for key in ("home", "feeds", "sitemaps", "sections", "archives"):
        value = getattr(site, key)
        urls = (value,) if isinstance(value, str) else value
        for url in urls:
            if not _is_url(url):
                raise _Fault(key, f"{key!r} holds {url!r}, which is no http(s) URL", url)
            if urls.count(url) > 1:
                raise _Fault(key, f"{key!r} holds {url!r} twice", url)


def _is_url(url: str) -> bool:
    try:
        return urlsplit(url).scheme in ("http", "https") and bool(urlsplit(url).netloc)
    except ValueError:
        return False


def _check_pattern(site: Site) -> None:
    try:
        re.compile(site.articles)
    except re.error as error:
        raise _Fault("articles", f"'articles' is no regular expression: {error}") from error


def _check_times(site: Site) -> None:
    from archive.agenda import steps_of

    try:
        steps_of(site.revisit)
    except ValueError as error:
        raise _Fault("revisit", f"'revisit': {error}") from error
    for span in site.quiet:
        if not QUIET.match(span):
            raise _Fault("quiet", f"'quiet' {span!r} is no span of hours; write \"23:00-06:00\"", span)


def _check_archives(site: Site) -> None:
    for text in site.archives:
        named = FIELD.findall(text)
        wrong = [f"{{{name}}}" for name in named if name not in FIELDS]
        if wrong:
            known = ", ".join(f"{{{name}}}" for name in FIELDS)
            raise _Fault("archives", f"'archives' holds {wrong[0]}; known are {known}", text)
        year, month = {"yyyy", "yy"} & set(named), {"mm", "m"} & set(named)
        if ({"dd", "d"} & set(named) and not month) or (month and not year) or not (year or "page" in named):
            said = f"'archives' holds {text!r}, which names no whole date and no {{page}}"
            raise _Fault("archives", said, text)


def _check_clock(site: Site) -> None:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(site.timezone)
    except (KeyError, ValueError, OSError) as error:
        raise _Fault(
            "timezone", f"'timezone' {site.timezone!r} is unknown; use e.g. Africa/Johannesburg"
        ) from error
    if site.schedule and len(site.schedule.split()) != 5:
        raise _Fault(
            "schedule", f"'schedule' {site.schedule!r} is no cron line of five fields; e.g. \"0 * * * *\""
        )


def check_doubles(site: Site, folder: Path) -> None:
    """Raise ConfigError where another site file has the same name, home, feed or sitemap.

    Files that cannot be read are another matter, and passed over.
    """
    for path in sorted(folder.glob("*.toml")):
        if path.stem == site.id:
            continue
        try:
            other = load_site(path)
        except ConfigError:
            continue
        if double := _double(site, other):
            key, value = double
            text = Path(site.file).read_text(encoding="utf-8") if site.file else ""
            raise ConfigError(
                f"{_place(site.file or site.id, text, key, value)}: {key!r} {value!r} is in {path} as well"
            )


def _double(site: Site, other: Site) -> tuple[str, str] | None:
    for key in ("name", "home"):
        if getattr(site, key) == getattr(other, key):
            return key, getattr(site, key)
    for key in ("feeds", "sitemaps"):
        for url in getattr(site, key):
            if url in getattr(other, key):
                return key, url
    return None


def write_site(site: Site, folder: Path, why: Mapping[str, Iterable[str]] = _NO_WORDS) -> Path:
    """Write a new site file; raise ConfigError where the id is taken. `why`: see `site_toml`."""
    path = folder / f"{site.id}.toml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(site_toml(site, why))
    except FileExistsError:
        raise ConfigError(f"{path} exists; edit it, or choose another name with --name") from None
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error
    return path


def site_toml(site: Site, why: Mapping[str, Iterable[str]] = _NO_WORDS) -> str:
    """The file's text: what differs from the defaults, with `why` as comments before the key that it is of.

    A key that has words and no value is there as a comment: what was looked for, and not found.
    """
    lines = ["# A newspaper that Newsmorgue keeps. Every key: docs/spider-author.md", ""]
    for spec in fields(Site):
        value, words = getattr(site, spec.name), [_comment(line) for line in why.get(spec.name, ())]
        if spec.name in ("id", "file"):
            continue
        if words:
            lines += ["", *words] if lines[-1] else words
        if value != spec.default and spec.name != "rules":
            lines.append(f"{spec.name} = {_toml(value)}")
    told = rules_toml(site.rules)  # tables come last: all keys behind one belong to it
    return "\n".join(lines) + "\n" + (f"\n{told}" if told else "")


def rules_toml(rules: Iterable[Rules]) -> str:
    """The tables of rules, as a site file has them."""
    tables = (["[[rules]]", *(f"{k} = {_toml(v)}" for k, v in table.items())] for table in tables_of(rules))
    return "\n".join("\n".join(lines) + "\n" for lines in tables)


def _comment(line: str) -> str:
    """What no comment may hold (TOML 1.0, "Comment") becomes a space."""
    return "# " + "".join(
        " " if ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u2028\u2029" else c for c in line
    )


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | date):
        return str(value)
    if isinstance(value, tuple):
        return "[" + "".join(f"\n    {_toml(v)}," for v in value) + "\n]"
    escaped = "".join(_escape(c) for c in value)
    return f'"{escaped}"'


def _escape(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    return f"\\u{ord(char):04x}" if ord(char) < 32 or ord(char) == 127 else char
