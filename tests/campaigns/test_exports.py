"""Target lists as a spreadsheet or a mailer reads them."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pytest

from persmark.campaigns import (
    arms,
    create_audience,
    destinations,
    export,
    list_exports,
)
from persmark.errors import FileRefusedError, InputError, NotFoundError
from persmark.privacy import Vault, save_consents
from persmark.profiles import build_profiles
from persmark.recommend import train_run
from persmark.spreadsheet import restored
from persmark.store import create_workspace

from .conftest import FORMULA, USERS, load


def rows_of(exported):
    with exported.file.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def spring(workspace, **asked):
    return create_audience(
        workspace, '=Spring/../ "王" 🌷', segment="everyone", actor="ada", **{"holdout_share": 0.3} | asked
    )


def test_the_list_holds_exactly_the_target_arm(workspace, tmp_path):
    train_run(workspace, "repeat")
    audience = spring(workspace)
    done = export(workspace, audience, out=tmp_path / "out dir", actor="ada")
    rows = rows_of(done)
    drawn = arms(workspace, audience).to_pylist()
    targets = [row["user_id"] for row in drawn if row["arm"] == "target"]
    back = restored(pa.array([row["user_id"] for row in rows])).to_pylist()
    assert back == targets
    assert len(rows) == done.n_rows == 7
    assert list(rows[0]) == ["user_id", *(f"item_{n}_{part}" for n in (1, 2, 3) for part in ("id", "title"))]


def test_items_come_best_first_with_titles_that_cannot_run(workspace):
    train_run(workspace, "repeat")
    done = export(workspace, spring(workspace, holdout_share=0), actor="ada")
    by_user = {restored(pa.array([row["user_id"]]))[0].as_py(): row for row in rows_of(done)}
    assert sorted(by_user) == sorted(USERS)
    first = by_user["+1"]  # an odd one: bought tea only; milk is popular; the ad is no product
    assert [first[f"item_{n}_id"] for n in (1, 2, 3)] == ["tea", "milk", ""]
    assert first["item_1_title"] == "tea"  # the catalogue has no title
    assert first["item_2_title"] == "'" + FORMULA
    assert by_user["-5"]["item_1_id"] == "milk"
    for row in by_user.values():
        assert not [cell for cell in row.values() if cell[:1] and cell[0] in "=+-@\t\r\n\0＝＋－＠"]


def test_the_certificate_lets_anybody_check_the_file(workspace, tmp_path):
    run = train_run(workspace, "repeat")
    audience = spring(workspace)
    done = export(workspace, audience.name, out=tmp_path, actor="ada")
    certificate = json.loads(done.certificate_file.read_text("utf-8"))
    assert certificate == done.certificate
    assert certificate["file_sha256"] == hashlib.sha256(done.file.read_bytes()).hexdigest() == done.sha256
    arm_file = workspace.folder / certificate["arm_file"]
    assert certificate["arm_file_sha256"] == hashlib.sha256(arm_file.read_bytes()).hexdigest()
    wanted = {
        "audience": audience.name, "n_target": 7, "n_holdout": 3, "holdout_share": 0.3, "seed": 1,
        "n_rows": 7, "recommender": "repeat", "run_id": run.run_id, "data_versions": workspace.versions(),
    }  # fmt: skip
    assert {key: certificate[key] for key in wanted} == wanted
    assert [one.sha256 for one in list_exports(workspace, audience)] == [done.sha256]
    assert workspace.state.rows("audit", {"verb": "export"})[0]["actor"] == "ada"


def test_file_names_stay_in_the_folder_and_nothing_is_overwritten(workspace, tmp_path):
    audience = spring(workspace)
    first, second = (export(workspace, audience, out=tmp_path / "o", k_items=0, actor="ada") for _ in "ab")
    assert first.file.name == "spring-王-1-1.csv"
    assert second.file.name == "spring-王-1-2.csv"
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == [
        "spring-王-1-1.certificate.json", "spring-王-1-1.csv",
        "spring-王-1-2.certificate.json", "spring-王-1-2.csv",
    ]  # fmt: skip


def test_without_a_recommender_the_list_names_users_only(workspace):
    done = export(workspace, spring(workspace), actor="ada")
    assert list(rows_of(done)[0]) == ["user_id"]
    assert done.notes[0].render() == "No recommender is published: the list names users only."
    assert done.certificate["recommender"] is None


def test_consent_denied_after_the_draw_still_counts(workspace):
    audience = spring(workspace, holdout_share=0)
    save_consents(
        workspace.state, pa.table({"user_id": ["plain"], "purpose": ["email"], "state": ["denied"]})
    )
    done = export(workspace, audience, k_items=0, actor="ada")
    assert done.n_rows == 9
    assert "plain" not in [row["user_id"] for row in rows_of(done)]
    assert done.notes[0].render() == "1 users were left out: they have denied e-mail since."


def test_pseudonyms_leave_as_the_ids_that_the_company_knows(tmp_path, monkeypatch):
    monkeypatch.setenv("PERSMARK_KEY", "11" * 32)
    workspace = create_workspace("mail", root=tmp_path)
    sources = ["ann@example.com", "+49 123"]
    names = Vault(workspace.folder).pseudonyms(sources)
    load(workspace, users=[*names, "c"])
    build_profiles(workspace, actor="ada")
    done = export(workspace, spring(workspace, holdout_share=0), k_items=0, actor="ada")
    assert sorted(row["user_id"] for row in rows_of(done)) == ["'+49 123", "ann@example.com", "c"]
    assert done.certificate["n_restored_ids"] == 2


def test_what_cannot_be_exported(workspace, tmp_path):
    audience = spring(workspace)
    with pytest.raises(NotFoundError, match=r"A destination must be known. Received: meta. Available: csv."):
        export(workspace, audience, destination="meta", actor="ada")
    with pytest.raises(InputError, match=r"Items per user must be 0 to 20. Received: 21."):
        export(workspace, audience, k_items=21, actor="ada")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"An export must go to a folder. Received: the file .*file."):
        export(workspace, audience, out=tmp_path / "file", actor="ada")
    (workspace.folder / audience.file).unlink()
    with pytest.raises(FileRefusedError, match=r"a file that is gone or changed"):
        export(workspace, audience, out=tmp_path / "o", actor="ada")
    assert list((tmp_path / "o").iterdir()) == []
    assert [one.name for one in destinations()] == ["csv"]


def test_of_an_only_granted_audience_a_lost_yes_counts_at_the_export(workspace, tmp_path):
    said = {"user_id": USERS[:3], "purpose": ["email"] * 3, "state": ["granted"] * 3}
    save_consents(workspace.state, pa.table(said))
    audience = spring(workspace, holdout_share=0, only_granted=True)
    lost = {"user_id": USERS[:1], "purpose": ["email"], "state": ["unknown"]}
    save_consents(workspace.state, pa.table(lost))
    done = export(workspace, audience, out=tmp_path, k_items=0, actor="ada")
    assert restored(pa.array([row["user_id"] for row in rows_of(done)])).to_pylist() == sorted(USERS[1:3])
    assert [note.render() for note in done.notes] == ["1 users were left out: their yes to e-mail is gone."]
    kept = {"only_granted": True, "n_withdrawn_since": 1, "n_undecided": 0, "n_denied_since": 0}
    assert {key: done.certificate[key] for key in kept} == kept


def test_the_undecided_on_a_list_are_counted(workspace, tmp_path):
    said = {"user_id": ["plain"], "purpose": ["email"], "state": ["granted"]}
    save_consents(workspace.state, pa.table(said))
    done = export(workspace, spring(workspace, holdout_share=0), out=tmp_path, k_items=0, actor="ada")
    assert [note.render() for note in done.notes] == [
        "9 of 10 have not said yes or no to e-mail; they are on the list."
    ]
    assert done.certificate["n_undecided"] == 9


def test_a_folder_that_cannot_be_made_is_refused(workspace):
    with pytest.raises(
        InputError, match=r"must go to a folder that can be written to. Received: /proc/n'o 王 "
    ):
        export(workspace, spring(workspace), out=Path("/proc/n'o 王"), k_items=0, actor="ada")
