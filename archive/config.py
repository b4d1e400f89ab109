"""Settings from the environment, read in one place.

| variable | meaning | default |
|---|---|---|
| MORGUE_ARCHIVE | the archive: a folder or s3://bucket/prefix | ./var/archive |
| MORGUE_SPOOL | folder where WARCs are written before they are published | ./var/spool |
| MORGUE_SITES | folder of site files | the folder of the installed package |
| MORGUE_CONTACT | address or page named in the user agent | (none: crawls of public sites ask for it) |
| MORGUE_SPOOL_KEEP | hours that a published WARC stays in the spool | 24 |
| MORGUE_UPLOAD_PATIENCE | seconds that an upload is tried again while the store is away | 600 |
| MORGUE_LOCK_DAYS | days that a bucket with Object Lock keeps what is written (0: as it says) | 365 |
| MORGUE_LOCK_MODE | governance, or compliance: nobody can shorten that | governance |
| MORGUE_ROLL_MB | a WARC is closed and followed by another at this size, in MiB | 1024 |
| MORGUE_ROLL_MINUTES | and at this age, in minutes | 60 |
| MORGUE_WACZ_KEY | PEM file of the key (ECDSA, P-384) with which exported WACZ files are signed | none |
| MORGUE_SEARCH | folder of the search files, caches that may be lost | search, beside the spool |
| MORGUE_RIGHTS_FETCH | signals of a publisher that forbid a fetch, or none | none |
| MORGUE_RIGHTS_KEEP | those that forbid to keep what was fetched | none |
| MORGUE_RIGHTS_REPLAY | and those that forbid a replay | none |
| MORGUE_RIGHTS_EXPORT | and those that forbid an export | noarchive tdm-reservation |

Credentials and endpoint of S3 come from the usual AWS variables (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
AWS_ENDPOINT_URL_S3, AWS_DEFAULT_REGION).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from archive.errors import ConfigError
from archive.policy import EXPORT, Policy, rules_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Where things are. `spool_keep` is in hours, `roll_bytes` in bytes, `roll_minutes` in minutes.

    `progress` is seconds between two lines that say how far a crawl is; 0 is none. `shard_wait` is seconds
    that a shard with nothing to do waits for the other shards of its run to begin.
    """

    archive: str
    spool: Path
    search: Path
    sites: Path | None
    contact: str
    spool_keep: float
    roll_bytes: int = 1 << 30
    roll_minutes: float = 60.0
    upload_patience: float = 600.0
    lock_days: float = 365.0
    lock_mode: str = "GOVERNANCE"
    rights: Policy = field(default_factory=Policy)
    wacz_key: Path | None = None
    progress: float = 5.0
    shard_wait: float = 45.0

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "Config":
        """Read the settings from `env` (the process's own by default)."""
        env = os.environ if env is None else env
        sites = env.get("MORGUE_SITES", "").strip()
        spool = Path(env.get("MORGUE_SPOOL", "").strip() or "var/spool")
        return cls(
            archive=env.get("MORGUE_ARCHIVE", "").strip() or "var/archive",
            spool=spool,
            search=Path(env.get("MORGUE_SEARCH", "").strip() or spool.parent / "search"),
            sites=Path(sites) if sites else None,
            contact=env.get("MORGUE_CONTACT", "").strip(),
            spool_keep=_number(env, "MORGUE_SPOOL_KEEP", 24, "hours", least=0),
            roll_bytes=int(_number(env, "MORGUE_ROLL_MB", 1024, "MiB") * (1 << 20)),
            upload_patience=_number(env, "MORGUE_UPLOAD_PATIENCE", 600, "seconds", least=0),
            lock_days=_number(env, "MORGUE_LOCK_DAYS", 365, "days", least=0),
            lock_mode=_mode(env.get("MORGUE_LOCK_MODE", "").strip() or "governance"),
            progress=_number(env, "MORGUE_PROGRESS_SECONDS", 5, "seconds", least=0),
            shard_wait=_number(env, "MORGUE_SHARD_WAIT", 45, "seconds", least=0),
            roll_minutes=_number(env, "MORGUE_ROLL_MINUTES", 60, "minutes"),
            rights=_rights(env),
            wacz_key=Path(key) if (key := env.get("MORGUE_WACZ_KEY", "").strip()) else None,
        )


def _number(env: Mapping[str, str], name: str, usual: float, unit: str, *, least: float = 0.001) -> float:
    text = env.get(name, "").strip() or str(usual)
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not least <= number < 1e7:
        raise ConfigError(f"{name}={text!r} is not a number of {unit}; use for example {usual}")
    return number


def _rights(env: Mapping[str, str]) -> Policy:
    return Policy(
        fetch=_rules(env, "MORGUE_RIGHTS_FETCH", ()),
        keep=_rules(env, "MORGUE_RIGHTS_KEEP", ()),
        replay=_rules(env, "MORGUE_RIGHTS_REPLAY", ()),
        export=_rules(env, "MORGUE_RIGHTS_EXPORT", EXPORT),
    )


def _rules(env: Mapping[str, str], name: str, usual: tuple[str, ...]) -> tuple[str, ...]:
    words = env.get(name, "").replace(",", " ").split()
    try:
        return rules_of(words) if words else usual
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from error


def _mode(text: str) -> str:
    if text.lower() not in ("governance", "compliance"):
        raise ConfigError(f"MORGUE_LOCK_MODE={text!r}; use governance or compliance")
    return text.upper()


def site_folder(config: Config) -> Path:
    """The folder of site files: MORGUE_SITES, or the one inside the installed package `spiders`."""
    if config.sites is not None:
        return config.sites
    from importlib.util import find_spec

    found = find_spec("spiders")
    if found is None or found.origin is None:
        raise ConfigError("no folder of site files: set MORGUE_SITES")
    return Path(found.origin).parent / "sites"
