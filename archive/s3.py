"""The S3 store: the one module that speaks to S3.

Rules: objects are written with `If-None-Match: *`; large ones as multipart uploads whose completion carries
the same condition (boto3's own upload_file cannot) and the CRC-32 of the whole object. SHA-256 travels as
user metadata, so that an equal object is known without reading it. No answer is believed: after each write
the object is asked for, and the ends of a file are read back. Where the bucket has Object Lock, what is the
truth (WARCs, their CDXJ, manifests) is locked.
"""

import hashlib
import io
import os
import socket
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import boto3
import botocore.exceptions
import botocore.loaders
import botocore.session
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config as ClientConfig
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from archive.config import Config
from archive.errors import (
    ConfigError,
    NotStored,
    StoreBusy,
    StoreConflict,
    StoreDamaged,
    StoreDenied,
    StoreError,
)
from archive.lasting import TRUTH, passing

PART = 16 * 1024 * 1024
ENDS = 4096  # bytes of each end of a file that are read back
CONNECT_SECONDS = 10
READ_SECONDS = 60
CONNECTIONS = 40  # kept open: what a server's threads use at once
VAIN = 5  # reads in a row that only boto3 could do, after which it does all
PROBE = ".probe"
DENIED = {
    "AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "Forbidden", "ExpiredToken",
    "InvalidToken", "UnauthorizedAccess",
}  # fmt: skip
MISSING = {"NoSuchKey", "404", "NotFound"}
TAKEN = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}
BUSY = {
    "SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "OperationAborted",
    # An upload that somebody aborted, or a part that is gone: it is to be begun again.
    "NoSuchUpload", "InvalidPart",
}  # fmt: skip
# What came was not what was sent: it is to be sent again.
DAMAGED = {
    "BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "IncompleteBody",
    "XAmzContentChecksumMismatch",
}  # fmt: skip

T = TypeVar("T")


