"""Files of a folder, an S3 prefix or a prefix of Azure Blob Storage: list, stream, decompress; every one of them bounded.

A folder is named ``file:///absolute/path``, a plain path, ``s3://bucket/prefix``, or for Azure
``https://account.blob.core.windows.net/container/prefix`` or ``az://container/prefix``. S3 credentials come from boto3's
standard chain (environment, profile, role); the endpoint from the configuration or ``AWS_ENDPOINT_URL_S3``. Azure's come from
the variables Azure's own tools read: an address with ``https://`` takes ``AZURE_STORAGE_SAS_TOKEN`` or ``AZURE_STORAGE_KEY``,
one with ``az://`` takes account and credential from ``AZURE_STORAGE_CONNECTION_STRING``. Without one nothing is asked.
Names and contents come from outside: a key never leads out of its folder, symbolic links included, and a compressed
object is refused when it unpacks to more than the limits say.
"""

from __future__ import annotations

import io
import os
import re
import stat
import tempfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import unquote, urlsplit

from reconcilers.errors import (
    AccessRefused,
    PeriodIncomplete,
    SettingsInvalid,
    SourceRejected,
    SourceUnavailable,
    SourceUnreachable,
)
from reconcilers.sources import amazon

_CHUNK = 1 << 20
#: One compressed zstd block of 4 bytes may unpack to 128 KiB, so input is fed in small pieces.
_ZSTD_FEED = 2048
_GZIP_MAGIC, _ZSTD_MAGIC, _ZIP_MAGIC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"

#: ``landing_line`` of a pull with several objects: object number × this + line in the object, both readable at a glance.
LINES_PER_OBJECT = 10_000_000_000


#: Of an account of Azure's that an address names, one of both: a signature for one container, or the key of the account.
BLOB_SECRETS = ("AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_KEY")
#: Account and credential in one text.
BLOB_CONNECTION = "AZURE_STORAGE_CONNECTION_STRING"
#: ``account.blob.core.windows.net``, and what stands for it in Azure's other clouds.
_BLOB_HOST = re.compile(r"[a-z0-9]{3,24}(?:-secondary)?\.blob\.[a-z0-9.-]+")


def secrets(uri: str) -> tuple[str, ...]:
    """The environment variables that the credential of a folder may be in."""
    if uri.startswith("s3://"):
        return amazon.SECRETS
    if uri.startswith("az://"):
        return (BLOB_CONNECTION,)
    return BLOB_SECRETS if uri.startswith("https://") else ()


def is_near(uri: str) -> bool:
    """Whether a folder is one of this machine, so that looking into it is no request."""
    return not uri.startswith(("s3://", "az://", "https://"))


def line_base(object_index: int) -> int:
    """What to add to a line number so that it also says which object of the pull (0, 1, …) the line is in."""
    return object_index * LINES_PER_OBJECT


def split_line(landing_line: int) -> tuple[int, int]:
    """(object index, line in that object) of a ``landing_line``."""
    return divmod(landing_line, LINES_PER_OBJECT)


@dataclass(frozen=True)
class Limits:
    """What no object or folder of a bill exceeds. ``max_ratio`` is unpacked : packed, beyond the first ``free_bytes``."""

    max_objects: int = 100_000
    max_object_bytes: int = 16 << 30
    max_unpacked_bytes: int = 64 << 30
    max_ratio: int = 250
    free_bytes: int = 16 << 20


@dataclass(frozen=True)
class StoredObject:
    """One object as listed. ``key`` is relative to its folder; ``version`` changes whenever the content does."""

    key: str
    uri: str
    bytes: int
    version: str
    modified_at: datetime


