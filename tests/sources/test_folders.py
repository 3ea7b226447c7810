"""Folders, S3 prefixes and containers: what is listed, what leads out of them, what changed meanwhile, and how far a file unpacks."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from reconcilers.errors import AccessRefused, PeriodIncomplete, SettingsInvalid, SourceRejected, SourceUnreachable
from reconcilers.sources.folders import (
    BLOB_SECRETS,
    Limits,
    check_key,
    is_near,
    line_base,
    open_folder,
    open_unpacked,
    secrets,
    split_line,
)
from tests.sources.conftest import AZURITE_KEY, Bucket, Container


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder ``bills`` with three files, beside a file that is nobody's business."""
    (tmp_path / "secret.csv").write_bytes(b"secret")
    root = tmp_path / "bills"
    for key in ("b.csv", "2026/09/a.csv", "2026/10/a.csv"):
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).write_bytes(key.encode())
    return root


# Local folders --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("uri", ["{0}", "file://{0}", "file://localhost{0}"])
def test_keys_are_relative_and_in_order(folder: Path, uri: str) -> None:
    opened = open_folder(uri.format(folder))
    found = opened.list()
    assert [stored.key for stored in found] == ["2026/09/a.csv", "2026/10/a.csv", "b.csv"]
    assert [b"".join(opened.stream(stored)).decode() for stored in found] == [stored.key for stored in found]
    assert [stored.key for stored in opened.list("2026/1")] == ["2026/10/a.csv"]
    with opened.copy(found[0]) as path:
        assert path.read_bytes() == b"2026/09/a.csv"
    assert not path.exists()


def test_a_file_is_named_by_its_whole_name(folder: Path) -> None:
    (folder / "b.csv.gz").write_bytes(b"packed")
    opened = open_folder(str(folder), source="bill")
    assert [opened.named(key).key for key in ("b.csv", "b.csv.gz", "2026/09/a.csv")] == [
        "b.csv",
        "b.csv.gz",
        "2026/09/a.csv",
    ]
    for gone in ("b.cs", "2026/09", "2026/11/a.csv"):
        with pytest.raises(SourceRejected, match="the file is gone") as caught:
            opened.named(gone)
        assert (caught.value.source, caught.value.file) == ("bill", gone)


def test_a_uri_may_have_its_blanks_written_out(tmp_path: Path) -> None:
    (tmp_path / "my bills").mkdir()
    (tmp_path / "my bills" / "a.csv").touch()
    assert [stored.key for stored in open_folder(f"{tmp_path.as_uri()}/my%20bills").list()] == ["a.csv"]


def test_an_empty_folder_is_no_error_and_an_absent_one_is(tmp_path: Path) -> None:
    assert open_folder(str(tmp_path)).list() == []
    with pytest.raises(SourceRejected, match=r"source bill: .*absent is not a folder"):
        open_folder(str(tmp_path / "absent"), source="bill").list()


@pytest.mark.parametrize(
    "uri",
    [
        "file://elsewhere/bills",
        "s3://",
        "gs://bucket/bills",
        "https://host/bills",
        "http://acme.blob.core.windows.net/exports",
        "az://",
        "https://acme.blob.core.windows.net/",
        "https://acme.blob.core.windows.net/exports?sv=2025-01-05&sig=secret",
    ],
)
def test_a_uri_of_another_kind_is_a_setting(uri: str) -> None:
    with pytest.raises(SettingsInvalid, match="uri"):
        open_folder(uri)


@pytest.mark.parametrize("key", ["/a", "../a", "a/../../b", "a//b", "./a", "a\\..\\b", "a\0b", "", "a/"])
def test_a_name_that_could_lead_out_is_refused(key: str) -> None:
    with pytest.raises(SourceRejected, match="leads out of its folder"):
        check_key(key)
    assert check_key("a/b..c/.d") == "a/b..c/.d"


def test_a_link_that_leads_out_is_refused_and_one_within_is_not(folder: Path) -> None:
    (folder / "within.csv").symlink_to(folder / "b.csv")
    assert "within.csv" in [stored.key for stored in open_folder(str(folder)).list()]
    (folder / "out.csv").symlink_to(folder.parent / "secret.csv")
    with pytest.raises(SourceRejected, match=r"file out.csv: is a link that leads out"):
        open_folder(str(folder)).list()