class S3Store:
    """An archive in a bucket, under a prefix; endpoint and credentials come from the AWS variables."""

    def __init__(self, *, bucket: str, prefix: str) -> None:
        self.bucket = bucket
        self.prefix = f"{prefix}/" if prefix else ""
        self.url = f"s3://{bucket}/{prefix}".rstrip("/")
        self._core = _core()
        self.client = self._connect()

    def _connect(self) -> Any:
        settings = ClientConfig(
            signature_version="s3v4",
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            max_pool_connections=CONNECTIONS,
            retries={"total_max_attempts": 2, "mode": "standard"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path"},
        )
        session = boto3.session.Session(botocore_session=self._core)
        try:
            return session.client("s3", config=settings)
        except botocore.exceptions.NoRegionError:
            return session.client("s3", region_name="us-east-1", config=settings)
        except (botocore.exceptions.BotoCoreError, ValueError) as error:
            raise ConfigError(f"the S3 settings are wrong ({error}); check the AWS_* variables") from error

    def make_bucket(self) -> None:
        """Make the bucket where it does not exist."""
        try:
            self.check()
        except (StoreBusy, StoreDenied):
            raise
        except StoreError:
            try:
                self._call("", self.client.create_bucket, ObjectLockEnabledForBucket=True)
            except StoreBusy:
                raise
            except StoreError:  # a store without Object Lock
                self._call("", self.client.create_bucket)

    def put(self, key: str, data: bytes) -> None:
        """Write `data` once; raise StoreConflict where the key holds other bytes."""
        digest = hashlib.sha256(data).hexdigest()
        self._once(key, digest, lambda: self._put_whole(key, data, digest))
        self._asked(key, len(data), digest, b64encode(bytes.fromhex(digest)).decode())

    def put_file(self, key: str, path: Path, sha256: str) -> None:
        """Write the file once and verify what was stored; `sha256` is its hex digest."""
        size = path.stat().st_size
        if size <= PART:
            self._once(key, sha256, lambda: self._put_whole(key, path.read_bytes(), sha256))
            checksum = b64encode(bytes.fromhex(sha256)).decode()
        else:
            checksum = _crc_of(path)
            # Asked first: all of it would be sent before its completion said that it is there already.
            if self.size(key) is None:
                self._once(key, sha256, lambda: self._put_parts(key, path, sha256, checksum))
            elif self._digest(key) != sha256:
                raise _taken(key)
        self._asked(key, size, sha256, checksum)
        self._read_back(key, path, size)

    def _put_whole(self, key: str, data: bytes, digest: str) -> None:
        checksum = b64encode(bytes.fromhex(digest)).decode()
        self._call(
            key, self.client.put_object, Key=self.prefix + key, Body=data, IfNoneMatch="*",
            Metadata={"sha256": digest}, ChecksumSHA256=checksum, **self._lock(key),
        )  # fmt: skip

    def _put_parts(self, key: str, path: Path, digest: str, crc: str) -> None:
        full = self.prefix + key
        self._abort_leftovers(key, full)
        begun = self._call(
            key, self.client.create_multipart_upload, Key=full, Metadata={"sha256": digest},
            ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT", **self._lock(key),
        )  # fmt: skip
        upload = begun.get("UploadId")
        if not upload:
            raise StoreBusy(f"{self.url} began an upload of {key} and gave it no id; try again")
        try:
            parts = list(self._send_parts(key, path, upload))
            self._call(
                key, self.client.complete_multipart_upload, Key=full, UploadId=upload, IfNoneMatch="*",
                MultipartUpload={"Parts": parts}, ChecksumCRC32=crc, ChecksumType="FULL_OBJECT",
            )  # fmt: skip
        except BaseException:
            self._abort(full, upload)
            raise

    def _send_parts(self, key: str, path: Path, upload: str) -> Iterator[dict[str, Any]]:
        with path.open("rb") as file:
            number = 1
            while data := file.read(PART):
                crc = _crc(zlib.crc32(data))
                sent = self._call(
                    key, self.client.upload_part, Key=self.prefix + key, UploadId=upload,
                    PartNumber=number, Body=data, ChecksumCRC32=crc,
                )  # fmt: skip
                if not arrived(sent, data, crc):
                    raise StoreBusy(f"{key}: part {number} arrived damaged at {self.url}; try again")
                yield {"PartNumber": number, "ETag": sent["ETag"], "ChecksumCRC32": crc}
                number += 1

    def _abort_leftovers(self, key: str, full: str) -> None:
        """Parts that an interrupted upload of this key left: nobody will complete them."""
        with suppress(StoreError):
            found = self._call(key, self.client.list_multipart_uploads, Prefix=full)
            for upload in found.get("Uploads", ()):
                if upload["Key"] == full:
                    self._abort(full, upload["UploadId"])

    def _abort(self, full: str, upload: str) -> None:
        try:
            self.client.abort_multipart_upload(Bucket=self.bucket, Key=full, UploadId=upload)
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
            return  # the bucket's lifecycle rule removes what is left of it

    def _once(self, key: str, digest: str, write: Callable[[], None]) -> None:
        try:
            write()
        except StoreConflict:
            try:
                if self._digest(key) == digest:
                    return
            except NotStored:
                raise StoreBusy(f"{key}: somebody else is writing it to {self.url}; try again") from None
            raise

    def _digest(self, key: str) -> str:
        head = self._call(key, self.client.head_object, Key=self.prefix + key)
        known = head.get("Metadata", {}).get("sha256")
        return str(known) if known else self.digest(key)

    def _asked(self, key: str, size: int, sha256: str, checksum: str) -> None:
        """Ask for what was just written; a store may say yes and keep nothing."""
        try:
            head = self._call(key, self.client.head_object, Key=self.prefix + key, ChecksumMode="ENABLED")
        except NotStored as error:
            raise StoreBusy(f"{self.url} took {key}, and does not have it; try again") from error
        if head["ContentLength"] != size or head.get("Metadata", {}).get("sha256", sha256) != sha256:
            raise StoreConflict(f"{key}: {self.url} holds {head['ContentLength']} bytes, not the {size} sent")
        said = head.get("ChecksumSHA256") or head.get("ChecksumCRC32")
        if said and "-" not in said and said != checksum and len(said) == len(checksum):
            raise StoreConflict(
                f"{key}: {self.url} says checksum {said}, sent was {checksum}; look at the store"
            )

    def _read_back(self, key: str, path: Path, size: int) -> None:
        with path.open("rb") as file:
            for start in dict.fromkeys((0, max(size - ENDS, 0))):
                file.seek(start)
                wanted = file.read(ENDS)
                if self.read(key, start, len(wanted)) == wanted:
                    continue
                # Twice wrong is wrong; once may be damage on the way back.
                if self.read(key, start, len(wanted)) != wanted:
                    raise StoreConflict(f"{key}: {self.url} gives back other bytes at {start} than were sent")

    def digest(self, key: str) -> str:
        """SHA-256 (hex) of an object's bytes, all of them read; raise NotStored or StoreBusy."""
        answer = self._call(key, self.client.get_object, Key=self.prefix + key)
        found, count = hashlib.sha256(), 0
        try:
            while data := answer["Body"].read(1 << 20):
                found.update(data)
                count += len(data)
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.HTTPClientError, OSError) as error:
            raise StoreBusy(f"{self.url} broke off while sending {key}; try again") from error
        if count != answer["ContentLength"]:
            raise StoreBusy(f"{self.url} broke off while sending {key}; try again")
        return found.hexdigest()

    def _lock(self, key: str) -> dict[str, Any]:
        """Object Lock for what is the truth, where the bucket has it and the bucket's default does not do."""
        config = Config.from_env()
        if not (key.startswith(TRUTH) and config.lock_days):
            return {}
        return retention(
            self._bucket_lock, days=config.lock_days, mode=config.lock_mode, now=datetime.now(UTC)
        )

    @cached_property
    def _bucket_lock(self) -> dict[str, Any]:
        """The bucket's Object Lock: empty where it has none, or where we may not ask."""
        found = self._known(self.client.get_object_lock_configuration)
        return dict(found.get("ObjectLockConfiguration", {}))

    def _known(self, method: Callable[..., dict[str, Any]]) -> dict[str, Any]:
        try:
            return self._call("", method)
        except StoreBusy:
            raise
        except StoreError:
            return {}

    def abilities(self) -> dict[str, bool]:
        """What the store can, of what we rely on; tried out on one empty object, `.probe`, written once."""
        return {
            "conditional writes": self._refuses_a_second(),
            "checksums": self._refuses_a_wrong_sum(),
            "versioning": self._known(self.client.get_bucket_versioning).get("Status") == "Enabled",
            "Object Lock": self._bucket_lock.get("ObjectLockEnabled") == "Enabled",
        }

    def _refuses_a_second(self) -> bool:
        empty = b64encode(hashlib.sha256().digest()).decode()  # where a bucket locks, S3 asks for a checksum
        for _ in range(2):
            try:
                self._call(
                    PROBE, self.client.put_object, Key=self.prefix + PROBE, Body=b"", IfNoneMatch="*",
                    ChecksumSHA256=empty,
                )  # fmt: skip
            except StoreConflict:
                return True
            except (StoreBusy, StoreDenied):
                raise  # this says nothing of what it can
            except StoreError:
                return False
        return False

    def _refuses_a_wrong_sum(self) -> bool:
        """Tried out on a part of an upload that is never completed: nothing is left of it."""
        full, upload = self.prefix + PROBE, ""
        try:
            begun = self._call(
                PROBE, self.client.create_multipart_upload, Key=full, ChecksumAlgorithm="CRC32"
            )
            upload = begun["UploadId"]
            self._call(
                PROBE, self.client.upload_part, Key=full, UploadId=upload, PartNumber=1, Body=b"probe",
                ChecksumCRC32=_crc(0),
            )  # fmt: skip
        except StoreDamaged:
            return True
        except (StoreBusy, StoreDenied):
            raise
        except StoreError:
            return False
        finally:
            if upload:
                self._abort(full, upload)
        return False

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Bytes of an object from `start`; raise NotStored where there is none."""
        if length == 0:
            return b""
        end = "" if length is None else start + length - 1
        extra = {} if start == 0 and length is None else {"Range": f"bytes={start}-{end}"}
        if self._direct and (data := self._direct.read(self.prefix + key, extra)) is not None:
            return data
        answer = self._call(key, self.client.get_object, Key=self.prefix + key, **extra)
        if self._direct:
            self._direct.vain += 1
        try:
            return bytes(answer["Body"].read())
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.HTTPClientError, OSError) as error:
            raise StoreBusy(f"{self.url} broke off while sending {key}; try again") from error

    @cached_property
    def _direct(self) -> "_Direct | None":
        """The short way to read; None where it cannot be gone, and boto3 says why."""
        try:
            return _Direct(self._core, self.client, self.bucket)
        except (botocore.exceptions.BotoCoreError, ValueError):
            return None

    def size(self, key: str) -> int | None:
        """Size in bytes, or None where there is no such key."""
        try:
            return int(self._call(key, self.client.head_object, Key=self.prefix + key)["ContentLength"])
        except NotStored:
            return None

    def keys(self, prefix: str = "") -> Iterator[str]:
        """Keys that begin with `prefix`, sorted."""
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            page = self._call(prefix, self.client.list_objects_v2, Prefix=self.prefix + prefix, **token)
            found += [item["Key"][len(self.prefix) :] for item in page.get("Contents", ())]
            if not page.get("IsTruncated"):
                break
            token = {"ContinuationToken": page["NextContinuationToken"]}
        # SeaweedFS lists per path component, not in byte order: sorting is ours.
        yield from sorted(key for key in found if not key.startswith(PROBE))

    def replace(self, key: str, data: bytes) -> None:
        """Write `data` whatever the key holds; only under state/."""
        self._call(key, self.client.put_object, Key=self.prefix + passing(key), Body=data)

    def drop(self, key: str) -> None:
        """Remove an object, where there is one; only under state/."""
        self._call(key, self.client.delete_object, Key=self.prefix + passing(key))

    def amend(self, key: str, data: bytes | Path) -> None:
        """Put other bytes in the place of what is kept for ever, read them back, and remove the old versions.

        Raise StoreDenied where a lock keeps an old version: then the new one holds, and the old one is left.
        """
        path = data if isinstance(data, Path) else None
        size = path.stat().st_size if path else len(data) if isinstance(data, bytes) else 0
        with path.open("rb") if path else io.BytesIO(data if isinstance(data, bytes) else b"") as body:
            digest = hashlib.file_digest(body, "sha256").hexdigest()
            body.seek(0)
            self._call(
                key, self.client.put_object, Key=self.prefix + key, Body=body, Metadata={"sha256": digest},
                ContentLength=size, **self._lock(key),
            )  # fmt: skip
        if self.digest(key) != digest:
            raise StoreDamaged(f"{key}: what was stored is not what was sent")
        self._purge(key, keep=True)

    def erase(self, key: str) -> None:
        """Remove what is kept for ever, and every version of it, where there is any: for takedowns."""
        if self.size(key) is not None:
            self._call(key, self.client.delete_object, Key=self.prefix + key)
        self._purge(key, keep=False)

    def _purge(self, key: str, *, keep: bool) -> None:
        """Remove the versions of an object that a bucket keeps: all, or all but the latest."""
        full = self.prefix + key
        try:
            told = self._call(key, self.client.list_object_versions, Prefix=full)
        except (StoreBusy, StoreDenied):
            raise  # what is hidden from us may still be there
        except StoreError:
            return  # no versions here
        found = [*told.get("Versions", ()), *told.get("DeleteMarkers", ())]
        for each in found:
            version = each.get("VersionId")
            if each["Key"] != full or (keep and each.get("IsLatest")) or version in (None, "null"):
                continue
            bypass = {"BypassGovernanceRetention": True} if self._lock(key) else {}
            self._call(key, self.client.delete_object, Key=full, VersionId=version, **bypass)

    def check(self) -> None:
        """Raise a StoreError that says what to do where the bucket cannot be used."""
        self._call("", self.client.head_bucket)

    def _call(self, key: str, method: Callable[..., T], **arguments: Any) -> T:
        try:
            return method(Bucket=self.bucket, **arguments)
        except botocore.exceptions.ClientError as error:
            raise self._mapped(key, error, method) from error
        except botocore.exceptions.NoCredentialsError as error:
            raise StoreDenied(
                f"no credentials for {self.url}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            ) from error
        except botocore.exceptions.ParamValidationError as error:
            raise ConfigError(f"{self.url} is no usable archive: {str(error).splitlines()[-1]}") from error
        except (botocore.exceptions.HTTPClientError, botocore.exceptions.BotoCoreError) as error:
            where = self.client.meta.endpoint_url
            raise StoreBusy(
                f"cannot reach the store at {where}: {type(error).__name__}; is it running?"
            ) from error

    def _mapped(self, key: str, error: Any, method: Any) -> StoreError:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code == "NoSuchBucket" or (code in MISSING and getattr(method, "__name__", "") == "head_bucket"):
            return StoreError(f"there is no bucket {self.bucket!r}; make it first, or correct --archive")
        if code in MISSING:
            return NotStored(f"{self.url} holds no {key}")
        if code in DENIED:
            return StoreDenied(f"{self.url} refuses our credentials ({code}); check the AWS_* variables")
        if code in TAKEN:
            return _taken(key)
        return self._passing(key, code, error)

    def _passing(self, key: str, code: str, error: Any) -> StoreError:
        """What may go away by itself, and what is left."""
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in DAMAGED:
            return StoreDamaged(f"{key} arrived damaged at {self.url} ({code}); try again")
        if code in BUSY or status == 429 or (status >= 500 and status != 501):  # 501: never
            return StoreBusy(f"{self.url} answered {code}; try again")
        return StoreError(f"{self.url} answered {code or error} for {key}")


class _Direct:
    """Reads that botocore's signer signs and its HTTP session sends, past all else that boto3 does for one.

    To find the endpoint anew, to fill in a model of the request and to read the answer by it costs as much as
    the store takes to answer. What is not the plain answer is left to boto3, which asks again: it knows how
    to try again, where a bucket lives, and what an error says.
    """

    def __init__(self, session: Any, client: Any, bucket: str) -> None:
        told = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
        self.vain = 0
        self._base = told.partition("?")[0].removesuffix("k")
        self._region = client.meta.region_name
        self._credentials = session.get_credentials()
        # As botocore's own endpoint has it: certificates, proxies, and no waiting for small packets to fill.
        self._wire = URLLib3Session(
            verify=session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE") or True,
            proxies=get_environ_proxies(self._base),
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            max_pool_connections=CONNECTIONS,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )

    def read(self, name: str, headers: dict[str, str]) -> bytes | None:
        """The bytes of an object, or of its range; None for any answer but those, whole."""
        if self.vain >= VAIN:
            return None
        request = AWSRequest("GET", self._base + quote(name, safe="/~"), headers)
        try:
            S3SigV4Auth(self._credentials.get_frozen_credentials(), "s3", self._region).add_auth(request)
            answer = self._wire.send(request.prepare())
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.HTTPClientError, OSError):
            return None
        data = bytes(answer.content)
        said = answer.headers.get("content-length")
        if answer.status_code != (206 if headers else 200) or said != str(len(data)):
            return None
        self.vain = 0
        return data


def _taken(key: str) -> StoreConflict:
    return StoreConflict(f"{key} exists with other bytes; nothing was overwritten, look at who writes it")


def retention(bucket: dict[str, Any], *, days: float, mode: str, now: datetime) -> dict[str, Any]:
    """What to send with an object so that it is locked for `days`; nothing where the bucket locks it better.

    `bucket` is the bucket's ObjectLockConfiguration. Its own default is neither shortened nor made milder.
    """
    if bucket.get("ObjectLockEnabled") != "Enabled":
        return {}
    default = bucket.get("Rule", {}).get("DefaultRetention", {})
    own = default.get("Days", 0) + 366 * default.get("Years", 0)
    milder = default.get("Mode") == "COMPLIANCE" and mode != "COMPLIANCE"
    if milder or (own >= days and mode == default.get("Mode")):
        return {}
    return {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": now + timedelta(days=max(days, own))}


def arrived(sent: dict[str, Any], data: bytes, crc: str) -> bool:
    """Whether the answer to a part names our checksum; of old servers, the MD5 that their ETag is."""
    if said := sent.get("ChecksumCRC32"):
        return bool(said == crc)
    # Under server-side encryption an ETag is no MD5.
    if sent.get("ServerSideEncryption") or sent.get("SSECustomerAlgorithm"):
        return True
    return bool(sent["ETag"].strip('"') == hashlib.md5(data, usedforsecurity=False).hexdigest())


@cache
def _loader() -> Any:
    return botocore.loaders.create_loader()


def _core() -> Any:
    """A session of its own for each store, but one reading of S3's model for all: it takes 100 ms."""
    session = botocore.session.get_session()
    session.register_component("data_loader", _loader())
    return session


def _crc(value: int) -> str:
    return b64encode(value.to_bytes(4, "big")).decode()


def _crc_of(path: Path) -> str:
    """CRC-32 of a file in the form of x-amz-checksum-crc32."""
    value = 0
    with path.open("rb") as file:
        while data := file.read(1 << 20):
            value = zlib.crc32(data, value)
    return _crc(value)


def make_bucket(bucket: str) -> None:
    """Make a bucket where it does not exist; for one's own server beside this process."""
    S3Store(bucket=bucket, prefix="").make_bucket()
