"""User ids that are e-mails never stand in clear."""

from __future__ import annotations

from pathlib import Path

import pytest

from persmark import events
from persmark.privacy import Vault
from persmark.store import Workspace
from tests.events.files import load, write


def clear_text(workspace: Workspace) -> bytes:
    return b"".join(path.read_bytes() for path in workspace.folder.rglob("*") if path.is_file())


def users(workspace: Workspace) -> list[str]:
    with workspace.reader() as reader:
        return [row[0] for row in reader.rows("SELECT DISTINCT user_id FROM events ORDER BY 1")]


@pytest.mark.parametrize("header", ["email", "user_id", "客户邮箱"], ids=["header", "value", "mapped"])
def test_an_email_id_becomes_a_pseudonym(empty: Workspace, tmp_path: Path, header: str) -> None:
    file = tmp_path / "e.csv"
    file.write_text(
        f"{header},item_id,event_type,event_time\n"
        "Ann@Secret.example,1,view,2026-01-01 10:00:00\n"
        "ann@secret.example,2,view,2026-01-01 11:00:00\n"
        "o'brien 王,3,view,2026-01-01 12:00:00\n",
        "utf-8",
    )
    columns = {
        "user_id": header,
        "item_id": "item_id",
        "event_type": "event_type",
        "event_time": "event_time",
    }
    mapping = events.Mapping("events", columns) if header == "客户邮箱" else None
    source = events.load(empty, file, mapping=mapping)
    assert (source.loaded, source.kind) == (3, "events")
    assert "1 user ids were e-mails and stand here as pseudonyms." in source.questions
    name, plain = sorted(users(empty), key=lambda one: one == "o'brien 王")
    assert plain == "o'brien 王"
    assert Vault(empty.folder).source_ids([name]) == {name: "ann@secret.example"}
    assert b"ecret.example" not in clear_text(empty)
    again = events.load(empty, file, mapping=mapping)
    assert (again.loaded, again.duplicate) == (0, 3)


def test_a_users_file_meets_the_same_pseudonym(empty: Workspace, tmp_path: Path) -> None:
    log, people = tmp_path / "e.csv", tmp_path / "people.csv"
    log.write_text("email,item_id,event_type,event_time\nann@secret.example,1,view,2026-01-01 10:00:00\n")
    people.write_text("email,plan,contact_mail\nANN@secret.example,pro,other@secret.example\n")
    events.load(empty, log)
    source = events.load(empty, people)
    assert (source.kind, source.loaded) == ("users", 1)
    with empty.reader() as reader:
        assert reader.rows("SELECT user_id, attributes FROM users") == [(users(empty)[0], '{"plan": "pro"}')]
    assert Vault(empty.folder).contacts(users(empty))["email"].to_pylist() == ["other@secret.example"]
    assert b"secret.example" not in clear_text(empty)


def test_a_column_of_addresses_is_left_out_of_events_whatever_its_name(
    empty: Workspace, tmp_path: Path
) -> None:
    file = tmp_path / "e.csv"
    file.write_text(
        "user_id,event_type,event_time,kontakt,note\n"
        "1,view,2026-01-01 10:00:00,ann@secret.example,a @ b\n"
        "2,view,2026-01-01 10:00:00,,c\n"
    )
    found = events.propose(file)
    assert "Left out, because contacts belong in a file of users: kontakt." in map(str, found.notes)
    events.load(empty, file)
    with empty.reader() as reader:
        kept = reader.rows("SELECT properties FROM events ORDER BY user_id")
    assert kept == [('{"note":"a @ b"}',), ('{"note":"c"}',)]
    assert b"secret.example" not in clear_text(empty)


@pytest.mark.parametrize("name", ["a*.csv", "[b].csv", "what?.parquet"])
def test_a_file_name_is_never_a_pattern(empty: Workspace, tmp_path: Path, name: str) -> None:
    """The database reads `*` in a path as many files."""
    rows = "user_id,event_type,event_time\nu,view,2026-01-01 10:00:00\n"
    wanted, other = tmp_path / name, tmp_path / f"ab{Path(name).suffix}"
    if name.endswith("parquet"):
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(
            pa.table({"user_id": ["u"], "event_type": ["view"], "event_time": ["2026-01-01"]}), wanted
        )
        other = tmp_path / "whatX.parquet"
        pq.write_table(
            pa.table({"user_id": ["v"], "event_type": ["view"], "event_time": ["2026-01-01"]}), other
        )
    else:
        wanted.write_text(rows)
        other.write_text(rows.replace("u,", "v,"))
    assert events.load(empty, wanted).loaded == 1
    assert users(empty) == ["u"]
    assert not list((empty.folder / "tmp").iterdir())