def test_a_link_made_after_the_listing_is_not_followed(folder: Path) -> None:
    opened = open_folder(str(folder))
    stored = opened.list("b.csv")[0]
    (folder / "b.csv").unlink()
    (folder / "b.csv").symlink_to(folder.parent / "secret.csv")
    with pytest.raises(SourceRejected, match="leads out"):
        b"".join(opened.stream(stored))


def test_what_is_no_file_is_refused(folder: Path) -> None:
    os.mkfifo(folder / "pipe.csv")
    with pytest.raises(SourceRejected, match=r"file pipe.csv: not a regular file"):
        open_folder(str(folder)).list()


@pytest.mark.parametrize("content", [b"B.csv", b"longer than it was"])
def test_a_file_that_changed_since_it_was_listed_is_incomplete(folder: Path, content: bytes) -> None:
    opened = open_folder(str(folder))
    stored = opened.list("b.csv")[0]
    (folder / "b.csv").unlink()
    (folder / "b.csv").write_bytes(content)
    with pytest.raises(PeriodIncomplete, match=r"file b.csv: changed while it was read"):
        b"".join(opened.stream(stored))


def test_a_file_is_read_in_its_place_as_long_as_it_is_as_listed(folder: Path) -> None:
    opened = open_folder(str(folder))
    place = opened.in_place(opened.named("b.csv"))
    assert place
    with place as path:
        assert path.read_bytes() == b"b.csv"
    place = opened.in_place(opened.named("b.csv"))
    assert place
    with pytest.raises(PeriodIncomplete, match=r"file b.csv: changed while it was read"), place as path:
        path.write_bytes(b"longer than it was")


def test_a_folder_has_limits(folder: Path) -> None:
    with pytest.raises(SourceRejected, match="holds more than 2 objects"):
        open_folder(str(folder), limits=Limits(max_objects=2)).list()
    opened = open_folder(str(folder), limits=Limits(max_object_bytes=12))
    small, large = opened.list("b.csv")[0], opened.list("2026/09")[0]
    assert b"".join(opened.stream(small)) == b"b.csv"
    with pytest.raises(SourceRejected, match="object of 13 bytes is over the limit"):
        b"".join(opened.stream(large))
    with pytest.raises(SourceRejected, match="5 bytes, more than the 4 allowed here"):
        opened.read(small, max_bytes=4)


# S3 -------------------------------------------------------------------------------------------------------------------


def test_a_prefix_is_a_folder(bucket: Bucket) -> None:
    for key in ("bills/b.csv", "bills/2026/09/a.csv", "bills/2026/", "bills-2/c.csv", "d.csv"):
        bucket.put(key, key.encode())
    opened = open_folder(f"s3://{bucket.name}/bills/", endpoint_url=bucket.endpoint_url)
    found = opened.list()
    assert [stored.key for stored in found] == ["2026/09/a.csv", "b.csv"]
    assert [opened.read(stored) for stored in found] == [b"bills/2026/09/a.csv", b"bills/b.csv"]
    assert found[0].uri == f"s3://{bucket.name}/bills/2026/09/a.csv"
    whole = open_folder(f"s3://{bucket.name}", endpoint_url=bucket.endpoint_url)
    assert [stored.key for stored in whole.list("bills/b")] == ["bills/b.csv"]


def test_an_object_that_changed_since_it_was_listed_is_incomplete(bucket: Bucket) -> None:
    opened = open_folder(f"s3://{bucket.name}", endpoint_url=bucket.endpoint_url)
    bucket.put("a.csv", b"first")
    stored = opened.list()[0]
    bucket.put("a.csv", b"other")
    with pytest.raises(PeriodIncomplete, match=r"file a.csv: changed while it was read"):
        opened.read(stored)