class Folder(ABC):
    """One folder or prefix. Keys are relative to it and use ``/``."""

    def __init__(self, uri: str, source: str | None, limits: Limits) -> None:
        self.uri, self.source, self.limits = uri, source, limits

    @abstractmethod
    def list(self, prefix: str = "") -> list[StoredObject]:
        """Every object whose key starts with ``prefix``, in key order. An absent folder is an error, an empty one not."""

    @abstractmethod
    def stream(self, stored: StoredObject) -> Iterator[bytes]:
        """The bytes of the version that was listed. ``PeriodIncomplete`` when another one is in its place by now."""

    def named(self, key: str) -> StoredObject:
        """The object of that very key. Raises ``SourceRejected`` where it is not there any more."""
        found = next((stored for stored in self.list(key) if stored.key == key), None)
        if found is None:
            raise self._rejected("the file is gone", key, "run again; a writer renamed it")
        return found

    @contextmanager
    def copy(self, stored: StoredObject) -> Iterator[Path]:
        """A local copy of one object, to be looked into before it is landed; gone afterwards."""
        with tempfile.NamedTemporaryFile(prefix="reconcile-") as out:
            for chunk in self.stream(stored):
                out.write(chunk)
            out.flush()
            yield Path(out.name)

    def in_place(self, stored: StoredObject) -> AbstractContextManager[Path] | None:
        """The object itself as a file, where it is one of this machine; null where it is not. ``PeriodIncomplete`` at the end when
        another version is in its place by then."""
        return None

    def read(self, stored: StoredObject, max_bytes: int = 64 << 20) -> bytes:
        """A small object whole."""
        if stored.bytes > max_bytes:
            raise self._rejected(f"{stored.bytes} bytes, more than the {max_bytes} allowed here", stored.key)
        return b"".join(self.stream(stored))

    def _check_size(self, stored: StoredObject) -> None:
        if stored.bytes > self.limits.max_object_bytes:
            raise self._rejected(f"object of {stored.bytes} bytes is over the limit", stored.key)

    def _check_count(self, count: int) -> None:
        if count > self.limits.max_objects:
            raise SourceRejected(
                f"{self.uri} holds more than {self.limits.max_objects} objects",
                source=self.source,
                hint="narrow the uri to the export's own folder",
            )

    def _rejected(self, problem: str, key: str, hint: str | None = None) -> SourceRejected:
        return SourceRejected(problem, source=self.source, file=key, hint=hint)

    def _changed(self, key: str) -> PeriodIncomplete:
        return PeriodIncomplete(
            "changed while it was read", source=self.source, file=key, hint="a delivery is in flight; run again later"
        )


def check_key(key: str, source: str | None = None) -> str:
    """``key`` when it stays below its folder; refuses absolute keys, ``..`` and backslashes."""
    parts = key.split("/")
    if key.startswith("/") or "\\" in key or "\0" in key or any(part in ("", ".", "..") for part in parts):
        raise SourceRejected(f"the name {key!r:.200} leads out of its folder", source=source)
    return key


def open_folder(
    uri: str, *, endpoint_url: str | None = None, source: str | None = None, limits: Limits | None = None
) -> Folder:
    """The folder ``uri`` names. Nothing is contacted yet."""
    limits = limits or Limits()
    parsed = urlsplit(uri)
    if parsed.scheme == "s3":
        if not parsed.netloc:
            raise SettingsInvalid(f"uri {uri!r} names no bucket", source=source, hint="write s3://bucket/prefix")
        return _S3Folder(uri, parsed.netloc, parsed.path.strip("/"), endpoint_url, source, limits)
    if parsed.scheme == "file":
        if parsed.netloc not in ("", "localhost"):
            raise SettingsInvalid(f"uri {uri!r} names a host", source=source, hint="write file:///absolute/path")
        return _LocalFolder(uri, Path(unquote(parsed.path)), source, limits)
    if parsed.scheme == "az" or (parsed.scheme == "https" and _BLOB_HOST.fullmatch(parsed.netloc)):
        account = None if parsed.scheme == "az" else f"https://{parsed.netloc}"
        path = parsed.path if account else f"{parsed.netloc}{parsed.path}"
        container, _, prefix = unquote(path).strip("/").partition("/")
        if not container:
            raise SettingsInvalid(
                f"uri {uri!r:.200} names no container", source=source, hint="write it behind the account"
            )
        if parsed.query:  # a signature would end in every message
            raise SettingsInvalid(
                "uri holds a query, which may be a signature", source=source, hint=f"put it into {BLOB_SECRETS[0]}"
            )
        return _BlobFolder(uri, account, container, prefix.strip("/"), source, limits)
    if parsed.scheme and "://" in uri:
        raise SettingsInvalid(
            f"uri {uri!r} is neither a path, file://, s3://, az:// nor https:// of Azure Blob Storage", source=source
        )
    return _LocalFolder(uri, Path(uri), source, limits)


