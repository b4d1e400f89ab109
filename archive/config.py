"""Settings from the environment, read in one place.

| variable | meaning | default |
|---|---|---|
| MORGUE_ARCHIVE | the archive: a folder or s3://bucket/prefix | ./var/archive |
| MORGUE_SPOOL | folder where WARCs are written before they are published | ./var/spool |
| MORGUE_SITES | folder of site files | the folder of the installed package |
| MORGUE_CONTACT | address or page named in the user agent | (none: crawls of public sites ask for it) |
| MORGUE_SPOOL_KEEP | hours that a published WARC stays in the spool | 24 |

Credentials and endpoint of S3 come from the usual AWS variables (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
AWS_ENDPOINT_URL_S3, AWS_DEFAULT_REGION).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from archive.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Where things are. `spool_keep` is in hours."""

    archive: str
    spool: Path
    sites: Path | None
    contact: str
    spool_keep: float

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "Config":
        """Read the settings from `env` (the process's own by default)."""
        env = os.environ if env is None else env
        sites = env.get("MORGUE_SITES", "").strip()
        return cls(
            archive=env.get("MORGUE_ARCHIVE", "").strip() or "var/archive",
            spool=Path(env.get("MORGUE_SPOOL", "").strip() or "var/spool"),
            sites=Path(sites) if sites else None,
            contact=env.get("MORGUE_CONTACT", "").strip(),
            spool_keep=_hours(env.get("MORGUE_SPOOL_KEEP", "").strip() or "24"),
        )


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = -1.0
    if not 0 <= hours < 24 * 366:
        raise ConfigError(f"MORGUE_SPOOL_KEEP={text!r} is not a number of hours; use for example 24")
    return hours


def site_folder(config: Config) -> Path:
    """The folder of site files: MORGUE_SITES, or the one inside the installed package `spiders`."""
    if config.sites is not None:
        return config.sites
    from importlib.util import find_spec

    found = find_spec("spiders")
    if found is None or found.origin is None:
        raise ConfigError("no folder of site files: set MORGUE_SITES")
    return Path(found.origin).parent / "sites"
