"""The S3 store: the one module that speaks to S3.

Rules: objects are written with `If-None-Match: *`; large ones as multipart uploads whose completion carries
the same condition (boto3's own upload_file cannot). A checksum goes with every byte: SHA-256 with a single
put, CRC32 with each part and with the whole of a multipart upload. What the server answers is not believed:
after each put the object is asked for again. SHA-256 travels as user metadata: an equal object is known
without reading it.
"""

import base64
import hashlib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import boto3
import botocore.exceptions
import botocore.loaders
import botocore.session
from botocore.config import Config as ClientConfig

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

PART = 16 * 1024 * 1024
EDGE = 1024
PROBE = ".probe"
ASKED = ("conditional writes", "checksums", "Object Lock", "versioning")
LOCKED = ("warc/", "cdxj/", "runs/")
DENIED = {
    "AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "Forbidden", "ExpiredToken",
    "InvalidToken", "UnauthorizedAccess",
}  # fmt: skip
MISSING = {"NoSuchKey", "404", "NotFound"}
TAKEN = {"PreconditionFailed", "412", "ConditionalRequestConflict", "409"}
# Damaged on the way, or half done and gone: the next try may do better.
DAMAGED = {"BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody", "InvalidPart", "NoSuchUpload"}
BUSY = {
    "SlowDown",
    "ServiceUnavailable",
    "InternalError",
    "RequestTimeout",
    "OperationAborted",
    "429",
    *DAMAGED,
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What an object is to be: size and checksums."""

    size: int
    sha256: str
    crc32: int

    @property
    def fields(self) -> dict[str, str]:
        """The checksums as S3 writes them."""
        return {"ChecksumSHA256": _base64(bytes.fromhex(self.sha256)), "ChecksumCRC32": _crc(self.crc32)}


class S3Store:
    """An archive in a bucket, under a prefix; endpoint and credentials come from the AWS variables."""

    def __init__(self, *, bucket: str, prefix: str, config: Config | None = None) -> None:
        self.bucket = bucket
        self.prefix = f"{prefix}/" if prefix else ""
        self.url = f"s3://{bucket}/{prefix}".rstrip("/")
        self._config = config or Config.from_env()
        self._default: dict[str, Any] | None = None
        self.client = self._connect()

    def _connect(self) -> Any:
        timeout = self._config.store_timeout
        settings = ClientConfig(
            signature_version="s3v4",
            connect_timeout=min(10.0, timeout),
            read_timeout=timeout,
            # Once more at once, for readers; whoever has patience (archive.patience) waits by itself.
            retries={"total_max_attempts": 2, "mode": "standard"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path"},
        )
        try:
            return _session().client("s3", config=settings)
        except botocore.exceptions.NoRegionError:
            return _session().client("s3", region_name="us-east-1", config=settings)
        except (botocore.exceptions.BotoCoreError, ValueError) as error:
            raise ConfigError(f"the S3 settings are wrong ({error}); check the AWS_* variables") from error

    def make_bucket(self) -> None:
        """Make the bucket where it does not exist, with Object Lock where the server knows it."""
        try:
            self.check()
        except (StoreBusy, StoreDenied):
            raise
        except StoreError:
            try:
                self._call("", self.client.create_bucket, ObjectLockEnabledForBucket=True)
            except StoreBusy:
                raise
            except StoreError:
                self._call("", self.client.create_bucket)

    def put(self, key: str, data: bytes) -> None:
        """Write `data` once and see that it is there; raise StoreConflict where the key holds other bytes."""
        sums = Sums(size=len(data), sha256=hashlib.sha256(data).hexdigest(), crc32=zlib.crc32(data))
        self._once(key, lambda: self._put_whole(key, data, sums))
        self._verify(key, sums)

    def put_file(self, key: str, path: Path, sha256: str, *, thorough: bool = False) -> None:
        """Write the file once and verify what was stored; `sha256` is its hex digest.

        Verified are size, checksums, and the first and last bytes; all bytes where `thorough`.
        """
        sums = Sums(size=path.stat().st_size, sha256=sha256, crc32=_crc32_of(path))
        # A large file that is there already is not sent once more, only to hear so at its completion.
        if self.size(key) is None:
            write = self._put_parts if sums.size > PART else self._put_small
            self._once(key, lambda: write(key, path, sums))
        self._verify(key, sums)
        self._compare(key, path, sums, thorough=thorough)

    def _put_small(self, key: str, path: Path, sums: Sums) -> None:
        self._put_whole(key, path.read_bytes(), sums)

    def _put_whole(self, key: str, data: bytes, sums: Sums) -> None:
        self._call(
            key, self.client.put_object, Key=self.prefix + key, Body=data, IfNoneMatch="*",
            Metadata={"sha256": sums.sha256}, ChecksumSHA256=sums.fields["ChecksumSHA256"],
            **self._retention(key),
        )  # fmt: skip

    def _put_parts(self, key: str, path: Path, sums: Sums) -> None:
        full = self.prefix + key
        self._abort_leftovers(full)
        begun = self._call(
            key, self.client.create_multipart_upload, Key=full, Metadata={"sha256": sums.sha256},
            ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT", **self._retention(key),
        )  # fmt: skip
        upload = self._told(begun, "UploadId")
        try:
            parts = list(self._send_parts(key, path, upload))
            self._call(
                key, self.client.complete_multipart_upload, Key=full, UploadId=upload, IfNoneMatch="*",
                MultipartUpload={"Parts": parts}, ChecksumType="FULL_OBJECT", MpuObjectSize=sums.size,
                ChecksumCRC32=sums.fields["ChecksumCRC32"],
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
                tag = self._told(sent, "ETag")
                if not _arrived(sent, data, crc):
                    raise StoreBusy(f"{key}: part {number} arrived damaged at {self.url}; try again")
                yield {"PartNumber": number, "ETag": tag, "ChecksumCRC32": crc}
                number += 1

    def _told(self, answer: dict[str, Any], name: str) -> str:
        if not answer.get(name):
            raise StoreBusy(f"{self.url} answered without {name}; try again")
        return str(answer[name])

    def _abort_leftovers(self, full: str) -> None:
        """Abort what an interrupted upload of this key left: its parts cost money, and nobody sees them."""
        try:
            page = self._call(full, self.client.list_multipart_uploads, Prefix=full)
        except StoreBusy:
            raise
        except StoreError:
            return  # not every server, and not every user's rights, have such a list
        for left in page.get("Uploads", ()):
            if left["Key"] == full:
                self._abort(full, left["UploadId"])

    def _abort(self, full: str, upload: str) -> None:
        try:
            self.client.abort_multipart_upload(Bucket=self.bucket, Key=full, UploadId=upload)
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
            return  # the next upload of this key, or the bucket's lifecycle rule, removes what is left of it

    def _once(self, key: str, write: Callable[[], None]) -> None:
        """Write; where the key is taken, `_verify` tells whether by the same bytes."""
        try:
            write()
        except StoreConflict:
            if self.size(key) is None:
                raise StoreBusy(f"{key}: somebody else is writing it to {self.url}; try again") from None

    def _verify(self, key: str, sums: Sums) -> None:
        """Raise StoreConflict where the object is another; StoreBusy where the server contradicts itself."""
        try:
            head = self._call(key, self.client.head_object, Key=self.prefix + key, ChecksumMode="ENABLED")
        except NotStored:
            raise StoreBusy(f"{self.url} said that it stored {key}, but holds none; try again") from None
        if head["ContentLength"] != sums.size:
            raise StoreConflict(f"{key}: {self.url} holds {head['ContentLength']} bytes, not our {sums.size}")
        said = _contradiction(head, sums)
        known = {name.lower(): value for name, value in head.get("Metadata", {}).items()}.get("sha256")
        if (said or known != sums.sha256) and self._digest(key, sums.size) != sums.sha256:
            raise _taken(key)
        if said:
            raise StoreBusy(f"{key}: {self.url} names another {said} than that of its bytes; try again")

    def _digest(self, key: str, size: int) -> str:
        digest = hashlib.sha256()
        for start in range(0, size, PART):
            digest.update(self._range(key, start, min(PART, size - start)))
        return digest.hexdigest()

    def _compare(self, key: str, path: Path, sums: Sums, *, thorough: bool) -> None:
        """Read back: all of it, or both ends, since metadata is only what we said ourselves."""
        step = PART if thorough else EDGE
        starts = range(0, sums.size, step) if thorough else sorted({0, max(0, sums.size - EDGE)})
        with path.open("rb") as file:
            for start in starts:
                file.seek(start)
                wanted = file.read(step)
                # Twice wrong is wrong; once may be damage on the way.
                if wanted and self._range(key, start, len(wanted)) != wanted:
                    if self._range(key, start, len(wanted)) != wanted:
                        raise _taken(key)
                    raise StoreBusy(f"{key} arrived damaged from {self.url}; try again")

    def _range(self, key: str, start: int, length: int) -> bytes:
        data = self.read(key, start, length)
        if len(data) != length:
            raise StoreBusy(
                f"{self.url} sent {len(data)} bytes of {key} where {length} were asked for; try again"
            )
        return data

    def _retention(self, key: str) -> dict[str, Any]:
        if not self._config.lock_days or not key.startswith(LOCKED):
            return {}
        if self._default is None:
            self._default = self._lock()
        mode = self._config.lock_mode.upper()
        return retention(self._default, days=self._config.lock_days, mode=mode, now=datetime.now(UTC))

    def lacks(self) -> tuple[str, ...]:
        """What the store cannot do, of `ASKED`; writes one empty object, once, under the key `.probe`."""
        tests = (self._is_conditional, self._sums_up, self._locks, self._versions)
        return tuple(name for name, test in zip(ASKED, tests, strict=True) if not test())

    def _is_conditional(self) -> bool:
        empty = _base64(hashlib.sha256().digest())

        def refused() -> bool:
            try:
                self._call(
                    PROBE, self.client.put_object, Key=self.prefix + PROBE, Body=b"", IfNoneMatch="*",
                    ChecksumSHA256=empty,
                )  # fmt: skip
            except (StoreBusy, StoreDenied):
                raise
            except StoreError as error:
                return isinstance(error, StoreConflict)
            return False

        return refused() or refused()

    def _sums_up(self) -> bool:
        """Whether a part with a wrong checksum is refused; the upload is never completed."""
        full, upload = self.prefix + PROBE, ""
        try:
            begun = self._call(
                PROBE, self.client.create_multipart_upload, Key=full, ChecksumAlgorithm="CRC32"
            )
            upload = self._told(begun, "UploadId")
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

    def _locks(self) -> bool:
        return self._lock().get("ObjectLockEnabled") == "Enabled"

    def _versions(self) -> bool:
        return bool(self._known(self.client.get_bucket_versioning).get("Status") == "Enabled")

    def _lock(self) -> dict[str, Any]:
        """The bucket's Object Lock: empty where it has none, or where we may not ask."""
        return dict(self._known(self.client.get_object_lock_configuration).get("ObjectLockConfiguration", {}))

    def _known(self, method: Callable[..., dict[str, Any]]) -> dict[str, Any]:
        try:
            return self._call("", method)
        except StoreBusy:
            raise
        except StoreError:
            return {}

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Bytes of an object from `start`; raise NotStored where there is none."""
        if length == 0:
            return b""
        end = "" if length is None else start + length - 1
        extra = {} if start == 0 and length is None else {"Range": f"bytes={start}-{end}"}
        answer = self._call(key, self.client.get_object, Key=self.prefix + key, **extra)
        try:
            return bytes(answer["Body"].read())
        except (botocore.exceptions.BotoCoreError, OSError) as error:
            raise StoreBusy(f"{self.url} broke off while sending {key}; try again") from error

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
        yield from sorted(found)

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
        except botocore.exceptions.BotoCoreError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> StoreBusy:
        where = self.client.meta.endpoint_url
        return StoreBusy(f"cannot reach the store at {where}: {type(error).__name__}; is it running?")

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
        if code in DAMAGED:
            return StoreDamaged(f"{key} arrived damaged at {self.url} ({code}); try again")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in BUSY or (status >= 500 and status != 501):  # 501: never, however often one asks
            return StoreBusy(f"{self.url} answered {code}; try again")
        return StoreError(f"{self.url} answered {code or error} for {key}")


def retention(bucket: dict[str, Any], *, days: int, mode: str, now: datetime) -> dict[str, Any]:
    """What to send with an object so that it is locked for `days`; nothing where the bucket locks it better.

    `bucket` is the bucket's ObjectLockConfiguration. Its own default is neither shortened nor made milder.
    """
    if bucket.get("ObjectLockEnabled") != "Enabled":
        return {}
    default = bucket.get("Rule", {}).get("DefaultRetention", {})
    longer = default.get("Days", 0) + 365 * default.get("Years", 0) >= days
    milder = default.get("Mode") == "COMPLIANCE" and mode != "COMPLIANCE"
    if milder or (longer and mode == default.get("Mode")):
        return {}
    days = max(days, default.get("Days", 0) + 366 * default.get("Years", 0))
    return {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": now + timedelta(days=days)}


@cache
def _loader() -> Any:
    return botocore.loaders.create_loader()


def _session() -> Any:
    """A session of its own for each store, but one reading of S3's model for all: it takes 100 ms."""
    session = botocore.session.get_session()
    session.register_component("data_loader", _loader())
    return boto3.session.Session(botocore_session=session)


def _contradiction(head: dict[str, Any], sums: Sums) -> str:
    """The checksum in a HEAD that is not ours; "" where none contradicts (a composite one says nothing)."""
    for name, ours in sums.fields.items():
        said = str(head.get(name) or ours)
        if said != ours and "-" not in said:
            return name
    return ""


def _arrived(sent: dict[str, Any], data: bytes, crc: str) -> bool:
    """Whether the answer to a part names our checksum; of old servers, the MD5 that their ETag is."""
    if said := sent.get("ChecksumCRC32"):
        return bool(said == crc)
    tag = sent["ETag"].strip('"')
    # Under server-side encryption an ETag is no MD5.
    known = len(tag) == 32 and not sent.get("ServerSideEncryption") and not sent.get("SSECustomerAlgorithm")
    return not known or tag == hashlib.md5(data, usedforsecurity=False).hexdigest()


def _taken(key: str) -> StoreConflict:
    return StoreConflict(f"{key} exists with other bytes; nothing was overwritten, look at who writes it")


def _crc32_of(path: Path) -> int:
    crc = 0
    with path.open("rb") as file:
        while data := file.read(1 << 20):
            crc = zlib.crc32(data, crc)
    return crc


def _crc(number: int) -> str:
    return _base64(number.to_bytes(4, "big"))


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def make_bucket(bucket: str) -> None:
    """Make a bucket where it does not exist; for one's own server beside this process."""
    S3Store(bucket=bucket, prefix="").make_bucket()
