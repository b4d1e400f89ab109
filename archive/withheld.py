"""Which articles of the search file rules of access withhold, so that they are not even counted.

Judged when a question is asked, of what matches it: so a rule counts at once, and nothing has to be kept in
step with it.
"""

import sqlite3
import time
from datetime import UTC, datetime
from typing import Any

from archive.access import Access, Rules
from archive.cdxj import surt_of

BELIEVED = 60.0  # seconds, at most, for which a verdict is: embargoes end


class Withheld:
    """Verdicts on articles of one open file: withheld is one of which no capture may be shown."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._rules = Rules()
        self._now = datetime.now(UTC)
        self._state: Any = None
        self._known: dict[int, bool] = {}

    def under(self, access: Access | None) -> "Withheld | None":
        """By the rules that count now; None where there is no rule.

        What was judged before is known as long as neither rules nor file changed.
        """
        rules = access.rules() if access else Rules()
        if rules.none:
            return None
        version = self._db.execute("PRAGMA data_version").fetchone()[0]
        state = (rules, version, self._db.total_changes, time.monotonic() // BELIEVED)
        if self._state is None or state[0] is not self._state[0] or state[1:] != self._state[1:]:
            self._known = {}
        self._state, self._rules, self._now = state, rules, datetime.now(UTC)
        return self

    def of(self, number: int) -> bool:
        """Whether an article is withheld."""
        found = self._known.get(number)
        if found is None:
            found = self._known[number] = self.shown_from(number) is None
        return found

    def shown_from(self, number: int) -> str | None:
        """The time of its first capture that may be shown, as the file has it; None where none may."""
        url, site = self._db.execute("SELECT url, site FROM article WHERE id = ?", (number,)).fetchone()
        key, asked = surt_of(url), "SELECT captured FROM seen WHERE article = ? ORDER BY captured"
        for (captured,) in self._db.execute(asked, (number,)):
            rule = self._rules.verdict(key, site, datetime.fromisoformat(captured), self._now)
            if rule is None or rule.kind == "allow":
                return str(captured)
        return None