class _LocalFolder(Folder):
    def __init__(self, uri: str, path: Path, source: str | None, limits: Limits) -> None:
        super().__init__(uri, source, limits)
        self.root = path.resolve()

    def list(self, prefix: str = "") -> list[StoredObject]:
        if not self.root.is_dir():
            raise SourceRejected(f"{self.uri} is not a folder", source=self.source, hint="check uri and mounts")
        found = []
        for folder, _, names in os.walk(self.root):
            for name in names:
                key = Path(folder, name).relative_to(self.root).as_posix()
                if key.startswith(prefix):
                    found.append(self._stored(key))
                    self._check_count(len(found))
        return sorted(found, key=lambda stored: stored.key)

    def stream(self, stored: StoredObject) -> Iterator[bytes]:
        self._check_size(stored)
        path = self._confined(stored.key)
        size = 0
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                size += len(chunk)
                yield chunk
            if size != stored.bytes or _version(os.fstat(stream.fileno())) != stored.version:
                raise self._changed(stored.key)

    @contextmanager
    def in_place(self, stored: StoredObject) -> Iterator[Path]:
        self._check_size(stored)
        try:
            yield self._confined(stored.key)
        finally:
            # Whatever else was wrong with it follows from that.
            if self._stored(stored.key).version != stored.version:
                raise self._changed(stored.key)

    def _stored(self, key: str) -> StoredObject:
        path = self._confined(key)
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise self._rejected("not a regular file", key)
        modified_at = datetime.fromtimestamp(status.st_mtime, UTC).replace(tzinfo=None)
        return StoredObject(key, path.as_uri(), status.st_size, _version(status), modified_at)

    def _confined(self, key: str) -> Path:
        path = (self.root / check_key(key, self.source)).resolve()
        if not path.is_relative_to(self.root):
            raise self._rejected("is a link that leads out of its folder", key, "replace the link by the file")
        if not path.exists():
            raise self._rejected("does not exist", key)
        return path


def _version(status: os.stat_result) -> str:
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ino}"