def test_an_object_that_says_how_it_is_packed_comes_packed(bucket: Bucket, tmp_path: Path) -> None:
    """Collectors set Content-Encoding, which clients of HTTP may unpack by: the hash is of what is stored."""
    packed = gzip.compress(b"a line\n", mtime=0)
    bucket.client.put_object(Bucket=bucket.name, Key="a.json.gz", Body=packed, ContentEncoding="gzip")
    opened = open_folder(f"s3://{bucket.name}", endpoint_url=bucket.endpoint_url)
    (stored,) = opened.list()
    assert b"".join(opened.stream(stored)) == packed
    (tmp_path / "landed").write_bytes(packed)
    with open_unpacked(tmp_path / "landed", stored.key) as unpacked:
        assert unpacked.read() == b"a line\n"


def test_a_silent_s3_is_unavailable(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(SourceUnreachable, match=f"s3://{bucket.name}: EndpointConnectionError.*127.0.0.1:1") as raised:
        open_folder(f"s3://{bucket.name}", endpoint_url="http://127.0.0.1:1").list()
    assert raised.value.stops_source


# Azure ----------------------------------------------------------------------------------------------------------------


def test_a_prefix_of_a_container_is_a_folder(container: Container) -> None:
    for key in ("bills/b.csv", "bills/2026/09/a.csv", "bills-2/c.csv", "d.csv"):
        container.put(key, key.encode())
    # An account with a hierarchy of names lists its folders, too.
    container.client.upload_blob("bills/2026", b"", metadata={"hdi_isfolder": "true"})
    opened = open_folder(f"az://{container.name}/bills/")
    found = opened.list()
    assert [stored.key for stored in found] == ["2026/09/a.csv", "b.csv"]
    assert [opened.read(stored) for stored in found] == [b"bills/2026/09/a.csv", b"bills/b.csv"]
    assert found[0].uri == f"{container.client.url}/bills/2026/09/a.csv"
    assert [stored.key for stored in open_folder(f"az://{container.name}").list("bills/b")] == ["bills/b.csv"]


def test_a_blob_larger_than_one_request_comes_whole(container: Container) -> None:
    content = os.urandom(9 << 20) * 5
    container.put("a.csv", content)
    opened = open_folder(f"az://{container.name}")
    with opened.copy(opened.list()[0]) as path:
        assert path.read_bytes() == content


def test_a_blob_that_changed_since_it_was_listed_is_incomplete(container: Container) -> None:
    opened = open_folder(f"az://{container.name}")
    container.put("a.csv", b"first")
    stored = opened.list()[0]
    container.put("a.csv", b"other")
    with pytest.raises(PeriodIncomplete, match=r"file a.csv: changed while it was read"):
        opened.read(stored)


def test_a_blob_that_is_gone_is_incomplete_and_a_container_that_never_was_is_a_setting(container: Container) -> None:
    opened = open_folder(f"az://{container.name}", source="bill")
    container.put("a.csv", b"first")
    stored = opened.list()[0]
    container.delete("a.csv")
    with pytest.raises(PeriodIncomplete, match=r"source bill, file a.csv: changed while it was read"):
        opened.read(stored)
    with pytest.raises(SourceRejected, match=f"az://{container.name}-none answered ContainerNotFound") as raised:
        open_folder(f"az://{container.name}-none/bills").list()
    assert not raised.value.retryable


WRONG_KEY = "QSBrZXkgdGhhdCBpcyBub2JvZHkncw=="


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda text: "", "no Azure credentials"),
        (lambda text: "a password", "AZURE_STORAGE_CONNECTION_STRING is no connection string"),
        (lambda text: text.replace(AZURITE_KEY, WRONG_KEY), "answered AuthorizationFailure"),
        (lambda text: text.replace(AZURITE_KEY, "abc"), "Incorrect padding"),
    ],
)
def test_a_credential_that_opens_nothing_stops_the_source_and_is_not_shown(
    container: Container, monkeypatch: pytest.MonkeyPatch, change: Callable[[str], str], problem: str
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", change(container.connection))
    with pytest.raises(AccessRefused, match=problem) as raised:
        open_folder(f"az://{container.name}").list()
    assert raised.value.stops_source
    assert not any(secret in str(raised.value) for secret in ("a password", WRONG_KEY, AZURITE_KEY))


@pytest.mark.parametrize("told", [None, " "])
def test_an_address_of_an_account_without_a_credential_is_refused_before_it_is_asked(
    monkeypatch: pytest.MonkeyPatch, told: str | None
) -> None:
    for name in BLOB_SECRETS:
        monkeypatch.delenv(name, raising=False)
        if told:
            monkeypatch.setenv(name, told)
    # Whoever asked here would have to wait for the network.
    with pytest.raises(AccessRefused, match="source bill, file daily: no Azure credentials") as raised:
        open_folder("https://acme.blob.core.windows.net/exports/daily", source="bill").list()
    assert raised.value.stops_source
    assert raised.value.hint == "set AZURE_STORAGE_SAS_TOKEN or AZURE_STORAGE_KEY in the environment"


def test_a_silent_account_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"AccountName=acme;AccountKey={AZURITE_KEY};BlobEndpoint=http://127.0.0.1:1/acme"
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", text)
    with pytest.raises(SourceUnreachable, match="az://exports: ServiceRequestError") as raised:
        open_folder("az://exports").list()
    assert raised.value.stops_source


@pytest.mark.parametrize(
    ("uri", "read", "near"),
    [
        ("bills", (), True),
        ("file:///bills", (), True),
        ("s3://bucket/bills", ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), False),
        ("az://exports/bills", ("AZURE_STORAGE_CONNECTION_STRING",), False),
        ("https://acme.blob.core.windows.net/exports", ("AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_KEY"), False),
    ],
)
def test_a_uri_tells_where_its_credential_is(uri: str, read: tuple[str, ...], near: bool) -> None:
    assert (secrets(uri), is_near(uri)) == (read, near)
    open_folder(uri)


