"""Listings: the walk against a naive model, and what clients see of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from cumulet.services.s3.engine import listing
from cumulet.services.s3.state.objects import position

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

names = st.text(alphabet=st.sampled_from("ab/\x00\x01é\U0001f600-"), min_size=1, max_size=6)


def walk(keys: set[str], prefix: str, delimiter: str, start: bytes, limit: int) -> listing.Found:
    """Drive the walk over a sorted list."""
    rows = sorted((position(key), b"") for key in keys)

    def fetch(lo: bytes, hi: bytes, count: int) -> list[tuple[bytes, bytes]]:
        return [row for row in rows if lo <= row[0] < hi][:count]

    steps = listing.walk(fetch, prefix, delimiter, start, limit)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            found: listing.Found = stop.value
            return found


def model(keys: set[str], prefix: str, delimiter: str, after: str) -> list[str]:
    """All names and common prefixes, in order, those marked by a trailing NUL NUL to tell them apart."""
    out: list[str] = []
    for key in sorted(keys, key=str.encode):
        if not key.startswith(prefix) or key.encode() <= after.encode():
            continue
        group = listing.rolled(key, prefix, delimiter)
        if group is None:
            out.append(key)
        elif group != after and f"{group}\0\0" not in out:
            out.append(f"{group}\0\0")
    return out


@given(
    st.sets(names, max_size=40), st.text("ab/é", max_size=2), st.sampled_from(["", "/", "a", "//"]), names | st.just("")
)
@settings(max_examples=200, deadline=None)
def test_pages_make_the_whole(keys: set[str], prefix: str, delimiter: str, after: str) -> None:
    for limit in (1, 3, 1000):
        got: list[str] = []
        at = listing.start(after, prefix, delimiter)
        while True:
            page = walk(keys, prefix, delimiter, at, limit)
            assert len(page.items) + len(page.prefixes) <= limit
            merged = [name for name, _, _ in page.items] + [f"{one}\0\0" for one in page.prefixes]
            got += sorted(merged, key=str.encode)
            if page.position is None:
                break
            assert page.position > at
            at = page.position
        assert got == model(keys, prefix, delimiter, after)


def test_a_common_prefix_costs_a_seek_whatever_it_holds() -> None:
    rows = sorted((position(f"{group}/{n:05}"), b"") for group in "abc" for n in range(2000))
    read = 0

    def fetch(lo: bytes, hi: bytes, count: int) -> list[tuple[bytes, bytes]]:
        nonlocal read
        found = [row for row in rows if lo <= row[0] < hi][:count]
        read += len(found)
        return found

    steps = listing.walk(fetch, "", "/", b"", 1000)
    with pytest.raises(StopIteration) as stop:
        while True:
            next(steps)
    assert stop.value.value.prefixes == ["a/", "b/", "c/"]
    assert read < 600


@given(names)
def test_positions_keep_names(name: str) -> None:
    assert listing.decode(position(name)) == name
    assert position(name).startswith(listing.encode(name))


def test_names_in_urls() -> None:
    assert listing.url("a/b c+ü*.txt") == "a/b+c%2B%C3%BC*.txt"


@pytest.fixture
def filled(s3: S3Client, bucket: str) -> str:
    """A bucket with a few folders."""
    for key in ("a", "b/1", "b/2", "b/c/3", "d e", "é", "z/9", "\x01"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    return bucket


def test_version_two(s3: S3Client, filled: str) -> None:
    got = s3.list_objects_v2(Bucket=filled, Delimiter="/")
    assert [one["Key"] for one in got["Contents"]] == ["\x01", "a", "d e", "é"]
    assert [one["Prefix"] for one in got["CommonPrefixes"]] == ["b/", "z/"]
    assert (got["KeyCount"], got["IsTruncated"], got["MaxKeys"], got["Name"]) == (6, False, 1000, filled)
    entry = got["Contents"][1]
    assert (entry["Size"], entry["StorageClass"], entry["ETag"]) == (
        1,
        "STANDARD",
        '"0cc175b9c0f1b6a831c399e269772661"',
    )
    assert "Owner" not in entry
    got = s3.list_objects_v2(Bucket=filled, Prefix="b/", StartAfter="b/1", FetchOwner=True)
    assert [one["Key"] for one in got["Contents"]] == ["b/2", "b/c/3"]
    assert len(got["Contents"][0]["Owner"]["ID"]) == 64
    assert got["StartAfter"] == "b/1"
    for delimiter in ("", "/"):
        pages = s3.get_paginator("list_objects_v2").paginate(
            Bucket=filled, Delimiter=delimiter, PaginationConfig={"PageSize": 1}
        )
        found = [
            name
            for page in pages
            for name in [one["Key"] for one in page.get("Contents", [])]
            + [one["Prefix"] for one in page.get("CommonPrefixes", [])]
        ]
        every = ["\x01", "a", "b/1", "b/2", "b/c/3", "d e", "z/9", "é"]
        assert found == (["\x01", "a", "b/", "d e", "z/", "é"] if delimiter else every)
    assert s3.list_objects_v2(Bucket=filled, MaxKeys=0)["KeyCount"] == 0
    with pytest.raises(ClientError) as caught:
        s3.list_objects_v2(Bucket=filled, ContinuationToken="nonsense!")
    error: Any = caught.value.response["Error"]
    assert (error["Code"], error["Message"]) == ("InvalidArgument", "The continuation token provided is incorrect")


def test_version_one(s3: S3Client, filled: str) -> None:
    got = s3.list_objects(Bucket=filled, Delimiter="/", MaxKeys=3)
    assert [one["Key"] for one in got["Contents"]] == ["\x01", "a"]
    assert [one["Prefix"] for one in got["CommonPrefixes"]] == ["b/"]
    assert (got["IsTruncated"], got["NextMarker"]) == (True, "b/")
    assert got["Contents"][0]["Owner"]["ID"]
    rest = s3.list_objects(Bucket=filled, Delimiter="/", Marker=got["NextMarker"])
    assert [one["Key"] for one in rest["Contents"]] == ["d e", "é"]
    assert [one["Prefix"] for one in rest["CommonPrefixes"]] == ["z/"]
    assert "NextMarker" not in s3.list_objects(Bucket=filled, MaxKeys=2)
    assert [one["Key"] for one in s3.list_objects(Bucket=filled, Marker="b/c/3")["Contents"]] == ["d e", "z/9", "é"]


def test_versions_of_a_bucket_that_has_none(s3: S3Client, filled: str) -> None:
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=filled, PaginationConfig={"PageSize": 3})
    found: list[Any] = [one for page in pages for one in page["Versions"]]
    assert [one["Key"] for one in found] == ["\x01", "a", "b/1", "b/2", "b/c/3", "d e", "z/9", "é"]
    assert {(one["VersionId"], one["IsLatest"]) for one in found} == {("null", True)}
    s3.delete_object(Bucket=filled, Key="\x01", VersionId="null")  # no XML document can name it
    doomed: Any = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found[1:]]
    assert len(s3.delete_objects(Bucket=filled, Delete={"Objects": doomed})["Deleted"]) == 7
    assert s3.list_objects_v2(Bucket=filled)["KeyCount"] == 0