class _S3Folder(Folder):
    def __init__(
        self, uri: str, bucket: str, prefix: str, endpoint_url: str | None, source: str | None, limits: Limits
    ) -> None:
        super().__init__(uri, source, limits)
        self.bucket, self.prefix, self.endpoint_url = bucket, prefix, endpoint_url
        self._client: Any = None

    def list(self, prefix: str = "") -> list[StoredObject]:
        base = f"{self.prefix}/" if self.prefix else ""
        found = []
        with self._errors(prefix or self.prefix):
            pages = self._s3().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=base + prefix)
            for page in pages:
                for item in page.get("Contents", []):
                    if item["Key"].endswith("/"):
                        continue  # the console's folder markers
                    key = item["Key"][len(base) :]
                    modified_at = item["LastModified"].astimezone(UTC).replace(tzinfo=None)
                    uri = f"s3://{self.bucket}/{item['Key']}"
                    found.append(StoredObject(key, uri, item["Size"], item["ETag"], modified_at))
                    self._check_count(len(found))
        return found

    def stream(self, stored: StoredObject) -> Iterator[bytes]:
        self._check_size(stored)
        key = f"{self.prefix}/{stored.key}" if self.prefix else stored.key
        size = 0
        with self._errors(stored.key):
            answer = self._s3().get_object(Bucket=self.bucket, Key=key, IfMatch=stored.version)
            for chunk in answer["Body"].iter_chunks(_CHUNK):
                size += len(chunk)
                yield chunk
        if size != stored.bytes:
            raise self._changed(stored.key)

    def _s3(self) -> Any:
        if self._client is None:
            with self._errors(self.prefix):
                self._client = amazon.client("s3", self.endpoint_url)
        return self._client

    def _errors(self, key: str) -> AbstractContextManager[None]:
        """https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""
        changed = self._changed(key)
        return amazon.errors(
            f"s3://{self.bucket}",
            source=self.source,
            file=key,
            check="check uri, bucket and prefix",
            permission="s3:ListBucket and s3:GetObject here",
            meaning={"PreconditionFailed": changed, "412": changed},
        )


class _BlobFolder(Folder):
    """A prefix of a container. ``account`` is the account's own address; null where a connection string tells it."""

    def __init__(
        self, uri: str, account: str | None, container: str, prefix: str, source: str | None, limits: Limits
    ) -> None:
        super().__init__(uri, source, limits)
        self.account, self.container, self.prefix = account, container, prefix
        self._client: Any = None

    def list(self, prefix: str = "") -> list[StoredObject]:
        base = f"{self.prefix}/" if self.prefix else ""
        found = []
        with self._errors(prefix or self.prefix):
            client = self._blobs()
            for blob in client.list_blobs(name_starts_with=base + prefix, include=["metadata"]):
                if (blob.metadata or {}).get("hdi_isfolder") == "true":
                    continue  # a folder of an account with a hierarchy of names
                key = blob.name[len(base) :]
                modified_at = blob.last_modified.astimezone(UTC).replace(tzinfo=None)
                found.append(StoredObject(key, f"{client.url}/{blob.name}", blob.size, blob.etag, modified_at))
                self._check_count(len(found))
        return found

    def stream(self, stored: StoredObject) -> Iterator[bytes]:
        from azure.core import MatchConditions

        self._check_size(stored)
        key = f"{self.prefix}/{stored.key}" if self.prefix else stored.key
        size = 0
        with self._errors(stored.key):
            blob = self._blobs().get_blob_client(key)
            answer = blob.download_blob(etag=stored.version, match_condition=MatchConditions.IfNotModified)
            for chunk in answer.chunks():
                size += len(chunk)
                yield chunk
        if size != stored.bytes:
            raise self._changed(stored.key)

    def _blobs(self) -> Any:
        if self._client is None:
            from azure.storage.blob import ContainerClient, ExponentialRetry

            # Its own would wait a minute and a half before it gives up.
            retry = ExponentialRetry(initial_backoff=1, increment_base=2, retry_total=2)
            patience: dict[str, Any] = {"retry_policy": retry, "connection_timeout": 10, "read_timeout": 60}
            names = secrets(self.uri)
            secret = next((text for name in names if (text := os.environ.get(name, "").strip())), None)
            if secret is None:  # the SDK would ask as nobody, and the answer would not say why it is none
                hint = f"set {' or '.join(names)} in the environment"
                raise self._refused("no Azure credentials", self.prefix, hint)
            if self.account is None:
                try:
                    made = ContainerClient.from_connection_string(secret, self.container, **patience)
                except (ValueError, KeyError):  # the SDK's message may hold the key
                    hint = "copy it again from the account's access keys"
                    raise self._refused(f"{BLOB_CONNECTION} is no connection string", self.prefix, hint) from None
            else:
                made = ContainerClient(self.account, self.container, credential=secret, **patience)
            self._client = made
        return self._client

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        """The SDK's errors as ours. https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes"""
        from azure.core import exceptions

        where = f"{self.account or 'az:/'}/{self.container}"
        try:
            yield
        except exceptions.HttpResponseError as error:
            told_code, status = getattr(error, "error_code", None), error.status_code or 0
            code = str(getattr(told_code, "value", told_code) or error.reason or error.message)
            told = f"{where} answered {code}"  # without a status the key could not even sign
            if status == 412 or code == "BlobNotFound":  # it was there when it was listed
                raise self._changed(key) from None
            if status >= 500 or status == 429:
                raise SourceUnavailable(told, source=self.source, file=key) from None
            if status in (0, 401, 403) and code != "AuthorizationPermissionMismatch":
                raise self._refused(
                    told, key, "renew the credential of this job; a signature may have expired"
                ) from None
            hint = "check uri, container and prefix"
            if status == 403:  # of one object, it may be; nobody is refused the others
                hint = "grant the job Storage Blob Data Reader here"
            raise self._rejected(told, key, hint) from None
        except exceptions.ServiceRequestError as error:
            problem, hint = f"{where}: {type(error).__name__}: {error}", "check uri and the network"
            raise SourceUnreachable(problem, source=self.source, hint=hint) from error
        except (exceptions.AzureError, OSError) as error:
            raise SourceUnavailable(f"{where}: {type(error).__name__}", source=self.source, file=key) from error

    def _refused(self, problem: str, key: str, hint: str) -> AccessRefused:
        return AccessRefused(problem, source=self.source, file=key, hint=hint)