# Packed files ---------------------------------------------------------------------------------------------------------


def unpacked(path: Path, content: bytes, limits: Limits | None = None) -> bytes:
    path.write_bytes(content)
    with open_unpacked(path, "bill.csv", source="bill", limits=limits) as stream:
        return stream.read()


TEXT = b"a line of a bill\n" * 1000
PACKED = {
    "plain": TEXT,
    "gzip": gzip.compress(TEXT, mtime=0),
    "gzip of two members and padding": gzip.compress(TEXT[:9], mtime=0)
    + gzip.compress(TEXT[9:], mtime=0)
    + b"\0" * 512,
    "zstd": zstandard.ZstdCompressor().compress(TEXT),
    "zstd of two frames": zstandard.ZstdCompressor().compress(TEXT[:9]) + zstandard.ZstdCompressor().compress(TEXT[9:]),
}


@pytest.mark.parametrize("packing", PACKED)
def test_a_packing_is_told_by_the_first_bytes(tmp_path: Path, packing: str) -> None:
    assert unpacked(tmp_path / "no-suffix", PACKED[packing]) == TEXT


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (PACKED["gzip"][:-4], "gzip data ends early"),
        (PACKED["gzip"][:-8] + b"\1" * 8, "gzip data is corrupt"),
        (PACKED["gzip"] + b"trailing text", "gzip data is corrupt"),
        (PACKED["zstd"][:-3], "zstd data ends early"),
        (PACKED["zstd"] + b"trailing text", "zstd data is corrupt"),
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, content: bytes, problem: str) -> None:
    with pytest.raises(SourceRejected, match=f"source bill, file bill.csv: {problem}"):
        unpacked(tmp_path / "packed", content)


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_a_file_that_unpacks_too_far_is_refused(tmp_path: Path, packing: str) -> None:
    content = PACKED[packing]
    assert unpacked(tmp_path / "packed", content, Limits(free_bytes=len(TEXT), max_ratio=1)) == TEXT
    for limits in (Limits(free_bytes=len(TEXT) - 1, max_ratio=1), Limits(max_unpacked_bytes=len(TEXT) - 1)):
        with pytest.raises(SourceRejected, match=f"unpacks to more than {len(TEXT) - 1} bytes"):
            unpacked(tmp_path / "packed", content, limits)


def test_a_line_says_which_object_it_is_in() -> None:
    assert split_line(line_base(3) + 17) == (3, 17)
    assert split_line(line_base(0) + 2) == (0, 2)
