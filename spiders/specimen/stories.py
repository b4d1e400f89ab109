"""The stories of the paper, read from stories.toml, as each edition prints them."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A picture of a story; pictures.py draws its scene."""

    name: str
    scene: str
    caption: str
    credit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What a later edition changes in a story; paragraphs are keyed by index."""

    headline: str = ""
    note: str = ""
    paragraphs: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A story, either as first written or as one edition prints it."""

    slug: str
    section: str
    headline: str
    standfirst: str
    published: datetime
    modified: datetime
    paragraphs: tuple[str, ...]
    images: tuple[Image, ...]
    authors: tuple[str, ...] = ()
    agency: str = ""
    born: int = 0
    gone: int | None = None
    access: str = "free"
    former: str = ""
    note: str = ""
    edits: Mapping[int, Edit] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The address of the story on the site."""
        return f"/{self.section}/{self.published:%Y/%m/%d}/{self.slug}"

    @property
    def free(self) -> bool:
        """Whether everybody may read the whole story."""
        return self.access == "free"

    @property
    def shown(self) -> tuple[str, ...]:
        """The paragraphs that a reader without a subscription sees."""
        return self.paragraphs if self.free else self.paragraphs[:2]

    @property
    def signed(self) -> tuple[str, ...]:
        """Who signs the story: its authors, or else the full name of its agency."""
        return self.authors or (archive().agencies[self.agency],)

    @property
    def changed(self) -> bool:
        """Whether the story has been edited since it was first printed."""
        return self.modified != self.published

    def withdrawn(self, edition: int) -> bool:
        """Tell whether the story has been taken back by this edition."""
        return self.gone is not None and self.gone <= edition

    def at(self, edition: int) -> "Story":
        """Return the story as this edition prints it."""
        story = self
        for number, edit in sorted(self.edits.items()):
            if number <= edition:
                story = story._edited(edit, archive().printed[number])
        return story

    def _edited(self, edit: Edit, when: datetime) -> "Story":
        texts = [edit.paragraphs.get(i, p) for i, p in enumerate(self.paragraphs)]
        return replace(
            self,
            headline=edit.headline or self.headline,
            note=edit.note or self.note,
            paragraphs=tuple(texts),
            modified=when,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """Everything the paper has ever printed, in every edition."""

    name: str
    motto: str
    printed: tuple[datetime, ...]
    sections: Mapping[str, str]
    agencies: Mapping[str, str]
    stories: tuple[Story, ...]

    @property
    def last(self) -> int:
        """The number of the last edition."""
        return len(self.printed) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One edition of the paper, as read at one address."""

    edition: int
    base: str

    @property
    def printed(self) -> datetime:
        """When this edition left the press."""
        return archive().printed[self.edition]

    @property
    def all(self) -> tuple[Story, ...]:
        """Every story printed so far, the withdrawn ones included, newest first."""
        born = [s.at(self.edition) for s in archive().stories if s.born <= self.edition]
        return tuple(sorted(born, key=lambda story: story.published, reverse=True))

    @property
    def stories(self) -> tuple[Story, ...]:
        """The stories that stand in this edition, newest first."""
        return tuple(s for s in self.all if not s.withdrawn(self.edition))

    @property
    def comments(self) -> int:
        """How many comments each story has; it grows with every edition."""
        return (self.edition + 1) * 10

    def url(self, path: str) -> str:
        """Make a path of the site absolute."""
        return self.base + path


@cache
def archive() -> Archive:
    """Read stories.toml once."""
    source = files(__package__).joinpath("stories.toml").read_text(encoding="utf-8")
    data = tomllib.loads(source)
    return Archive(
        name=data["paper"]["name"],
        motto=data["paper"]["motto"],
        printed=tuple(data["paper"]["printed"]),
        sections=data["sections"],
        agencies=data["agencies"],
        stories=tuple(_story(entry) for entry in data["story"]),
    )


def _story(entry: dict[str, Any]) -> Story:
    special = {
        "modified": entry["published"],
        "paragraphs": tuple(entry["paragraphs"]),
        "authors": tuple(entry.get("authors", ())),
        "images": tuple(Image(**image) for image in entry["images"]),
        "edits": {int(n): _edit(edit) for n, edit in entry.get("edits", {}).items()},
    }
    return Story(**{**entry, **special})


def _edit(entry: dict[str, Any]) -> Edit:
    # The data file counts paragraphs from 1, as people do.
    texts = {int(n) - 1: text for n, text in entry.get("paragraphs", {}).items()}
    return Edit(**{**entry, "paragraphs": texts})
