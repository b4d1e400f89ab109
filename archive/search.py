"""Full-text search over the versions of articles: an SQLite file (FTS5) that follows the store.

A cache: losing it costs the time to read the article tables again. Rules: one transaction a table of rows, so
that a kill loses nothing and doubles nothing; one row for each thing that an article said, from the first
capture that said it; of a run that several extractors read, the newest one's rows count.

What people type never reaches SQLite as syntax: `match_of` takes it apart and quotes every word. Scripts that
set no spaces (Chinese, Japanese, Thai ...) are indexed as overlapping pairs of characters.
"""

import hashlib
import json
import re
import sqlite3
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from archive.articles import read_table, tables
from archive.copies import sample
from archive.errors import CallerError, DamagedTable
from archive.model import Article, ArticleRow, Location
from archive.store import Store
from archive.versions import canonical_of, own_id, plain_address
from archive.words import extractor_rank

SCHEMA = 4
COLUMNS = ("headline", "author", "body", "agency")
FACETS = ("site", "language", "section", "kind", "access")
WEIGHTS = "8.0, 4.0, 1.0, 2.0"  # of COLUMNS, for bm25
COUNTED = 5_000  # matches that are counted and faceted, at most: the answer says when there are more
SHOWN = "id, url, site, day, headline, version, body"
SNIPPET = 90  # characters on each side of what was found
SPACELESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003ffff]+"
)
UNFIT = re.compile("[\x00\ud800-\udfff]")  # what SQLite cannot take
TERM = re.compile(
    r'(?P<no>-?)(?:(?P<field>headline|author|body|agency):)?(?:"(?P<phrase>[^"]*)"?|(?P<word>\S+))'
)
TABLES = """
CREATE TABLE erased (key TEXT PRIMARY KEY);
CREATE TABLE told (run TEXT NOT NULL, name TEXT NOT NULL, rank TEXT NOT NULL, PRIMARY KEY (run, name));
CREATE TABLE seen (run TEXT NOT NULL, article INTEGER NOT NULL, captured TEXT NOT NULL, warc TEXT NOT NULL,
    offset INTEGER NOT NULL, length INTEGER NOT NULL, PRIMARY KEY (run, article, captured)) WITHOUT ROWID;
CREATE INDEX seen_article ON seen (article);
CREATE TABLE article (id INTEGER PRIMARY KEY, url TEXT NOT NULL, version TEXT NOT NULL, site TEXT NOT NULL,
    day TEXT NOT NULL, language TEXT, section TEXT, kind TEXT, access TEXT, first TEXT NOT NULL,
    plain TEXT NOT NULL, canon TEXT NOT NULL, number TEXT NOT NULL, authors TEXT NOT NULL,
    at TEXT NOT NULL, sampled INTEGER NOT NULL, UNIQUE (url, version));
CREATE TABLE sketch (day INTEGER NOT NULL, run INTEGER NOT NULL, article INTEGER NOT NULL,
    PRIMARY KEY (day, run, article)) WITHOUT ROWID;
CREATE INDEX article_plain ON article (plain);
CREATE INDEX article_canon ON article (canon) WHERE canon != '';
CREATE INDEX article_number ON article (number) WHERE number != '';
CREATE INDEX article_first ON article (site, first);
CREATE INDEX article_seen ON article (first);
CREATE INDEX article_day ON article (site, day);
CREATE TABLE said (id INTEGER PRIMARY KEY, headline TEXT NOT NULL, author TEXT NOT NULL, body TEXT NOT NULL,
    agency TEXT NOT NULL);
CREATE VIRTUAL TABLE words USING fts5 (headline, author, body, agency, content='',
    tokenize="unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'");
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is looked for. `words` as people type them ("": everything); days as "2026-11-20", both included;
    `sort` is "relevance" or "date" (newest first).
    """

    words: str = ""
    site: str = ""
    language: str = ""
    section: str = ""
    kind: str = ""
    access: str = ""
    author: str = ""
    since: str = ""
    until: str = ""
    sort: str = "relevance"
    limit: int = 20
    skip: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One version of an article; `snippet` is plain text, with what was found between U+0002 and U+0003."""

    url: str
    site: str
    day: str
    headline: str
    version: str
    captured: datetime
    warc: Location
    snippet: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One capture of an article: the table that holds its row (without the reader's part of its name);
    whether it is the first that said so, and whether it is the last of its URL.
    """

    group: str
    url: str
    version: str
    captured: datetime
    first: bool
    last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """An article that said something else before; `at` is when what it says was first seen."""

    url: str
    site: str
    at: datetime
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Hits, and how many there are in all (`more`: at least so many) by facet and by day."""

    hits: tuple[Hit, ...]
    count: int
    more: bool
    facets: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    days: list[tuple[str, int]] = field(default_factory=list)


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


class Search:
    """The search file of one archive; one question at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.db = self._opened()  # for `clusters`

    def _opened(self) -> sqlite3.Connection:
        try:
            return self._prepared()
        except sqlite3.DatabaseError as error:
            if "locked" in str(error) or "unable to open" in str(error):
                raise
        for name in (self.path, *(self.path.with_name(self.path.name + end) for end in ("-wal", "-shm"))):
            name.unlink(missing_ok=True)
        return self._prepared()

    def _prepared(self) -> sqlite3.Connection:
        # A stream of rows may be read on by another thread (DuckDB does so): SQLite locks by itself.
        db = sqlite3.connect(self.path, timeout=60, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute("PRAGMA secure_delete = ON")  # what was taken down is in no free page either
            db.execute("PRAGMA temp_store = MEMORY")
            with _transaction(db):
                _prepare(db)
        except BaseException:
            db.close()
            raise
        return db

    def close(self) -> None:
        """Let go of the file."""
        self.db.close()

    def follow(
        self,
        store: Store,
        *,
        progress: Callable[[int], None] | None = None,
        going: Callable[[], bool] = lambda: True,
    ) -> int:
        """Read the tables of the store that were not read yet, while `going`; how many that were."""
        self._forget_erased(store)
        told = {tuple(row) for row in self.db.execute("SELECT run, name FROM told")}
        count = 0
        for group, keys in sorted(tables(store).items()):
            for key in keys:
                if (group, _name(key)) in told:
                    continue
                if not going():
                    return count
                try:
                    extractor, rows = read_table(store, key)
                except DamagedTable:
                    continue  # `morgue extract --again` makes it anew; the others can be searched
                with _transaction(self.db):
                    self._take(group, _name(key), _rank(extractor), rows)
                count += 1
                if progress:
                    progress(count)
        return count

    def _forget_erased(self, store: Store) -> None:
        """What was taken down since the last time is read anew, without what was erased."""
        known = {row[0] for row in self.db.execute("SELECT key FROM erased")}
        for key in sorted(set(store.keys("audit/erased-")) - known):
            groups = json.loads(store.read(key)).get("groups", ())
            with _transaction(self.db):
                for group in groups:
                    self._forget(group)
                    self.db.execute("DELETE FROM told WHERE run = ?", (group,))
                self.db.execute("INSERT OR IGNORE INTO erased VALUES (?)", (key,))

    def _take(self, group: str, name: str, rank: str, rows: list[ArticleRow]) -> None:
        known = self.db.execute("SELECT name, rank FROM told WHERE run = ?", (group,)).fetchall()
        if name in {told for told, _ in known}:  # another process was faster
            return
        self.db.execute("INSERT INTO told VALUES (?, ?, ?)", (group, name, rank))
        if any(other > rank for _, other in known):
            return
        if known:
            self._forget(group)
        self._runs: list[tuple[int, int, int]] = []
        for row in rows:
            self._add(group, row)
        # In the order of the index, and not of the articles: half the time.
        self.db.executemany("INSERT INTO sketch VALUES (?, ?, ?)", sorted(self._runs))

    def _forget(self, group: str) -> None:
        """Drop what an older extractor said of a run, and the articles that nobody else saw."""
        db = self.db
        were = [row[0] for row in db.execute("SELECT DISTINCT article FROM seen WHERE run = ?", (group,))]
        db.execute("DELETE FROM seen WHERE run = ?", (group,))
        for number in were:
            if first := db.execute("SELECT min(captured) FROM seen WHERE article = ?", (number,)).fetchone()[
                0
            ]:
                db.execute("UPDATE article SET first = ? WHERE id = ?", (first, number))
                continue
            text = db.execute("SELECT headline, author, body, agency FROM said WHERE id = ?", (number,))
            db.execute(
                "INSERT INTO words (words, rowid, headline, author, body, agency) "
                "VALUES ('delete', ?, ?, ?, ?, ?)",
                (number, *map(spaced, text.fetchone())),
            )
            day = db.execute("SELECT day FROM article WHERE id = ?", (number,)).fetchone()[0]
            runs = sample(body_of(db, number))
            db.executemany("DELETE FROM sketch WHERE day = ? AND run = ? AND article = ?",
                           [(date_of(day), run, number) for run in runs])  # fmt: skip
            db.execute("DELETE FROM article WHERE id = ?", (number,))
            db.execute("DELETE FROM said WHERE id = ?", (number,))

    def _add(self, group: str, row: ArticleRow) -> None:
        db, a = self.db, row.article
        found = db.execute(
            "SELECT id FROM article WHERE url = ? AND version = ?", (a.url, row.version)
        ).fetchone()
        seen_at = row.captured.isoformat()
        if found:
            number = found[0]
            db.execute("UPDATE article SET first = ? WHERE id = ? AND first > ?", (seen_at, number, seen_at))
        else:
            body = "\n".join([*([a.standfirst] if a.standfirst else []), *a.body])
            texts = (a.headline or "", "; ".join(a.authors), body, a.agency or "")
            day = f"{a.published or row.captured:%Y-%m-%d}"
            facets = (a.language, a.section, a.kind, a.access)
            runs = sample(body)
            told = ((a.published or row.captured).astimezone(UTC).isoformat(), len(runs))
            number = db.execute(
                "INSERT INTO article (url, version, site, day, language, section, kind, access, first, "
                "plain, canon, number, authors, at, sampled) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (a.url, row.version, row.site, day, *facets, seen_at, *names_of(a), texts[1], *told),
            ).lastrowid
            days = date_of(day)
            self._runs += ((days, run, int(number or 0)) for run in runs)
            db.execute("INSERT INTO said VALUES (?, ?, ?, ?, ?)", (number, *texts))
            db.execute(
                "INSERT INTO words (rowid, headline, author, body, agency) VALUES (?, ?, ?, ?, ?)",
                (number, *map(spaced, texts)),
            )
        place = (row.warc.warc, row.warc.offset, row.warc.length)
        db.execute(
            "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?, ?)",
            (group, number, seen_at, *place),
        )

    def ask(self, question: Question, *, facets: bool = False) -> Answer:
        """The answer to a question; raise CallerError where it cannot be asked.

        Of more than 5,000 matches those that were added last are counted and sorted, which `more` says.
        """
        count = self._match(question)
        order = "day DESC, id DESC" if question.sort == "date" else "score, id DESC"
        rows = self.db.execute(
            # What is put together here and below are our own names; what was asked stands in the values.
            f"SELECT {SHOWN} FROM temp.hit JOIN article USING (id) JOIN said USING (id) "  # noqa: S608
            f"ORDER BY {order} LIMIT ? OFFSET ?",
            (question.limit, question.skip),
        ).fetchall()
        hits = tuple(self._hit(row, question.words) for row in rows)
        counts = {name: self._counts(name, 20) for name in FACETS} if facets else {}
        counts |= {"author": self._authors()} if facets else {}
        days = sorted(self._counts("day", 100_000)) if facets else []
        return Answer(hits=hits, count=min(count, COUNTED), more=count > COUNTED, facets=counts, days=days)

    def _match(self, question: Question) -> int:
        """Fill the table `hit` with what matches; how much that is, one too much where there is more."""
        where, values = _where(question)
        self.db.execute("DROP TABLE IF EXISTS temp.hit")
        if not question.words.strip():
            self.db.execute(
                f"CREATE TEMP TABLE hit AS SELECT id, 0.0 AS score FROM article WHERE 1{where} "  # noqa: S608
                f"ORDER BY id DESC LIMIT {COUNTED + 1}",
                values,
            )
        else:
            join = "JOIN article ON article.id = words.rowid " if where else ""
            self.db.execute(
                f"CREATE TEMP TABLE hit AS SELECT words.rowid AS id, bm25(words, {WEIGHTS}) AS score "  # noqa: S608
                f"FROM words {join}WHERE words MATCH ?{where} ORDER BY words.rowid DESC LIMIT {COUNTED + 1}",
                (match_of(question.words), *values),
            )
        return int(self.db.execute("SELECT count(*) FROM temp.hit").fetchone()[0])

    def every(self, question: Question, *, urls: Sequence[str] = ()) -> Iterator[Found]:
        """All that a question finds, without limit, each article's captures in order; `sort` does not count.

        With `urls` only the articles at these addresses, in any form of them (plain address).

        They come by the table that holds them, so that a reader needs each table once and one at a time.
        """
        where, values = _where(question)
        if urls:
            where += f" AND plain IN ({','.join('?' * len(urls))})"
            values = (*values, *map(plain_address, urls))
        match: tuple[str, ...] = (match_of(question.words),) if question.words.strip() else ()
        words = "AND article.id IN (SELECT rowid FROM words WHERE words MATCH ?)" if match else ""
        rows = self.db.execute(
            "SELECT seen.run, url, version, captured, captured = first, "  # noqa: S608
            "captured = (SELECT max(s.captured) FROM article a JOIN seen s ON s.article = a.id "
            "WHERE a.url = article.url) FROM article JOIN seen ON seen.article = article.id "
            f"WHERE 1{where} {words} ORDER BY seen.run, captured, url",
            (*values, *match),
        )
        for group, url, version, captured, first, last in rows:
            yield Found(
                group=group, url=url, version=version, captured=datetime.fromisoformat(captured),
                first=bool(first), last=bool(last),
            )  # fmt: skip

    def groups_of(self, url: str) -> list[str]:
        """The tables (without the reader's part of their names) that may hold the article at an address.

        All that share an address in plain form, a canonical address, or host and the newspaper's own number:
        `versions.identities` judges which of them are one article.
        """
        names = {plain_address(url)}
        for _ in range(4):  # AMP page, canonical page, the page it moved to: chains are short
            marks = ",".join("?" * len(names))
            rows = self.db.execute(
                f"SELECT DISTINCT plain, canon, number FROM article WHERE plain IN ({marks}) "  # noqa: S608
                f"OR (canon != '' AND canon IN ({marks})) OR (number != '' AND number IN ({marks}))",
                (*names, *names, *names),
            )
            found = names | {name for row in rows for name in row if name}
            if found == names or len(found) > 200:
                break
            names = found
        marks = ",".join("?" * len(names))
        return [
            row[0]
            for row in self.db.execute(
                "SELECT DISTINCT seen.run FROM article JOIN seen ON seen.article = article.id "  # noqa: S608
                f"WHERE plain IN ({marks}) ORDER BY 1",
                tuple(names),
            )
        ]

    def edited(self, *, site: str = "", words: str = "", limit: int = 50) -> list[Edited]:
        """Articles that said something else before: the newest first, by when the new text was first seen.

        A hint, since it knows neither readers nor addresses well: `archive.history` says what is an edit.
        """
        match = match_of(words) if words.strip() else ""
        asked = {
            "AND site = ?": site,
            "AND id IN (SELECT rowid FROM words WHERE words MATCH ?)": match,
        }
        tests = {test: value for test, value in asked.items() if value}
        rows = self.db.execute(
            "SELECT url, site, first, version FROM article AS late WHERE EXISTS (SELECT 1 FROM article "  # noqa: S608
            f"AS early WHERE early.plain = late.plain AND early.first < late.first) {' '.join(tests)} "
            "ORDER BY first DESC LIMIT ?",
            (*tests.values(), limit),
        )
        return [Edited(url=u, site=of, at=datetime.fromisoformat(at), version=v) for u, of, at, v in rows]

    def first_seen(self, number: int) -> tuple[datetime, str, int, int]:
        """When an article was first seen saying this, and the WARC, offset and length of that capture."""
        captured, warc, offset, length = self.db.execute(
            "SELECT captured, warc, offset, length FROM seen WHERE article = ? ORDER BY captured LIMIT 1",
            (number,),
        ).fetchone()
        return datetime.fromisoformat(captured), warc, offset, length

    def knows(self, url: str) -> bool:
        """Whether an article of this address (in any form of it) is known."""
        asked = "SELECT 1 FROM article WHERE plain = ? LIMIT 1"
        return self.db.execute(asked, (plain_address(url),)).fetchone() is not None

    def headline_of(self, url: str) -> str:
        """The latest headline of the article at an address; "" where it is not known."""
        row = self.db.execute(
            "SELECT headline FROM article JOIN said USING (id) WHERE plain = ? ORDER BY first DESC LIMIT 1",
            (plain_address(url),),
        ).fetchone()
        return str(row[0]) if row else ""

    def tables_read(self) -> int:
        """How many tables of articles were read."""
        return int(self.db.execute("SELECT count(*) FROM told").fetchone()[0])

    def _counts(self, name: str, most: int) -> list[tuple[str, int]]:
        return self.db.execute(
            f"SELECT {name}, count(*) AS n FROM temp.hit JOIN article USING (id) "  # noqa: S608
            f"WHERE {name} != '' GROUP BY {name} ORDER BY n DESC, {name} LIMIT ?",
            (most,),
        ).fetchall()

    def _authors(self) -> list[tuple[str, int]]:
        rows = self.db.execute(
            "SELECT authors, count(*) FROM temp.hit JOIN article USING (id) WHERE authors != '' GROUP BY 1"
        )
        found: Counter[str] = Counter()
        for names, count in rows:
            for name in names.split("; "):
                found[name] += count
        return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:20]

    def _hit(self, row: tuple[int, str, str, str, str, str, str], words: str) -> Hit:
        number, url, site, day, headline, version, body = row
        captured, warc, offset, length = self.first_seen(number)
        return Hit(
            url=url, site=site, day=day, headline=headline, version=version,
            captured=captured, snippet=snippet_of(body, words),
            warc=Location(warc=warc, offset=offset, length=length),
        )  # fmt: skip


