"""The search file: its tables, and how it is opened."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archive.errors import SearchFailed

SCHEMA = 7
DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
OLDER = "of another version"
SHARD = 16  # bits of an article's number within its shard
SETTINGS = (
    "page_size = 8192",
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "wal_autocheckpoint = 8000",
    "cache_size = -65536",
    "mmap_size = 268435456",
    "secure_delete = ON",  # what was taken down is in no free page either
    "temp_store = MEMORY",
)
LEAN = ("mmap_size = 0", "cache_size = -16384")
TABLES = """
CREATE TABLE erased (key TEXT PRIMARY KEY);
CREATE TABLE heard (report TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE event (at TEXT NOT NULL, kind TEXT NOT NULL, site TEXT NOT NULL, url TEXT NOT NULL,
    plain TEXT NOT NULL, detail TEXT NOT NULL, goal TEXT NOT NULL);
CREATE INDEX event_at ON event (at);
CREATE INDEX event_plain ON event (plain);
CREATE INDEX event_goal ON event (goal) WHERE goal != '';
CREATE TABLE told (run TEXT NOT NULL, name TEXT NOT NULL, rank TEXT NOT NULL, PRIMARY KEY (run, name));
CREATE TABLE value (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE seen (run INTEGER NOT NULL, article INTEGER NOT NULL, captured TEXT NOT NULL,
    warc INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
    PRIMARY KEY (run, article, captured)) WITHOUT ROWID;
CREATE INDEX seen_article ON seen (article, captured);
CREATE TABLE article (id INTEGER PRIMARY KEY, url TEXT NOT NULL, version TEXT NOT NULL, site TEXT NOT NULL,
    day TEXT NOT NULL, first TEXT NOT NULL, plain TEXT NOT NULL, canon TEXT NOT NULL, number TEXT NOT NULL,
    authors TEXT NOT NULL, at TEXT NOT NULL, sampled INTEGER NOT NULL, name INTEGER NOT NULL UNIQUE,
    page INTEGER NOT NULL, lead INTEGER NOT NULL, dated INTEGER NOT NULL, cms TEXT NOT NULL);
CREATE TABLE page (name INTEGER PRIMARY KEY, site INTEGER NOT NULL, quarter INTEGER NOT NULL,
    last TEXT NOT NULL, article INTEGER NOT NULL);
CREATE INDEX page_day ON page (site, quarter);
CREATE TABLE facet (id INTEGER PRIMARY KEY, day INTEGER NOT NULL, site INTEGER NOT NULL,
    language INTEGER NOT NULL, section INTEGER NOT NULL, kind INTEGER NOT NULL, access INTEGER NOT NULL,
    signed INTEGER NOT NULL);
CREATE INDEX facet_site ON facet (site, day);
CREATE TABLE mark (name TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE sketch (day INTEGER NOT NULL, run INTEGER NOT NULL, article INTEGER NOT NULL,
    PRIMARY KEY (day, run, article)) WITHOUT ROWID;
CREATE INDEX article_plain ON article (plain);
CREATE INDEX article_canon ON article (canon) WHERE canon != '';
CREATE INDEX article_number ON article (number) WHERE number != '';
CREATE INDEX article_cms ON article (cms) WHERE cms != '';
CREATE INDEX article_first ON article (site, first);
CREATE INDEX article_seen ON article (first);
CREATE TABLE said (id INTEGER PRIMARY KEY, headline TEXT NOT NULL, author TEXT NOT NULL, body TEXT NOT NULL,
    agency TEXT NOT NULL)
"""
UNUSED = """
DELETE FROM value WHERE id NOT IN (SELECT run FROM seen UNION SELECT warc FROM seen
    UNION SELECT site FROM facet UNION SELECT language FROM facet
    UNION SELECT section FROM facet UNION SELECT kind FROM facet
    UNION SELECT access FROM facet UNION SELECT signed FROM facet)
"""
WORDS = """CREATE VIRTUAL TABLE words_{shard} USING fts5 (headline, author, body, agency, mark, content='',
    tokenize="unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'")"""


def opened_file(path: Path) -> sqlite3.Connection:
    """The file at a path, with its tables; made anew where it is none of this version."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SearchFailed(
            f"the search file {path} cannot be made ({error.strerror}); MORGUE_SEARCH names another folder"
        ) from error
    try:
        return _prepared(path)
    except sqlite3.DatabaseError as error:
        if error.args != (OLDER,) and _code(error) not in DAMAGE:
            raise
    discard(path)
    return _prepared(path)


def lean(db: sqlite3.Connection) -> None:
    """Hold little of the file in memory from now on: for one pass over all of it."""
    for setting in LEAN:
        db.execute(f"PRAGMA {setting}")


def discard(path: Path) -> None:
    """Remove the file, which is no more than a cache; who has it open goes on with what it was."""
    for name in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        name.unlink(missing_ok=True)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Tell errors of the file as ours, in one line; a damaged one is removed. Raise SearchFailed."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if _code(error) in DAMAGE:
            discard(path)
            raise SearchFailed(f"the search file {path} was damaged; ask again: it is made anew") from error
        if _code(error) in (sqlite3.SQLITE_ERROR, 0):
            raise  # a mistake of ours
        raise SearchFailed(
            f"the search file {path} cannot be used ({error}); MORGUE_SEARCH names another folder for it"
        ) from error


def _code(error: sqlite3.DatabaseError) -> int:
    return int(getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def _prepared(path: Path) -> sqlite3.Connection:
    # A stream of rows may be read on by another thread (DuckDB does so): SQLite locks by itself.
    db = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
    try:
        for setting in SETTINGS:
            db.execute(f"PRAGMA {setting}")
        _prepare(db)
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection) -> None:
    """Make the tables where there are none; that alone takes the lock of a writer."""
    if _version(db) == SCHEMA:
        return
    with transaction(db):
        version = _version(db)
        if version not in (0, SCHEMA):
            raise sqlite3.DatabaseError(OLDER)
        if not version:
            for statement in TABLES.split(";\n"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {SCHEMA}")


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All of it, or nothing; other writers wait."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


@dataclass(slots=True, kw_only=True)
class Taking:
    """Rows that are gathered to be written together."""

    next_id: int
    names: dict[int, int] = field(default_factory=dict)
    articles: dict[int, list[Any]] = field(default_factory=dict)
    facets: list[tuple[int, ...]] = field(default_factory=list)
    said: list[tuple[Any, ...]] = field(default_factory=list)
    seen: list[tuple[Any, ...]] = field(default_factory=list)
    sketch: list[tuple[int, int, int]] = field(default_factory=list)
    pages: list[tuple[int, int, int, str, int]] = field(default_factory=list)

    def earlier(self, number: int, seen_at: str) -> None:
        """An article of these was seen at another time as well."""
        self.articles[number][4] = min(self.articles[number][4], seen_at)

    def written(self) -> None:
        """All that was gathered is in the file."""
        for each in (self.names, self.articles, self.facets, self.said, self.seen, self.sketch, self.pages):
            each.clear()
