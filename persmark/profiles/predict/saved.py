"""A training on disk: estimators as skops files, everything else as JSON and Parquet. No pickle.

The manifest holds the SHA-256 of every file and of itself, so one that was cut short, swapped or
edited is refused before anything of it is used; skops builds only the types named here.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from persmark.errors import FileRefusedError, NotFoundError
from persmark.text import text

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 1
MANIFEST = "manifest.json"
_BLOCK_BYTES = 1 << 20
# What the estimators of this room are made of beyond skops' own list; nothing else is ever built.
TRUSTED: tuple[str, ...] = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)


@dataclass(frozen=True)
class Stored:
    """What a folder holds.

    Attributes:
        facts: JSON-able facts.
        folder: Where estimators and tables lie.
    """

    facts: Mapping[str, Any]
    folder: Path

    def estimators(self, name: str) -> Any:
        """A file of estimators.

        Raises:
            NotFoundError: There is none of that name.
            FileRefusedError: It holds a type that is not among `TRUSTED`.
        """
        from skops import io

        path = self.folder / name
        if name not in self.facts["files"]:
            raise NotFoundError(
                text("A model must be among the stored ones. Received: {name}.", name=name),
                hint="Train the predictions again.",
            )
        unknown = sorted(set(io.get_untrusted_types(file=path)) - set(TRUSTED))
        if unknown:
            raise refused(name, text("{names}", names=", ".join(unknown)))
        return io.load(path, trusted=list(TRUSTED))

    def table(self, name: str) -> pa.Table:
        """A stored table."""
        import pyarrow.parquet as pq

        return pq.read_table(self.folder / name)


def store(
    folder: Path,
    facts: Mapping[str, Any],
    estimators: Mapping[str, Any],
    tables: Mapping[str, Iterable[pa.Table]],
) -> None:
    """Write aside, then rename: `folder` is whole or not there.

    Args:
        folder: Where.
        facts: JSON-able.
        estimators: File name -> what skops is to write.
        tables: File name -> parts of a table, at least one, written as they come.

    Raises:
        FileRefusedError: An estimator is made of a type that could not be read back.
    """
    from skops import io

    aside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    for name, held in estimators.items():
        io.dump(held, aside / name)
        unknown = sorted(set(io.get_untrusted_types(file=aside / name)) - set(TRUSTED))
        if unknown:
            raise refused(name, text("{names}", names=", ".join(unknown)))
    for name, parts in tables.items():
        _write(aside / name, parts)
    files = {path.name: _sha256(path) for path in sorted(aside.iterdir())}
    manifest = {"format": FORMAT, "facts": dict(facts), "files": files}
    manifest["sha256"] = _own_sha256(manifest)
    (aside / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, sort_keys=True), "utf-8")
    aside.replace(folder)


def _write(path: Path, parts: Iterable[pa.Table]) -> None:
    import pyarrow.parquet as pq

    writer = None
    try:
        for part in parts:
            writer = writer or pq.ParquetWriter(path, part.schema, compression="zstd")
            writer.write_table(part)
    finally:
        if writer is not None:
            writer.close()


def load(folder: Path, *, only: tuple[str, ...] | None = None) -> Stored:
    """What `store` wrote, its files compared with the manifest.

    Args:
        folder: Where.
        only: Compare and use these files alone, where not all are needed.

    Raises:
        NotFoundError: There is no stored training.
        FileRefusedError: A file was changed, cut short, or written by another version.
    """
    try:
        raw = (folder / MANIFEST).read_text("utf-8")
    except FileNotFoundError as error:
        raise NotFoundError(
            text("A stored training must have a {file}. Received: {folder} without it.",
                 file=MANIFEST, folder=folder.name),
            hint="Train the predictions again.",
        ) from error  # fmt: skip
    try:
        manifest = json.loads(raw)
        genuine = manifest.pop("sha256") == _own_sha256(manifest) and manifest["format"] == FORMAT
        hashes = dict(manifest["files"])
        facts = dict(manifest["facts"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise refused(MANIFEST) from error
    if not genuine:
        raise refused(MANIFEST)
    wanted = hashes if only is None else {name: hashes[name] for name in only if name in hashes}
    for name, digest in wanted.items():
        path = folder / name
        if Path(name).name != name or not path.is_file() or _sha256(path) != digest:
            raise refused(name)
    return Stored({**facts, "files": list(wanted)}, folder)


def refused(file: str, what: object = None) -> FileRefusedError:
    """The one refusal of a file that is not as it was written."""
    return FileRefusedError(
        text("A stored training must be as it was written. Received: a changed {file}.", file=file)
        if what is None
        else text("A stored training must hold known types alone. Received: {types} in {file}.",
                  types=what, file=file),
        title="Changed file",
        hint="Train the predictions again, or publish another run.",
    )  # fmt: skip


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _own_sha256(manifest: Mapping[str, Any]) -> str:
    plain = json.dumps(
        {k: v for k, v in manifest.items() if k != "sha256"}, sort_keys=True, ensure_ascii=False
    )
    return hashlib.sha256(plain.encode()).hexdigest()
