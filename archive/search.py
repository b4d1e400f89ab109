"""Full-text search over the versions of articles: an SQLite file (FTS5) that follows the store.

A cache: losing it costs the time to read the article tables again. Rules: what is read is taken in
transactions of whole tables, so that a kill loses nothing and doubles nothing; one row for each thing that an
article said, from the first capture that said it; of a run that several extractors read, the newest one's
rows count.

Words lie in shards of 65,536 articles, in the order in which they were added. A question is asked of the
newest shard first, and of older ones while fewer than 2,000 matches were found: `bm25` reads all that a shard
has of a word, so that with one shard a common word would cost the more the larger the archive is. What is
counted lies in a narrow table beside, as numbers.
"""

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, date, datetime
from heapq import nsmallest
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from archive.access import Access
from archive.articles import tables
from archive.copies import sample
from archive.daybook import PUT, mend, quarter_of
from archive.errors import CallerError
from archive.filing import SHARD, UNUSED, WORDS, Taking, explained, opened_file, transaction
from archive.intake import Table, batches, name_of
from archive.marks import counted, marks_of, narrowed
from archive.model import Article, ArticleRow, Location
from archive.query import UNFIT, author_match, match_of, snippet_of, spaced
from archive.question import Answer, Edited, Found, Hit, Question
from archive.spans import Span, captures_of
from archive.store import Store
from archive.tidings import Event, hear, lost, moves
from archive.versions import canonical_of, own_id, plain_address, system_id
from archive.withheld import Withheld

COLUMNS = ("headline", "author", "body", "agency")
FACETS = ("site", "language", "section", "kind", "access")
WEIGHTS = "8.0, 4.0, 1.0, 2.0, 0.0"  # of COLUMNS and marks, for bm25
INDEXED = ", ".join((*COLUMNS, "mark"))
EVER = Span()
COUNTED = 2_000  # matches that are counted and faceted, at most: the answer says when there are more
TEXTS = 100_000  # texts that are kept in memory, at most
SHOWN = "url, site, day, headline, version, body"


