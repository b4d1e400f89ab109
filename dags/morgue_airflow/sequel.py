"""What follows a published run, as the tasks of one DAG: index, extract, quality.

Rules: a run of the DAG is about one newspaper and slot (the partition of the events that started it), or
about the manifests that its form names. Each task may be repeated at any time.
"""

from collections.abc import Callable
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from archive.config import Config
from archive.errors import MorgueError
from archive.store import Store, open_store
from morgue_airflow.connection import connected
from morgue_airflow.events import told


class ManifestOperator(BaseOperator):
    """Does something for every manifest that was asked for, or whose publication triggered this run."""

    ui_color = "#dfe8dc"

    @connected
    def execute(self, context: Any) -> list[dict[str, Any]]:
        """One result a manifest; nothing is lost where several events came together."""
        manifests = told(context)
        self.log.info("%d run manifests: %s", len(manifests), ", ".join(manifests))
        try:
            store = open_store(Config.from_env().archive)
            return [self.step(store, manifest) for manifest in manifests]
        except MorgueError as error:
            kind = AirflowException if error.retryable else AirflowFailException
            raise kind(str(error)) from error

    def step(self, store: Store, manifest: str) -> dict[str, Any]:
        """What is done for one manifest."""
        raise AirflowFailException(f"{type(self).__name__} does nothing with {manifest} in {store.url}")


class IndexOperator(ManifestOperator):
    """Folds published runs into the merged index."""

    def step(self, store: Store, manifest: str) -> dict[str, Any]:
        """Index one run."""
        from archive.process import index_run

        return index_run(store, manifest)


class ExtractOperator(ManifestOperator):
    """Extracts the articles of published runs."""

    def step(self, store: Store, manifest: str) -> dict[str, Any]:
        """Extract one run, with progress in the task's log."""
        from archive.process import extract_run

        return extract_run(store, manifest, progress=self._progress)

    @property
    def _progress(self) -> Callable[[int], None]:
        def report(pages: int) -> None:
            if pages % 100 == 0:
                self.log.info("%d pages extracted", pages)

        return report


class QualityOperator(ManifestOperator):
    """Judges published runs: fails where one did something wrong, and says what."""

    ui_color = "#eadfe0"

    @connected
    def execute(self, context: Any) -> list[dict[str, Any]]:
        """What was found of each run; raise AirflowFailException where something is wrong with one."""
        found = super().execute(context)
        if wrong := [f"{each['site']}: {text}" for each in found for text in each["wrong"]]:
            raise AirflowFailException(" ".join(wrong))
        return found

    def step(self, store: Store, manifest: str) -> dict[str, Any]:
        """Judge one run."""
        from archive.quality import quality

        done = quality(store, manifest)
        self.log.info("run %s of %s: %d articles", done.run, done.site, done.rows)
        for text in done.remarks:
            self.log.warning("%s: %s", done.site, text)
        for text in done.grave:
            self.log.error("%s: %s", done.site, text)
        return done.plain()
