"""Files made to hurt: refused, or taken as text, at once and in little memory."""

from __future__ import annotations

import gzip
import io
import json
import resource
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from persmark import events
from persmark.errors import FileRefusedError
from persmark.store import Workspace
from tests.events.files import HEADER, csv_of, event_rows, load, write

DAY = "2026-01-01T00:00:00Z"
TEXT_BLOCK = f"u1,i1,view,{DAY},1\n".encode() * 50_000
GROWS = "A compressed file must not grow more than 200 times. Received: x.csv. Decompress it first if"
NO_TEXT = "A file must be CSV, TSV, Parquet or JSON lines. Received: x.csv, which is no text."


def gzip_bomb(path: Path, block: bytes, n_blocks: int) -> None:
    """A gzip file of one block over and over, without holding what it grows to."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    with path.open("wb") as out:
        out.write(packer.compress(HEADER.encode() + b"\n"))
        for _ in range(n_blocks):
            out.write(packer.compress(block))
        out.write(packer.flush())


def zstd_bomb(path: Path, block: bytes, n_blocks: int) -> None:
    """The same in zstd."""
    with pa.OSFile(str(path), "wb") as raw, pa.CompressedOutputStream(raw, "zstd") as out:
        out.write(HEADER.encode() + b"\n")
        for _ in range(n_blocks):
            out.write(block)


@pytest.mark.parametrize("make", [gzip_bomb, zstd_bomb])
@pytest.mark.parametrize(
    ("block", "n_blocks"), [(bytes(1 << 20), 300), (b"a" * (1 << 20), 300), (TEXT_BLOCK, 200)]
)
def test_a_bomb_is_refused_at_once_and_in_little_memory(
    empty: Workspace, tmp_path: Path, make: object, block: bytes, n_blocks: int
) -> None:
    path = tmp_path / "x.csv"
    make(path, block, n_blocks)  # type: ignore[operator]
    assert path.stat().st_size * 200 < n_blocks * len(block)
    events.propose(write(tmp_path / "warm.csv", csv_of([f"u,i,view,{DAY},1"])))
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(FileRefusedError) as refused:
        load(empty, path)
    assert str(refused.value).startswith((GROWS, NO_TEXT))
    assert time.process_time() - begun < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB
    assert empty.versions() == {}


def _zip(inside: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("x.csv", inside)
    return out.getvalue()


def _wide() -> Iterator[tuple[str, bytes]]:
    names = [f"column {n}" for n in range(100_000)]
    yield "csv", (",".join(names) + "\n" + ",".join("1" * 100_000) + "\n").encode()
    yield "quoted csv", (",".join(f'"{name}"' for name in names) + "\n").encode()
    yield "nothing but delimiters", b"," * 5_000_000
    yield "tabs and no line end", b"a\t" * 2_000_000
    yield "json lines", (json.dumps(dict.fromkeys(names, 1)) + "\n").encode()
    out = io.BytesIO()
    pq.write_table(pa.table({name: [1] for name in names}), out)
    yield "parquet", out.getvalue()


WIDE = dict(_wide())


@pytest.mark.parametrize("name", WIDE)
def test_100_000_columns_are_refused_at_once(empty: Workspace, tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(WIDE[name])
    begun = time.process_time()
    with pytest.raises(FileRefusedError, match=r"^A file must have at most 1,000 columns\. Received: "):
        load(empty, path)
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    "raw",
    [
        _zip(_zip(_zip(bytes(1 << 20)))),
        gzip.compress(_zip(TEXT_BLOCK)),
        gzip.compress(gzip.compress(TEXT_BLOCK)),
    ],
    ids=["zip in zip in zip", "zip in gzip", "gzip in gzip"],
)  # fmt: skip
def test_an_archive_in_an_archive_is_refused(empty: Workspace, tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(raw)
    with pytest.raises(FileRefusedError, match=r"^A file must be CSV, TSV, Parquet or JSON lines\. Received"):
        load(empty, path)


def test_a_column_name_of_10_kb_is_a_name(empty: Workspace, tmp_path: Path) -> None:
    name = '张"; DROP TABLE events; -- ' * 400
    assert len(name) > 10_000
    quoted = name.replace('"', '""')
    source = load(empty, write(tmp_path / "x.csv", csv_of([f"u,i,view,{DAY},1,a b"], f'{HEADER},"{quoted}"')))
    assert source.loaded == 1
    ((properties,),) = event_rows(empty, "properties")
    assert json.loads(properties) == {name.strip(): "a b"}


@pytest.mark.parametrize("size", [900_000, 30_000_000])
def test_a_header_without_end_is_refused(empty: Workspace, tmp_path: Path, size: int) -> None:
    """One endless line: no names in it, and no row below."""
    path = write(tmp_path / "x.csv", b"user_id" * (size // 7))
    begun = time.process_time()
    with pytest.raises(FileRefusedError) as refused:
        load(empty, path)
    assert str(refused.value).startswith(
        "A column's name must have at most 50,000 characters. Received: x.csv with one of "
    )
    assert time.process_time() - begun < 2


def test_a_line_of_300_mb_costs_its_line_and_little_memory(empty: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    with path.open("wb") as out:
        out.write(csv_of([f"u,i,view,{DAY},1"]).encode() + b"u,")
        for _ in range(300):
            out.write(b"x" * (1 << 20))
        out.write(f",view,{DAY},1\nv,j,cart,{DAY},2\n".encode())
    load(empty, write(tmp_path / "warm.csv", csv_of([f"w,i,view,{DAY},1", "short"])))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    source = load(empty, path)
    assert (source.loaded, source.rejected_by_reason) == (2, {"line_too_long": 1})
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150_000  # kB