class Search:
    """The search file of one archive; one question at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.db = opened_file(path)  # for `clusters`
        self.due = 0  # tables that the last `follow` found unread
        self._values: dict[str, int] = {}
        self._known_texts: dict[int, str] = {}
        self._temporary = 0
        self._withheld = Withheld(self.db)

    def close(self) -> None:
        """Let go of the file."""
        self.db.close()

    # --- following the store --------------------------------------------------------------------------------

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
        fresh = [
            (group, key)
            for group, keys in sorted(tables(store).items())
            for key in keys
            if (group, name_of(key)) not in told
        ]
        self.due, count = len(fresh), 0
        for batch in batches(store, fresh):
            if not going():
                break
            with transaction(self.db):
                self._values.clear()  # another process may have dropped some
                self._take_all(batch)
            count += len(batch)
            if progress:
                progress(count)
        hear(self.db, store, going)
        return count

    def _forget_erased(self, store: Store) -> None:
        """What was taken down since the last time is read anew, without what was erased."""
        known = {row[0] for row in self.db.execute("SELECT key FROM erased")}
        for key in sorted(set(store.keys("audit/erased-")) - known):
            groups = json.loads(store.read(key)).get("groups", ())
            with transaction(self.db):
                for group in groups:
                    self._forget(group)
                    self.db.execute("DELETE FROM told WHERE run = ?", (group,))
                self.db.execute(UNUSED)
                self.db.execute("INSERT OR IGNORE INTO erased VALUES (?)", (key,))

    def _take_all(self, batch: list[Table]) -> None:
        taking = Taking(next_id=self._next_id())
        for table in batch:
            self._take(taking, table)
        self._write(taking)

    def _take(self, taking: Taking, table: Table) -> None:
        group, name, rank, rows = table
        known = self.db.execute("SELECT name, rank FROM told WHERE run = ?", (group,)).fetchall()
        if name in {told for told, _ in known}:  # another process was faster
            return
        self.db.execute("INSERT INTO told VALUES (?, ?, ?)", (group, name, rank))
        if any(other > rank for _, other in known):
            return
        if known:
            self._write(taking)
            self._forget(group)
        for row in rows:
            self._add(taking, group, row)

    def _next_id(self) -> int:
        return int(self.db.execute("SELECT coalesce(max(id), 0) + 1 FROM article").fetchone()[0])

    def _add(self, taking: Taking, group: str, row: ArticleRow) -> None:
        a = row.article
        name = _digest(a.url, row.version)
        seen_at = row.captured.isoformat()
        number = taking.names.get(name) or self._known(name, seen_at)
        if not number:
            number = taking.names[name] = taking.next_id
            taking.next_id += 1
            self._add_new(taking, number, name, row)
        elif name in taking.names:
            taking.earlier(number, seen_at)
        place = (self._value(row.warc.warc), row.warc.offset, row.warc.length)
        taking.seen.append((self._value(group), number, seen_at, *place))
        quarter = quarter_of(a.published or row.captured)
        taking.pages.append((_digest(a.url), self._value(row.site), quarter, seen_at, number))

    def _known(self, name: int, seen_at: str) -> int:
        found = self.db.execute("SELECT id, first FROM article WHERE name = ?", (name,)).fetchone()
        if found is None:
            return 0
        if seen_at < found[1]:
            self.db.execute("UPDATE article SET first = ? WHERE id = ?", (seen_at, found[0]))
        return int(found[0])

    def _add_new(self, taking: Taking, number: int, name: int, row: ArticleRow) -> None:
        a = row.article
        body = "\n".join([*([a.standfirst] if a.standfirst else []), *a.body])
        texts = (a.headline or "", "; ".join(a.authors), body, a.agency or "")
        at = a.published or row.captured
        day = f"{at:%Y-%m-%d}"
        days = date_of(day)
        runs = sample(body)
        told = (a.language, a.section, a.kind, a.access, texts[1])
        taking.articles[number] = [
            a.url, row.version, row.site, day, row.captured.isoformat(), *names_of(a), texts[1],
            at.astimezone(UTC).isoformat(), len(runs), name, _digest(a.url), len(a.standfirst or ""),
            bool(a.published), system_id(a), number,
        ]  # fmt: skip
        taking.facets.append((number, days, *(self._value(text or "") for text in (row.site, *told))))
        taking.sketch += ((days, run, number) for run in runs)
        taking.said.append((number, *texts))

    def _write(self, taking: Taking) -> None:
        """Write what was gathered, each table at once and in its own order: half the time."""
        db = self.db
        db.executemany(
            "INSERT INTO article (url, version, site, day, first, plain, canon, number, authors, at, "
            "sampled, name, page, lead, dated, cms, id) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            taking.articles.values(),
        )
        db.executemany("INSERT INTO facet VALUES (?, ?, ?, ?, ?, ?, ?, ?)", taking.facets)
        db.executemany("INSERT INTO said VALUES (?, ?, ?, ?, ?)", taking.said)
        db.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?, ?)", sorted(taking.seen))
        db.executemany(PUT, sorted(taking.pages))
        db.executemany("INSERT INTO sketch VALUES (?, ?, ?)", sorted(taking.sketch))
        counted(db, taking.facets)
        both = zip(taking.said, taking.facets, strict=True)
        for shard, rows in groupby(both, key=lambda pair: pair[0][0] >> SHARD):
            if shard not in self._shards():
                db.execute(WORDS.format(shard=shard))
            db.executemany(
                f"INSERT INTO words_{shard} (rowid, {INDEXED}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608
                ((said[0], *_indexed(said[1:], facet)) for said, facet in rows),
            )
        taking.written()

    def _value(self, text: str) -> int:
        """The number of a text that many rows have."""
        if number := self._values.get(text):
            return number
        found = self.db.execute("SELECT id FROM value WHERE text = ?", (text,)).fetchone()
        if found is None:
            number = int(self.db.execute("INSERT INTO value (text) VALUES (?)", (text,)).lastrowid or 0)
        else:
            number = int(found[0])
        if len(self._values) > 100_000:
            self._values.clear()
        self._values[text] = number
        return number

    def _shards(self) -> list[int]:
        """The shards that there are, newest first."""
        names = self.db.execute(
            "SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE words_%'"
        )
        return sorted((int(name.rpartition("_")[2]) for (name,) in names), reverse=True)

    def _forget(self, group: str) -> None:
        """Drop what an older extractor said of a run, and the articles that nobody else saw."""
        db, run = self.db, self._value(group)
        were = [row[0] for row in db.execute("SELECT DISTINCT article FROM seen WHERE run = ?", (run,))]
        named = (
            "SELECT DISTINCT page, plain, url FROM article JOIN seen ON article = article.id WHERE run = ?"
        )
        pages = db.execute(named, (run,)).fetchall()
        db.execute("DELETE FROM seen WHERE run = ?", (run,))
        for number in were:
            first = db.execute("SELECT min(captured) FROM seen WHERE article = ?", (number,)).fetchone()[0]
            if first:
                db.execute("UPDATE article SET first = ? WHERE id = ?", (first, number))
                continue
            self._drop(number)
        for page in pages:
            mend(db, *page)

    def _drop(self, number: int) -> None:
        db, shard = self.db, number >> SHARD
        text = db.execute(
            "SELECT headline, author, body, agency FROM said WHERE id = ?", (number,)
        ).fetchone()
        facet = db.execute("SELECT * FROM facet WHERE id = ?", (number,)).fetchone()
        db.execute(
            f"INSERT INTO words_{shard} (words_{shard}, rowid, {INDEXED}) "  # noqa: S608
            "VALUES ('delete', ?, ?, ?, ?, ?, ?)",
            (number, *_indexed(text, facet)),
        )
        counted(db, [facet], gone=True)
        day = db.execute("SELECT day FROM article WHERE id = ?", (number,)).fetchone()[0]
        runs = sample(body_of(db, number))
        db.executemany("DELETE FROM sketch WHERE day = ? AND run = ? AND article = ?",
                       [(date_of(day), run, number) for run in runs])  # fmt: skip
        for table in ("article", "facet", "said"):
            db.execute(f"DELETE FROM {table} WHERE id = ?", (number,))  # noqa: S608

    # --- answers --------------------------------------------------------------------------------------------

    def ask(self, question: Question, *, facets: bool = False, access: Access | None = None) -> Answer:
        """The answer to a question; raise CallerError where it cannot be asked.

        Of more than 2,000 matches those that were added last are counted and sorted, which `more` says.
        What no rule of `access` lets be shown of any capture is neither found nor counted.
        """
        ruled = self._withheld.under(access)
        found = self._match(question, facets=facets, ruled=ruled)
        more, found = len(found) > COUNTED, found[:COUNTED]
        by_day = question.sort == "date"  # of those that are alike the newer first, as they were found
        ordered = sorted(found, key=itemgetter(2 if by_day else 1), reverse=by_day)
        shown = ordered[question.skip : question.skip + question.limit]
        hits = tuple(self._hit(row[0], question.words, ruled) for row in shown)
        counts, days = self._counted(found) if facets else ({}, [])
        return Answer(hits=hits, count=len(found), more=more, facets=counts, days=days)

    def _match(
        self, question: Question, *, facets: bool, ruled: Withheld | None = None
    ) -> list[tuple[int, ...]]:
        """What matches, newest first: number, score, day and (`facets`) what is counted; one too much where
        there is more.
        """
        columns = f"facet.day{', site, language, section, kind, access, signed' if facets else ''}"
        where, values = self._where(question)
        sought = _sought(question)
        match = self._narrowed(question, sought)
        if not match:
            asked = f"SELECT id, 0.0, {columns} FROM facet WHERE 1{where} ORDER BY id DESC LIMIT ?"  # noqa: S608
            return self._taken(asked, values, COUNTED + 1, ruled)
        found: list[tuple[int, ...]] = []
        for shard in self._shards():
            words = f"words_{shard}"
            score = "0.0" if question.sort == "date" or not sought else f"bm25({words}, {WEIGHTS})"
            asked = (
                f"SELECT facet.id, {score}, {columns} FROM {words} JOIN facet ON facet.id = {words}.rowid "  # noqa: S608
                f"WHERE {words} MATCH ?{where} ORDER BY {words}.rowid DESC LIMIT ?"
            )
            found += self._taken(asked, (match, *values), COUNTED + 1 - len(found), ruled)
            if len(found) > COUNTED:
                break
        return found

    def _narrowed(self, question: Question, match: str) -> str:
        """The expression with the marks of what else is asked for, where few articles have them."""
        values = [
            (sort, self._number_of(text))
            for sort, name in enumerate(FACETS)
            if (text := getattr(question, name))
        ]
        since, until = (date_of(day) if day else None for day in (question.since, question.until))
        return narrowed(self.db, match, values, since, until)

    def _taken(self, asked: str, values: tuple[Any, ...], most: int, ruled: Withheld | None) -> list[Any]:
        """So many rows at most, of articles that are not withheld."""
        rows = self.db.execute(asked, (*values, -1 if ruled else most))
        return list(islice((row for row in rows if not (ruled and ruled.of(row[0]))), most))

    def _where(self, question: Question) -> tuple[str, tuple[int | str, ...]]:
        """The tests of a question besides its words, over `facet`."""
        wanted: dict[str, int | str] = {
            f"{name} = ?": self._number_of(text) for name in FACETS if (text := getattr(question, name))
        }
        if question.since:
            wanted["facet.day >= ?"] = date_of(question.since)
        if question.until:
            wanted["facet.day <= ?"] = date_of(question.until)
        if question.author:
            among = "SELECT 1 FROM article WHERE article.id = facet.id AND "
            signed = "instr('; ' || authors || '; ', ?) > 0"
            wanted[f"EXISTS ({among}{signed})"] = f"; {UNFIT.sub(' ', question.author)}; "
        return "".join(f" AND {test}" for test in wanted), tuple(wanted.values())

    def _number_of(self, text: str) -> int:
        """The number of a text that many rows have; -1 where none has."""
        found = self.db.execute("SELECT id FROM value WHERE text = ?", (UNFIT.sub(" ", text),)).fetchone()
        return int(found[0]) if found else -1

    def _texts(self, numbers: Collection[int]) -> Mapping[int, str]:
        """The texts of numbers (and of others): kept, for there may be thousands, and one never changes."""
        missing = [number for number in numbers if number not in self._known_texts]
        if missing:
            if len(self._known_texts) + len(missing) > TEXTS:
                self._known_texts = {}
                missing = list(numbers)
            asked = "SELECT id, text FROM value WHERE id IN (SELECT value FROM json_each(?))"
            self._known_texts.update(self.db.execute(asked, (json.dumps(missing),)).fetchall())
        return self._known_texts

    def _counted(
        self, found: list[tuple[int, ...]]
    ) -> tuple[dict[str, list[tuple[str, int]]], list[tuple[str, int]]]:
        """Matches by facet, and by day."""
        columns = list(zip(*found, strict=True)) or [()] * 9
        counts = {name: self._named(Counter(columns[n])) for n, name in enumerate(FACETS, 3)}
        signed = Counter(columns[8])
        texts = self._texts(signed)
        authors = dict(zip(map(texts.__getitem__, signed), signed.values(), strict=True))
        for text in [text for text in authors if "; " in text]:
            count = authors.pop(text)
            for name in text.split("; "):
                authors[name] = authors.get(name, 0) + count
        days = sorted(Counter(columns[2]).items())
        return (
            counts | {"author": _most(authors)},
            [(f"{date.fromordinal(day)}", count) for day, count in days],
        )

    def _named(self, counts: "Counter[int]") -> list[tuple[str, int]]:
        # More than are shown, since some are as many and stand in the order of their names.
        most = dict(counts.most_common(200))
        texts = self._texts(most)
        return _most({texts[number]: count for number, count in most.items()})

    def every(self, question: Question, *, urls: Sequence[str] = (), span: Span = EVER) -> Iterator[Found]:
        """All that a question finds, without limit, each article's captures in order; `sort` does not count.

        With `urls` only the articles at these addresses, in any form of them (plain address); with a `span`
        only captures of that time, of which each is told whether it is the first or the last there.

        They come by the table that holds them, so that a reader needs each table once and one at a time. In
        memory are the numbers of the articles, and what is found of one table.
        """
        where, values = self._where(question)
        if urls:
            marks = ",".join("?" * len(urls))
            where += f" AND facet.id IN (SELECT id FROM article WHERE plain IN ({marks}))"  # noqa: S608
            values = (*values, *map(plain_address, urls))
        with self._chosen(self._narrowed(question, _sought(question)), where, values) as chosen:
            runs = self.db.execute(
                "SELECT id, text FROM value WHERE id IN "  # noqa: S608
                f"(SELECT run FROM {chosen} JOIN seen ON article = {chosen}.id)"
            )
            for run, group in sorted(runs, key=lambda pair: pair[1]):
                for url, version, captured, first, last in captures_of(self.db, run, chosen, span):
                    yield Found(
                        group=group, url=url, version=version, captured=datetime.fromisoformat(captured),
                        first=bool(first), last=bool(last),
                    )  # fmt: skip

    @contextmanager
    def _chosen(self, match: str, where: str = "", values: Sequence[int | str] = ()) -> Iterator[str]:
        """A temporary table of the numbers of articles that match."""
        self._temporary += 1
        name = f"temp.chosen_{self._temporary}"
        self.db.execute(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY)")
        name = name.removeprefix("temp.")
        try:
            if not match:
                self.db.execute(f"INSERT INTO {name} SELECT id FROM facet WHERE 1{where}", values)  # noqa: S608
            for shard in self._shards() if match else ():
                self.db.execute(
                    f"INSERT INTO {name} SELECT facet.id FROM words_{shard} JOIN facet "  # noqa: S608
                    f"ON facet.id = words_{shard}.rowid WHERE words_{shard} MATCH ?{where}",
                    (match, *values),
                )
            yield name
        finally:
            with suppress(sqlite3.ProgrammingError):  # closed meanwhile
                self.db.execute(f"DROP TABLE {name}")

    def groups_of(self, url: str) -> list[str]:
        """The tables (without the reader's part of their names) that may hold the article at an address.

        All that share an address in plain form, a canonical address, host and the newspaper's own number, or
        the id of its content system, or moved from one to the other: `versions.identities` judges which of
        them are one article.
        """
        names = {plain_address(url)}
        for _ in range(4):  # AMP page, canonical page, the page it moved to: chains are short
            marks = ",".join("?" * len(names))
            rows = self.db.execute(
                f"SELECT DISTINCT plain, canon, number, cms FROM article WHERE plain IN ({marks}) "  # noqa: S608
                f"OR (canon != '' AND canon IN ({marks})) OR (number != '' AND number IN ({marks})) "
                f"OR (cms != '' AND cms IN ({marks})) LIMIT 1000",
                (*names, *names, *names, *names),
            )
            found = names | {name for row in rows for name in row if name}
            found |= {name for pair in moves(self.db, names) for name in pair}
            if found == names or len(found) > 200:
                break
            names = found
        marks = ",".join("?" * len(names))
        return [
            row[0]
            for row in self.db.execute(
                "SELECT text FROM value WHERE id IN (SELECT run FROM article "  # noqa: S608
                f"JOIN seen ON seen.article = article.id WHERE plain IN ({marks})) ORDER BY 1",
                tuple(names),
            )
        ]

    def edited(self, *, site: str = "", words: str = "", limit: int = 50) -> list[Edited]:
        """Articles that said something else before: the newest first, by when the new text was first seen.

        A hint, since it knows neither readers nor addresses well: `archive.history` says what is an edit.
        """
        among = "AND site = ? " if site else ""
        values = (site,) if site else ()
        if not words.strip():
            return self._edited(among, values, limit)
        with self._chosen(match_of(words)) as chosen:
            among += f"AND id IN (SELECT id FROM {chosen}) "  # noqa: S608
            return self._edited(among, values, limit)

    def _edited(self, among: str, values: tuple[str, ...], limit: int) -> list[Edited]:
        rows = self.db.execute(
            "SELECT url, site, first, version FROM article AS late WHERE EXISTS (SELECT 1 FROM article "  # noqa: S608
            f"AS early WHERE early.plain = late.plain AND early.first < late.first) {among}"
            "ORDER BY first DESC LIMIT ?",
            (*values, limit),
        )
        return [Edited(url=u, site=of, at=datetime.fromisoformat(at), version=v) for u, of, at, v in rows]

    def moves(self, urls: Iterable[str]) -> set[tuple[str, str]]:
        """From where to where articles moved, as runs saw it, of all that have one of these addresses."""
        return moves(self.db, map(plain_address, urls))

    def lost(self, *, site: str = "", words: str = "", limit: int = 50) -> list[Event]:
        """Articles that went or came back, newest first; with `words` those that said them at some time."""
        if not words.strip():
            return lost(self.db, site=site, limit=limit)
        with self._chosen(match_of(words)) as chosen:
            return lost(self.db, site=site, among=chosen, limit=limit)

    def first_seen(self, number: int, since: str = "") -> tuple[datetime, str, int, int]:
        """When an article was first seen saying this, and the WARC, offset and length of that capture."""
        captured, warc, offset, length = self.db.execute(
            "SELECT captured, text, offset, length FROM seen JOIN value ON value.id = warc "
            "WHERE article = ? AND captured >= ? ORDER BY captured LIMIT 1",
            (number, since),
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

    def _hit(self, number: int, words: str, ruled: Withheld | None = None) -> Hit:
        url, site, day, headline, version, body = self.db.execute(
            f"SELECT {SHOWN} FROM article JOIN said USING (id) WHERE id = ?",  # noqa: S608
            (number,),
        ).fetchone()
        since = (ruled and ruled.shown_from(number)) or ""
        captured, warc, offset, length = self.first_seen(number, since)
        return Hit(
            url=url, site=site, day=day, headline=headline, version=version,
            captured=captured, snippet=snippet_of(body, words),
            warc=Location(warc=warc, offset=offset, length=length),
        )  # fmt: skip


def date_of(day: str) -> int:
    """The number of a day ("2026-11-20"); raise CallerError where it is none."""
    try:
        return date.fromisoformat(day).toordinal()
    except ValueError as error:
        raise CallerError(f"{day!r} is no day; write for example 2026-11-20") from error


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


def _indexed(texts: Iterable[str], facet: Sequence[int]) -> tuple[str, ...]:
    """What the index has of an article: its words and marks."""
    return (*map(spaced, texts), " ".join(marks_of(facet)))


def _sought(question: Question) -> str:
    """The words of a question and its author as an expression of FTS5; "" where it has neither."""
    words = match_of(question.words) if question.words.strip() else ""
    author = author_match(question.author)
    return f"({words}) AND ({author})" if words and author else words or author


def _most(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """The twenty that are most."""
    named = [(-count, text) for text, count in counts.items() if text]
    return [(text, -count) for count, text in nsmallest(20, named)]


def _digest(url: str, version: str = "") -> int:
    """63 bits for a version at an address, or for that: of a million two agree once in ten million files."""
    told = hashlib.blake2b(f"{url} {version}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(told, "big") >> 1


def search_path(folder: Path, archive: str) -> Path:
    """Where the search file of an archive lies: one for each archive."""
    return folder / f"{hashlib.sha256(archive.encode()).hexdigest()[:16]}.sqlite"


@contextmanager
def opened(folder: Path, store: Store) -> Iterator[Search]:
    """The search file of a store; raise SearchFailed where it cannot be used."""
    path = search_path(folder, store.url)
    with explained(path), closing(Search(path)) as search:
        yield search
