"""Target lists: files that leave the house, each with a certificate of what it is."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from persmark.campaigns.audiences import (
    Audience,
    arms,
    email_consent,
    sha256_of,
    undecided_note,
)
from persmark.campaigns.audiences import audience as audience_of
from persmark.campaigns.create import PACKAGE
from persmark.columns import PRODUCT
from persmark.errors import InputError, NotFoundError
from persmark.experiments import ARM, TARGET
from persmark.privacy import Vault
from persmark.recommend import Recommender, history_weights, last_second, load_histories, load_run, published
from persmark.spreadsheet import escaped
from persmark.store import Reader, Workspace, exclusive, now, read_sql, workspace_name
from persmark.text import Text, text

if TYPE_CHECKING:
    from persmark.jobs import OnProgress

BATCH_USERS = 20_000
MOST_ITEMS = 20


@dataclass(frozen=True)
class Destination:
    """A place a target list can be written for.

    Args:
        name: As on the command line.
        title: As on the page.
        about: What the file looks like.
    """

    name: str
    title: Text
    about: Text


def destinations() -> tuple[Destination, ...]:
    """The destinations that exist."""
    return (
        Destination(
            "csv",
            text("Plain CSV"),
            text(
                "For your own mailer: user_id and the best items with their titles; UTF-8, comma, safe to"
                " open in a spreadsheet."
            ),
        ),
    )


@dataclass(frozen=True)
class Export:
    """A target list that was written.

    Args:
        export_id: Its number in the workspace.
        audience: The audience's name.
        destination: What it was written for.
        file: The target list.
        certificate_file: The certificate beside it.
        n_rows: Users in it.
        sha256: Of the file.
        certificate: What it is, for later proof; see `export`.
        exported_at: ISO-8601 UTC.
        notes: Sentences to be shown with it.
    """

    export_id: int
    audience: str
    destination: str
    file: Path
    certificate_file: Path
    n_rows: int
    sha256: str
    certificate: Mapping[str, Any]
    exported_at: str
    notes: tuple[Text, ...] = ()

    def to_json(self, language: str = "en") -> dict[str, Any]:
        """The document that `export --json` prints."""
        return {
            "audience": self.audience,
            "destination": self.destination,
            "file": str(self.file),
            "certificate_file": str(self.certificate_file),
            "n_rows": self.n_rows,
            "sha256": self.sha256,
            "certificate": dict(self.certificate),
            "exported_at": self.exported_at,
            "notes": [note.render(language) for note in self.notes],
        }


def export(
    workspace: Workspace,
    audience: Audience | str,
    *,
    destination: str = "csv",
    out: Path | None = None,
    k_items: int = 3,
    recommender: Recommender | None = None,
    run_id: str | None = None,
    exclude_seen: bool = False,
    actor: str,
    on_progress: OnProgress | None = None,
) -> Export:
    """Write the target arm of an audience, never the holdout, with a certificate beside it.

    Columns: `user_id`, then `item_1_id, item_1_title, item_2_id, ...`. Cells that a spreadsheet could
    take for a formula, ids included, get a leading apostrophe; `restored` takes it off again. An id
    that is a pseudonym is written as the source id that it stands for: the file is meant for the
    company's own systems. Users who denied e-mail since the audience was made are left out; of an
    audience of `only_granted`, so are those whose yes is gone.

    Args:
        workspace: Where.
        audience: The audience, or its name.
        destination: One of `destinations()`.
        out: Folder to write to; the workspace's `exports` where left out.
        k_items: Best products to list per user, 0 to 20.
        recommender: What chooses them; the published one where left out. With nothing published, no
            items are listed, and a note says so.
        run_id: Of `recommender`, for the certificate.
        exclude_seen: Leave out products that the user already has.
        actor: Who does it, for the audit.
        on_progress: Called with a fraction 0 to 1 and what is happening.

    Raises:
        NotFoundError: The audience or the destination does not exist.
        InputError: `k_items` is outside its bounds, or `out` is a file.
        FileRefusedError: The arms are not as they were drawn.
    """
    held = audience_of(workspace, audience) if isinstance(audience, str) else audience
    if destination not in (names := [one.name for one in destinations()]):
        raise NotFoundError(
            text("A destination must be known. Received: {name}.", name=destination),
            title="No such destination",
            hint=text("Available: {names}.", names=", ".join(names)),
        )
    if not 0 <= k_items <= MOST_ITEMS:
        raise InputError(
            text("Items per user must be 0 to {most}. Received: {k}.", most=MOST_ITEMS, k=k_items)
        )
    folder = out or workspace.folder / "exports"
    _made_folder(folder)
    tell = on_progress or _silent
    notes: list[Text] = []
    if k_items and recommender is None:
        run = published(workspace)
        if run is None:
            notes.append(text("No recommender is published: the list names users only."))
            k_items = 0
        else:
            recommender, run_id = load_run(workspace, run.run_id), run.run_id
    tell(0.0, text("Reading the arms"))
    drawn = arms(workspace, held)
    users = drawn.filter(pc.equal(drawn[ARM], TARGET))["user_id"].to_pylist()
    consent, only_granted = email_consent(workspace), bool(held.definition.get("only_granted"))
    wanted = [user for user in users if user not in consent.denied]
    n_denied = len(users) - len(wanted)
    if only_granted:
        wanted = [user for user in wanted if user in consent.granted]
    n_withdrawn = len(users) - n_denied - len(wanted)
    n_undecided = consent.n_undecided(wanted)
    if n_denied:
        notes.append(text("{n} users were left out: they have denied e-mail since.", n=n_denied))
    if n_withdrawn:
        notes.append(text("{n} users were left out: their yes to e-mail is gone.", n=n_withdrawn))
    if n_undecided:
        notes.append(undecided_note(n_undecided, len(wanted)))
    if not consent.known and not only_granted:
        notes.append(text("This workspace has no e-mail consents: nobody was left out for want of one."))
    sources = _source_ids(workspace, wanted)
    aside = folder / f".{secrets.token_hex(8)}.part"
    try:
        with workspace.reader() as reader:
            versions = {group: found.version for group, found in reader.manifest.groups.items()}
            items = _Items(reader, recommender, k_items, exclude_seen) if k_items and recommender else None
            try:
                _write(aside, _batches(wanted, sources, items, tell), k_items if items else 0)
            except OSError as error:
                raise _unwritable(folder, error) from error
        certificate = {
            "audience": held.name,
            "workspace": workspace.name,
            "destination": destination,
            "n_target": held.n_target,
            "n_holdout": held.n_holdout,
            "n_rows": len(wanted),
            "n_denied_since": n_denied,
            "n_withdrawn_since": n_withdrawn,
            "consent_known": consent.known,
            "only_granted": only_granted,
            "n_undecided": n_undecided,
            "n_restored_ids": len(sources),
            "holdout_share": held.share,
            "seed": held.seed,
            "assignment": "exact share by SHA-256 order of seed, audience name and user id",
            "arm_file": held.file,
            "arm_file_sha256": held.sha256,
            "data_versions": versions,
            "audience_data_versions": held.definition.get("data_versions"),
            "recommender": recommender.name if items and recommender else None,
            "run_id": run_id if items else None,
            "k_items": k_items if items else 0,
            "exclude_seen": exclude_seen,
            "file_sha256": sha256_of(aside),
            "created_at": now(),
        }
        made = _publish(workspace, held, folder, aside, certificate=certificate, notes=tuple(notes))
    finally:
        aside.unlink(missing_ok=True)
    workspace.audit(
        actor,
        "export",
        {"audience": held.name, "destination": destination, "k_items": k_items},
        {"export_id": made.export_id, "n_rows": made.n_rows, "sha256": made.sha256},
    )
    tell(1.0, text("Done"))
    return made


def list_exports(workspace: Workspace, audience: Audience | None = None) -> list[Export]:
    """Exports, the latest first; of one audience, or of all."""
    where = {"audience_id": audience.audience_id} if audience else None
    return [_export(row) for row in workspace.state.rows("exports", where, order="export_id DESC")]


def _made_folder(folder: Path) -> None:
    try:
        if folder.exists() and not folder.is_dir():
            raise InputError(
                text("An export must go to a folder. Received: the file {path}.", path=str(folder))
            )
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: OSError) -> InputError:
    return InputError(
        text("An export must go to a folder that can be written to. Received: {path} ({why}).",
             path=str(folder), why=error.strerror or str(error)),
        title="Cannot write there",
        hint="Choose another folder.",
    )  # fmt: skip


class _Items:
    """The best products of batches of users."""

    def __init__(self, reader: Reader, recommender: Recommender, k: int, exclude_seen: bool) -> None:
        self.k = k
        self._reader, self._recommender, self._exclude_seen = reader, recommender, exclude_seen
        scored = pa.table({"item_id": pa.array(recommender.item_ids, pa.string())})
        found = reader.frame(read_sql(PACKAGE, "titles"), {"kind": PRODUCT}, inputs={"scored_items": scored})
        self._titles = pd.Series(found["title"].to_numpy(), index=found["item_id"].to_numpy(), dtype=object)
        self._candidates = found["item_id"].tolist()
        self._weights = history_weights(reader, recommender)
        self._as_of = last_second(reader)

    def of(self, users: list[str]) -> dict[str, pa.Array]:
        """Columns `item_1_id`, `item_1_title`, ... of the users, in their order."""
        histories = load_histories(
            self._reader, self._recommender, users=users, as_of=self._as_of, weights=self._weights
        )
        served = self._recommender.recommend(
            histories, k=self.k, exclude_seen=self._exclude_seen, candidates=self._candidates
        )
        columns: dict[str, pa.Array] = {}
        for rank in range(1, self.k + 1):
            placed = served[served["rank"] == rank]
            ids = pd.Series(placed["item_id"].to_numpy(), index=placed["user_id"].to_numpy(), dtype=object)
            ids = ids.reindex(users)
            columns[f"item_{rank}_id"] = pa.array(ids, pa.string(), from_pandas=True)
            columns[f"item_{rank}_title"] = pa.array(ids.map(self._titles), pa.string(), from_pandas=True)
        return columns


def _source_ids(workspace: Workspace, users: list[str]) -> dict[str, str]:
    """Source id of every user who is known by a pseudonym."""
    # A vault is made where one is opened; a workspace without pseudonyms needs none.
    if not (workspace.folder / "vault.sqlite").is_file():
        return {}
    return Vault(workspace.folder).source_ids(users)


def _batches(
    users: list[str], sources: Mapping[str, str], items: _Items | None, tell: OnProgress
) -> Iterator[pa.Table]:
    for start in range(0, len(users), BATCH_USERS):
        batch = users[start : start + BATCH_USERS]
        tell(start / len(users), text("Writing users {n} of {total}", n=start, total=len(users)))
        columns = {"user_id": pa.array([sources.get(user, user) for user in batch], pa.string())}
        if items:
            columns |= items.of(batch)
        yield pa.table({name: escaped(column) for name, column in columns.items()})


def _write(path: Path, batches: Iterator[pa.Table], k_items: int) -> None:
    """Stream the batches as CSV: UTF-8, comma, a header, every value quoted."""
    names = ["user_id"]
    for rank in range(1, k_items + 1):
        names += [f"item_{rank}_id", f"item_{rank}_title"]
    schema = pa.schema([(name, pa.string()) for name in names])
    with path.open("xb") as file:
        options = csv.WriteOptions(quoting_style="all_valid")
        with csv.CSVWriter(file, schema, write_options=options) as writer:
            for batch in batches:
                writer.write_table(batch.select(names))
        file.flush()
        os.fsync(file.fileno())


def _publish(
    workspace: Workspace,
    held: Audience,
    folder: Path,
    aside: Path,
    *,
    certificate: Mapping[str, Any],
    notes: tuple[Text, ...],
) -> Export:
    """Give the file its name, write the certificate beside it, record both."""
    stem = f"{workspace_name(held.name)}-{held.audience_id}"
    with exclusive(workspace.folder / "export.lock", wait_seconds=30):
        number = 1 + len(workspace.state.rows("exports", {"audience_id": held.audience_id}))
        while (folder / f"{stem}-{number}.csv").exists():
            number += 1
        path = folder / f"{stem}-{number}.csv"
        beside = path.with_suffix(".certificate.json")
        certificate = {**certificate, "file": path.name}
        written = aside.with_suffix(".json")
        written.write_text(json.dumps(certificate, ensure_ascii=False, indent=1) + "\n", "utf-8")
        try:
            aside.replace(path)
            written.replace(beside)
        finally:
            written.unlink(missing_ok=True)
        row = {
            "audience_id": held.audience_id,
            "destination": certificate["destination"],
            "file": str(path),
            "n_rows": certificate["n_rows"],
            "sha256": certificate["file_sha256"],
            "certificate": json.dumps(certificate, ensure_ascii=False),
            "exported_at": certificate["created_at"],
        }
        export_id = workspace.state.add("exports", row)
    return _export({**row, "export_id": export_id}, notes)


def _export(row: Mapping[str, Any], notes: tuple[Text, ...] = ()) -> Export:
    certificate = json.loads(row["certificate"])
    path = Path(row["file"])
    return Export(
        export_id=row["export_id"],
        audience=certificate["audience"],
        destination=row["destination"],
        file=path,
        certificate_file=path.with_suffix(".certificate.json"),
        n_rows=row["n_rows"],
        sha256=row["sha256"],
        certificate=certificate,
        exported_at=row["exported_at"],
        notes=notes,
    )


def _silent(_fraction: float, _doing: Text) -> None:
    return None
