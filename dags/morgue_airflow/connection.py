"""The archive's address, its keys and other settings from an Airflow connection.

A task asks for the connection `morgue` (or the one that MORGUE_CONNECTION names) when it runs, never while
DAGs are parsed, and has it as environment variables for as long as it runs; the crawl, its child, gets it by
that environment alone. What is in the connection goes before what the worker's own environment says.

| field | becomes |
|---|---|
| login, password | AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY |
| host (a URL), or extra `endpoint_url` | AWS_ENDPOINT_URL_S3 |
| extra `archive` | MORGUE_ARCHIVE |
| extra `region_name`, `aws_session_token` | AWS_DEFAULT_REGION, AWS_SESSION_TOKEN |
| extra `MORGUE_...` | that setting |

Rules: every secret of it is masked before anything else is done. Airflow takes an answer that did not come
for a connection that is not there, so nothing may be guessed then: without one, MORGUE_ARCHIVE must be set.
"""

import functools
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowNotFoundException
from airflow.sdk.log import mask_secret

from archive.errors import ConfigError

NAME = "morgue"
FIELDS = {
    "archive": "MORGUE_ARCHIVE",
    "endpoint_url": "AWS_ENDPOINT_URL_S3",
    "region_name": "AWS_DEFAULT_REGION",
    "aws_session_token": "AWS_SESSION_TOKEN",
    "aws_access_key_id": "AWS_ACCESS_KEY_ID",
    "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
}
SECRET = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
# Who asks with these keys must not be told apart by what is left of others.
OTHER_KEYS = ("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE")
# These are of a machine, or read before any task runs.
ELSEWHERE = ("MORGUE_SPOOL", "MORGUE_SITES", "MORGUE_SEARCH", "MORGUE_CONNECTION", "MORGUE_ROOM_URL")
ENDPOINT = 'as in {"archive": "s3://bucket/prefix", "endpoint_url": "https://s3.example"}'

TOOLS = ("botocore", "boto3", "s3transfer", "urllib3")

F = TypeVar("F", bound=Callable[..., Any])


def settings_of(
    name: str, *, host: str | None, login: str | None, password: str | None, extra: Mapping[str, Any]
) -> dict[str, str]:
    """A connection as environment variables; raise ConfigError that names what is wrong, and no secret."""
    found = {}
    for key, value in extra.items():
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise ConfigError(f"connection {name}: {key} in its extra is neither text nor a number")
        found[_variable(name, key)] = str(value)
    if host:
        if not host.startswith(("http://", "https://")):
            raise ConfigError(
                f"connection {name}: its host is no URL; name the store in its extra, {ENDPOINT}"
            )
        found.setdefault("AWS_ENDPOINT_URL_S3", host)
    found |= {"AWS_ACCESS_KEY_ID": login} if login else {}
    found |= {"AWS_SECRET_ACCESS_KEY": password} if password else {}
    if ("AWS_ACCESS_KEY_ID" in found) != ("AWS_SECRET_ACCESS_KEY" in found):
        raise ConfigError(
            f"connection {name}: login (the access key) and password (the secret key) go together"
        )
    return found


def _variable(name: str, key: str) -> str:
    if key in ELSEWHERE:
        raise ConfigError(f"connection {name}: {key} is a worker's own; set it in the worker's environment")
    if key.startswith("MORGUE_"):
        return key
    if key not in FIELDS:
        known = ", ".join([*FIELDS, "MORGUE_..."])
        raise ConfigError(f"connection {name}: unknown key {key!r} in its extra; known are {known}")
    return FIELDS[key]


def read_connection() -> dict[str, str]:
    """What the connection says; nothing where there is none and the environment says enough.

    Raise AirflowException (to be tried again) where one that is needed cannot be had.
    """
    asked = os.environ.get("MORGUE_CONNECTION", "").strip()
    name = asked or NAME
    try:
        connection = Connection.get(name)
    except AirflowNotFoundException as error:
        if asked or not os.environ.get("MORGUE_ARCHIVE", "").strip():
            raise AirflowException(
                f"there is no connection {name!r} (or Airflow did not answer); make it, {ENDPOINT}"
                + ("" if asked else ", or set MORGUE_ARCHIVE in the worker's environment")
            ) from error
        return {}
    return settings_of(
        name,
        host=connection.host,
        login=connection.login,
        password=connection.password,
        extra=_extra(name, connection.extra),
    )


def _extra(name: str, text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ConfigError(f"connection {name}: its extra is no JSON object, {ENDPOINT}")
    return found


def environment() -> dict[str, str]:
    """The environment of this process, and over it the connection's settings; secrets are masked."""
    try:
        found = read_connection()
    except ConfigError as error:
        raise AirflowFailException(str(error)) from None
    for secret in SECRET:
        if value := found.get(secret) or os.environ.get(secret):
            mask_secret(value)
    left_out = OTHER_KEYS if "AWS_ACCESS_KEY_ID" in found else ()
    return {name: value for name, value in os.environ.items() if name not in left_out} | found


@contextmanager
def applied() -> Iterator[None]:
    """The settings of the connection as this process's environment, for as long as the `with` lasts."""
    before = dict(os.environ)
    wanted = environment()
    os.environ.clear()
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def connected(execute: F) -> F:
    """An operator's `execute`, run with the settings of the connection."""

    @functools.wraps(execute)
    def run(*arguments: Any, **named: Any) -> Any:
        for tool in TOOLS:  # a task's log is of the newspaper
            logging.getLogger(tool).setLevel(logging.WARNING)
        with applied():
            return execute(*arguments, **named)

    return run  # type: ignore[return-value]
