"""A trained recommender on disk: arrays in `weights.npz`, everything else in `manifest.json`.

No pickle anywhere. The manifest holds the SHA-256 of the weights and of itself, so a file that was
cut short, swapped or edited is refused before anything of it is used.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from persmark.errors import FileRefusedError, NotFoundError
from persmark.text import text

FORMAT = 2
WEIGHTS_FILE, MANIFEST_FILE = "weights.npz", "manifest.json"
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Saved:
    """What a folder holds.

    Args:
        facts: JSON-able facts: recommender, settings, as_of and what the recommender adds.
        arrays: Name -> array.
    """

    facts: Mapping[str, Any]
    arrays: Mapping[str, npt.NDArray[Any]]


def packed(ids: npt.NDArray[np.object_]) -> dict[str, npt.NDArray[Any]]:
    """Text ids as bytes and ends, so that no array of Python objects is stored."""
    encoded = [str(one).encode() for one in ids]
    ends = np.cumsum([len(one) for one in encoded], dtype=np.int64)
    return {"bytes": np.frombuffer(b"".join(encoded), np.uint8), "ends": ends}


def unpacked(raw: npt.NDArray[Any], ends: npt.NDArray[Any]) -> npt.NDArray[np.object_]:
    """The ids that `packed` stored."""
    whole = raw.tobytes()
    bounds = [0, *ends.tolist()]
    ids = np.empty(len(ends), dtype=object)
    ids[:] = [whole[start:end].decode() for start, end in pairwise(bounds)]
    return ids


def save(folder: Path, saved: Saved) -> None:
    """Write aside, then rename: `folder` is whole or not there."""
    aside = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    np.savez(aside / WEIGHTS_FILE, allow_pickle=False, **dict(saved.arrays))
    manifest = {
        "format": FORMAT,
        "facts": dict(saved.facts),
        "files": {WEIGHTS_FILE: _sha256(aside / WEIGHTS_FILE)},
    }
    manifest["sha256"] = _own_sha256(manifest)
    written = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True)
    (aside / MANIFEST_FILE).write_text(written, "utf-8")
    if folder.exists():
        shutil.rmtree(folder)
    aside.replace(folder)


def load(folder: Path) -> Saved:
    """Read what `save` wrote.

    Raises:
        NotFoundError: There is no saved recommender.
        FileRefusedError: A file was changed, cut short, or written by another version.
    """
    try:
        raw = (folder / MANIFEST_FILE).read_text("utf-8")
    except FileNotFoundError as error:
        raise NotFoundError(
            text("A saved recommender must have a {file}. Received: {folder} without it.",
                 file=MANIFEST_FILE, folder=folder.name),
            hint="Train again.",
        ) from error  # fmt: skip
    try:
        manifest = json.loads(raw)
        genuine = manifest.pop("sha256") == _own_sha256(manifest)
        made_by = manifest["format"]
        hashes = dict(manifest["files"])
        facts = dict(manifest["facts"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _refused(MANIFEST_FILE) from error
    if not genuine or list(hashes) != [WEIGHTS_FILE]:
        raise _refused(MANIFEST_FILE)
    if made_by != FORMAT:
        raise FileRefusedError(
            text("A saved recommender must be of this version. Received: format {held}, not {ours}.",
                 held=str(made_by), ours=FORMAT),
            title="Trained by another version",
            hint="Train again.",
        )  # fmt: skip
    path = folder / WEIGHTS_FILE
    if not path.is_file() or _sha256(path) != hashes[WEIGHTS_FILE]:
        raise _refused(WEIGHTS_FILE)
    try:
        with np.load(path, allow_pickle=False) as held:
            return Saved(facts, {name: held[name] for name in held.files})
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise _refused(WEIGHTS_FILE) from error


def _refused(file: str) -> FileRefusedError:
    return FileRefusedError(
        text("A saved recommender must be as it was written. Received: a changed {file}.", file=file),
        title="Changed file",
        hint="Train again, or publish another run.",
    )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _own_sha256(manifest: Mapping[str, Any]) -> str:
    plain = json.dumps({k: v for k, v in manifest.items() if k != "sha256"}, sort_keys=True)
    return hashlib.sha256(plain.encode()).hexdigest()
