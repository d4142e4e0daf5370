"""Saved mappings: a file's mapping is kept under a name, and the next file of its shape uses it by itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from persmark.errors import InputError, NotFoundError
from persmark.events.guesses import guess_time, told_decimal
from persmark.events.mapping import Mapping
from persmark.events.propose import Proposal
from persmark.store import Workspace, now
from persmark.text import Text, text

_LONGEST_NAME = 120


@dataclass(frozen=True)
class SavedMapping:
    """A mapping under its name.

    Attributes:
        name: What people call it; at first that of the file it was made for.
        columns: The header it fits, as the file was detected.
        mapping: How such a file is read.
        saved_at: When it was saved or used last, ISO-8601 UTC.
        files: Names of the loaded files that were read with it, newest first.
    """

    name: str
    columns: tuple[str, ...]
    mapping: Mapping
    saved_at: str
    files: tuple[str, ...]


def _saved(row: dict[str, Any], files: Sequence[str]) -> SavedMapping:
    return SavedMapping(
        row["name"],
        tuple(json.loads(row["shape"])),
        Mapping.from_json(json.loads(row["mapping"])),
        row["saved_at"],
        tuple(files),
    )


def _files(workspace: Workspace, name: str) -> list[str]:
    rows = workspace.state.rows("sources", {"read_as": name}, order="source_id DESC")
    return list(dict.fromkeys(row["name"] for row in rows if row["state"] != "pending"))


def saved_mappings(workspace: Workspace) -> list[SavedMapping]:
    """All of them, the one saved or used last first."""
    rows = workspace.state.rows("mappings", order="rowid DESC")
    return [_saved(row, _files(workspace, row["name"])) for row in rows]


def saved_mapping(workspace: Workspace, name: str) -> SavedMapping:
    """The one of that name.

    Raises:
        NotFoundError: There is none.
    """
    rows = workspace.state.rows("mappings", {"name": name})
    if not rows:
        there = ", ".join(row["name"] for row in workspace.state.rows("mappings", order="rowid DESC"))
        raise NotFoundError(
            text("A saved mapping must exist. Received: {name}.", name=name),
            title="No such mapping",
            hint=text("Available: {names}.", names=there or "none yet"),
        )
    return _saved(rows[0], _files(workspace, name))


def _checked_name(name: str) -> str:
    kept = name.strip()
    if not kept or len(kept) > _LONGEST_NAME or not kept.isprintable():
        raise InputError(
            text("A mapping's name must be 1 to {n} printable characters. Received: {name}.",
                 n=_LONGEST_NAME, name=repr(name[:80]))
        )  # fmt: skip
    return kept


def _put(workspace: Workspace, name: str, shape: str, mapping: Mapping) -> None:
    written = json.dumps(mapping.to_json(), ensure_ascii=False)
    # Put, not changed: the newest row is the one that the next file of the shape uses.
    workspace.state.put("mappings", {"name": name, "shape": shape, "mapping": written, "saved_at": now()})


def save_mapping(workspace: Workspace, name: str, mapping: Mapping, columns: Sequence[str]) -> None:
    """Keep a mapping under a name, in place of the one that had it.

    Args:
        workspace: Where.
        name: What people will call it.
        mapping: How a file is read.
        columns: The header it fits: `Proposal.columns` without anybody's corrections.

    Raises:
        InputError: The name is blank, too long or not printable.
    """
    _put(workspace, _checked_name(name), mapping.shape(columns), mapping)


def rename_mapping(workspace: Workspace, name: str, to: str) -> None:
    """Give a saved mapping another name; the files that were read with it follow.

    Raises:
        NotFoundError: There is none of that name.
        InputError: The new name is taken, blank, too long or not printable.
    """
    kept = _checked_name(to)
    saved_mapping(workspace, name)
    if kept == name:
        return
    if workspace.state.count("mappings", {"name": kept}):
        raise InputError(
            text("A mapping's name must be free. Received: {name}.", name=kept), title="The name is taken"
        )
    with workspace.state.transaction():
        workspace.state.change("mappings", {"name": name}, {"name": kept})
        workspace.state.change("sources", {"read_as": name}, {"read_as": kept})


def delete_mapping(workspace: Workspace, name: str) -> None:
    """Forget a saved mapping; what was loaded with it stays as it is.

    Raises:
        NotFoundError: There is none of that name.
    """
    saved_mapping(workspace, name)
    workspace.state.drop("mappings", {"name": name})


def mapping_for(workspace: Workspace, found: Proposal) -> SavedMapping | None:
    """The saved mapping that a file of this shape uses by itself; None where there is none.

    Dates and numbers that can only be read one way outweigh what the last file had. Dates that leave it
    open are asked again where files of this shape had them both ways.

    Args:
        workspace: Where it would be loaded.
        found: The proposal, without anybody's corrections of how the file is read.
    """
    shape = found.mapping.shape(found.columns)
    for row in workspace.state.rows("mappings", {"shape": shape}, order="rowid DESC"):
        saved = _saved(row, _files(workspace, row["name"]))
        if saved.mapping.kind == found.kind and not _torn(workspace, found, saved):
            spoken = replace(
                saved.mapping,
                time_format=_plain_time(found, saved.mapping) or saved.mapping.time_format,
                decimal=_plain_decimal(found, saved.mapping) or saved.mapping.decimal,
            )
            return replace(saved, mapping=spoken)
    return None


def _plain_time(found: Proposal, saved: Mapping) -> str | None:
    """The time format that the first rows leave no doubt of; None where they do."""
    column = saved.columns.get("event_time")
    if column not in found.preview:
        return None
    values = [str(value) for value in found.preview[column].dropna()]
    written, question = guess_time(values)
    doubtful = question or (written == "iso" and not any(value[:4].isdigit() for value in values))
    return None if doubtful else written


def _torn(workspace: Workspace, found: Proposal, saved: SavedMapping) -> bool:
    """Whether dates may be day or month first, and files that were read with this mapping had both."""
    column = saved.mapping.columns.get("event_time")
    if column not in found.preview:
        return False
    _, question = guess_time([str(value) for value in found.preview[column].dropna()])
    if question is None or question.options != ("dmy", "mdy"):
        return False
    rows = workspace.state.rows("sources", {"read_as": saved.name, "state": "loaded"})
    return {"dmy", "mdy"} <= {json.loads(row["mapping"]).get("time_format") for row in rows}


def _plain_decimal(found: Proposal, saved: Mapping) -> str | None:
    """The decimal sign that the first rows leave no doubt of; None where they do."""
    numbers = [saved.columns.get(one) for one in ("value", "quantity", "discount", "price")]
    columns = [one for one in numbers if one in found.preview]
    told = told_decimal([str(value) for one in columns for value in found.preview[one].dropna()])
    return told or ("," if found.mapping.decimal == "," else None)


def read_as_before(saved: SavedMapping) -> Text:
    """What people are told where a saved mapping is used."""
    if not saved.files or saved.files == (saved.name,):
        return text("Read as '{name}' before.", name=saved.name)
    return text("Read as '{name}', used for {file} before.", name=saved.name, file=saved.files[0])


def keep_mapping(
    workspace: Workspace, shape: str, mapping: Mapping, *, file: str, used: SavedMapping | None
) -> str:
    """After a load: the mapping it was read with is the one the next file of its shape uses.

    Args:
        workspace: Where the file was loaded.
        shape: Its header, see `Mapping.shape`.
        mapping: What it was read with.
        file: What people call it.
        used: The saved mapping that was taken, if any.

    Returns:
        The name under which it is kept.
    """
    rows = workspace.state.rows("mappings", {"shape": shape}, order="rowid DESC")
    same = [row["name"] for row in rows if Mapping.from_json(json.loads(row["mapping"])) == mapping]
    if used is not None:
        name = used.name
    elif same:
        name = same[0]
    else:
        name, n = file, 2
        while any(row["shape"] != shape for row in workspace.state.rows("mappings", {"name": name})):
            name, n = f"{file} ({n})", n + 1
    _put(workspace, name, shape, mapping)
    return name
