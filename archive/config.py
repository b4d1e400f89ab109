"""Settings from the environment, read in one place.

| variable | meaning | default |
|---|---|---|
| MORGUE_ARCHIVE | the archive: a folder or s3://bucket/prefix | ./var/archive |
| MORGUE_SPOOL | folder where WARCs are written before they are published | ./var/spool |
| MORGUE_SITES | folder of site files | the folder of the installed package |
| MORGUE_CONTACT | address or page named in the user agent | (none: crawls of public sites ask for it) |
| MORGUE_SPOOL_KEEP | hours that a published WARC stays in the spool | 24 |
| MORGUE_UPLOAD_PATIENCE | seconds that a publication waits for a store that is away; 0 is one try | 600 |
| MORGUE_STORE_TIMEOUT | seconds to wait for an answer of the S3 server | 60 |
| MORGUE_LOCK_DAYS | days of Object Lock, where the bucket has it; 0 leaves it to the bucket | 365 |
| MORGUE_LOCK_MODE | governance, or compliance: then nobody can delete them | governance |

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
    """Where things are. `spool_keep` is in hours, `upload_patience` and `store_timeout` in seconds."""

    archive: str
    spool: Path
    sites: Path | None
    contact: str
    spool_keep: float
    upload_patience: float
    store_timeout: float
    lock_days: int
    lock_mode: str

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
            spool_keep=_number(env, "MORGUE_SPOOL_KEEP", "24", "hours", limit=24 * 366),
            upload_patience=_number(env, "MORGUE_UPLOAD_PATIENCE", "600", "seconds", limit=7 * 86400),
            store_timeout=_number(env, "MORGUE_STORE_TIMEOUT", "60", "seconds", limit=3600) or 60.0,
            lock_days=int(_number(env, "MORGUE_LOCK_DAYS", "365", "days", limit=100 * 366)),
            lock_mode=_lock_mode(env.get("MORGUE_LOCK_MODE", "").strip().lower() or "governance"),
        )


def _number(env: Mapping[str, str], name: str, default: str, unit: str, *, limit: float) -> float:
    text = env.get(name, "").strip() or default
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < limit:
        raise ConfigError(f"{name}={text!r} is not a number of {unit}; use for example {default}")
    return number


def _lock_mode(text: str) -> str:
    if text not in ("governance", "compliance"):
        raise ConfigError(f"MORGUE_LOCK_MODE={text!r} is neither governance nor compliance")
    return text


def site_folder(config: Config) -> Path:
    """The folder of site files: MORGUE_SITES, or the one inside the installed package `spiders`."""
    if config.sites is not None:
        return config.sites
    from importlib.util import find_spec

    found = find_spec("spiders")
    if found is None or found.origin is None:
        raise ConfigError("no folder of site files: set MORGUE_SITES")
    return Path(found.origin).parent / "sites"