def date_of(day: str) -> int:
    """The number of a day ("2026-11-20")."""
    return date.fromisoformat(day).toordinal()


def body_of(db: sqlite3.Connection, number: int) -> str:
    """The text of an article, standfirst first."""
    return str(db.execute("SELECT body FROM said WHERE id = ?", (number,)).fetchone()[0])


def names_of(article: Article) -> tuple[str, str, str]:
    """By what other captures of an article are known: plain address, canonical one, host and own number."""
    plain = plain_address(article.url)
    canonical = canonical_of(article)
    number = own_id(article.url)
    return (
        plain,
        canonical if canonical != plain else "",
        f"{plain.partition('/')[0]} {number}" if number else "",
    )


def _where(question: Question) -> tuple[str, tuple[str, ...]]:
    wanted = {f"{name} = ?": getattr(question, name) for name in FACETS}
    wanted |= {"day >= ?": question.since, "day <= ?": question.until}
    author = f"; {question.author}; " if question.author else ""
    wanted |= {"instr('; ' || authors || '; ', ?) > 0": author}
    said = {test: value for test, value in wanted.items() if value}
    return "".join(f" AND {test}" for test in said), tuple(UNFIT.sub(" ", v) for v in said.values())


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


def _prepare(db: sqlite3.Connection) -> None:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, SCHEMA):
        raise sqlite3.DatabaseError("of another version")
    if not version:
        for statement in TABLES.split(";\n"):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {SCHEMA}")


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _name(key: str) -> str:
    return key.rpartition("/")[2]


def _rank(extractor: str) -> str:
    """An extractor's rank as a text that sorts as it does."""
    return ".".join(f"{number:08}" for number in extractor_rank(extractor))


def search_path(folder: Path, archive: str) -> Path:
    """Where the search file of an archive lies: one for each archive."""
    return folder / f"{hashlib.sha256(archive.encode()).hexdigest()[:16]}.sqlite"


def opened(folder: Path, store: Store) -> "closing[Search]":
    """The search file of a store, to be closed by `with`."""
    return closing(Search(search_path(folder, store.url)))