def test_dates_that_can_only_be_read_one_way_outweigh_the_saved_mapping(
    empty: Workspace, tmp_path: Path
) -> None:
    header = "user_id,event_type,event_time\n"
    (tmp_path / "day.csv").write_text(header + "u,view,13/02/2025 10:00:00\n")
    (tmp_path / "month.csv").write_text(header + "u,view,02/13/2025 10:00:00\nu,view,02/05/2025 10:00:00\n")
    assert events.load(empty, tmp_path / "day.csv").mapping["time_format"] == "dmy"
    source = events.load(empty, tmp_path / "month.csv")
    assert (source.mapping["time_format"], source.rejected) == ("mdy", 0)
    with empty.reader() as reader:
        days = [str(row[0]) for row in reader.rows("SELECT DISTINCT local_date FROM events ORDER BY 1")]
    assert days == ["2025-02-05", "2025-02-13"]


def test_no_title_of_an_item_holds_an_address_in_clear(empty: Workspace, tmp_path: Path) -> None:
    described = write(tmp_path / "items.csv", "item_id,title,note\n1,ask ann@secret.example,x\n2,b,c@d\n")
    told = write(
        tmp_path / "x.csv",
        "user_id,item_id,event_time,item_title\n"
        "u,3,2026-01-01 10:00:00,by ann@secret.example\n"
        "u,ann@secret.example,2026-01-01 10:00:00,plain\n",
    )
    assert "1 rows held an e-mail address, which is left out of them." in load(empty, described).questions
    load(empty, told)
    with empty.reader() as reader:
        assert reader.rows("SELECT item_id, title FROM items ORDER BY item_id") == [
            ("1", "ask [e-mail]"), ("2", "b"), ("3", "by [e-mail]"), ("[e-mail]", "plain"),
        ]  # fmt: skip
    assert b"secret.example" not in clear_text(empty)


def test_a_row_with_an_address_is_no_header(empty: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "ann,ann@secret.example,pro\nbob,bob@secret.example,free\n")
    found = events.propose(path, kind="users")
    assert (found.format.header, found.columns) == (False, ("c1", "c2", "c3"))


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        (["Ann B,a@x.example,1", "Cay D,c@x.example,2", "Ann B,a@x.example,2"], False),
        (["Milk,a@x.example,1", "Tea,a@x.example,2", "Milk,c@x.example,1"], True),
        (["Ann B,a@x.example,1"], False),
    ],
)
def test_a_name_beside_an_address_may_be_a_person(
    empty: Workspace, tmp_path: Path, rows: list[str], kept: bool
) -> None:
    dated = [f"{row},2026-01-0{n} 10:00:00" for n, row in enumerate(rows, start=1)]
    path = write(tmp_path / "x.csv", "\n".join(["name,email,sku,created at", *dated]) + "\n")
    found = events.propose(path)
    assert found.mapping.columns.get("item_title") == ("name" if kept else None)
    load(empty, path)
    clear = clear_text(empty)
    assert (rows[0].split(",")[0].encode() in clear) is kept
    said = "Left out, because contacts belong in a file of users: name."
    assert (said in [note.render() for note in found.notes]) is not kept


def test_a_mobile_of_digits_is_a_phone(tmp_path: Path) -> None:
    header = "user_id,item_id,created_at,mobile\n"
    called = write(tmp_path / "x.csv", header + "u,a,2026-01-01 10:00:00,0170 1234567\n")
    assert events.propose(called).mapping.ignored == ("mobile",)
    used = write(tmp_path / "y.csv", header + "u,a,2026-01-01 10:00:00,iPhone 15\n")
    assert events.propose(used).mapping.ignored == ()