# Decompression -------------------------------------------------------------------------------------------------------


def open_unpacked(path: Path, name: str, *, source: str | None = None, limits: Limits | None = None) -> BinaryIO:
    """A stream over the file's content, gzip, zstd and zip unpacked (told by their first bytes, not by the name).

    Reading raises ``SourceRejected`` naming ``name`` when the packed data is corrupt, truncated or unpacks too far.
    """
    raw = path.open("rb")
    magic = raw.read(4)
    raw.seek(0)
    if magic[:2] == _GZIP_MAGIC:
        chunks = _gunzip(raw)
    elif magic == _ZSTD_MAGIC:
        chunks = _unzstd(raw)
    elif magic == _ZIP_MAGIC:
        chunks = _unzip(raw)
    else:
        return raw
    return cast(BinaryIO, io.BufferedReader(_Unpacked(raw, chunks, name, source, limits or Limits()), _CHUNK))


class _Corrupt(Exception):
    """Packed data that does not unpack; turned into ``SourceRejected`` where the file's name is known."""


def _gunzip(raw: BinaryIO) -> Iterator[bytes]:
    """All members of a gzip file (RFC 1952 allows several); zlib checks each member's CRC and length."""
    data = raw.read(_CHUNK)
    while data:
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            if not data:
                data = raw.read(_CHUNK)
                if not data:
                    raise _Corrupt("gzip data ends early")
            try:
                yield member.decompress(data, _CHUNK)
            except zlib.error as error:
                raise _Corrupt(f"gzip data is corrupt: {error}") from None
            data = member.unused_data if member.eof else member.unconsumed_tail
        # Padding after the last member is legal zero bytes.
        data = (data or raw.read(_CHUNK)).lstrip(b"\0")


def _unzstd(raw: BinaryIO) -> Iterator[bytes]:
    """All frames of a zstd file (RFC 8878 allows several); a window of at most 128 MiB."""
    import zstandard

    data = raw.read(_ZSTD_FEED)
    while data:
        frame = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
        while not frame.eof:
            if not data:
                data = raw.read(_ZSTD_FEED)
                if not data:
                    raise _Corrupt("zstd data ends early")
            try:
                yield frame.decompress(data)
            except zstandard.ZstdError as error:
                raise _Corrupt(f"zstd data is corrupt: {error}") from None
            data = frame.unused_data if frame.eof else b""
        data = data or raw.read(_ZSTD_FEED)


def _unzip(raw: BinaryIO) -> Iterator[bytes]:
    """The one file of a zip archive; of several nobody says which is meant."""
    try:
        with zipfile.ZipFile(raw) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) != 1:
                raise _Corrupt(f"a zip archive of {len(members)} files, not of one")
            with archive.open(members[0]) as member:
                while chunk := member.read(_CHUNK):
                    yield chunk
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise _Corrupt(f"zip data is corrupt: {error}") from None


class _Unpacked(io.RawIOBase):
    """Unpacked chunks as a readable stream, counted against the limits."""

    def __init__(self, raw: BinaryIO, chunks: Iterator[bytes], name: str, source: str | None, limits: Limits) -> None:
        self.raw, self.chunks, self.name, self.source, self.limits = raw, chunks, name, source, limits
        self.rest = b""
        self.unpacked_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            while not self.rest:
                self.rest = next(self.chunks)
                self._count(len(self.rest))
        except StopIteration:
            return 0
        except _Corrupt as error:
            raise SourceRejected(
                str(error), source=self.source, file=self.name, hint="ask for the file again; it is damaged"
            ) from None
        count = min(len(buffer), len(self.rest))
        buffer[:count] = self.rest[:count]
        self.rest = self.rest[count:]
        return count

    def _count(self, size: int) -> None:
        self.unpacked_bytes += size
        allowed = max(self.limits.free_bytes, self.raw.tell() * self.limits.max_ratio)
        if self.unpacked_bytes > min(allowed, self.limits.max_unpacked_bytes):
            raise SourceRejected(
                f"unpacks to more than {min(allowed, self.limits.max_unpacked_bytes)} bytes",
                source=self.source,
                file=self.name,
                hint="no bill compresses like this; check where the file comes from",
            )

    def close(self) -> None:
        self.raw.close()
        super().close()
