"""Files of items and users; contacts go to the vault and nowhere else."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from persmark import events
from persmark.privacy import Vault
from persmark.store import Workspace
from tests.conftest import HARD
from tests.events.files import counts, csv_of, lines_rejected, load, write

ITEMS = "item_id,title,kind,category,brand,price,colour"


def items(workspace: Workspace, columns: str) -> list[tuple[object, ...]]:
    with workspace.reader() as reader:
        return reader.rows(f"SELECT {columns} FROM items ORDER BY item_id")


def test_items_are_read_with_their_leaf_category_and_attributes(empty: Workspace, tmp_path: Path) -> None:
    rows = ['1,Käse 😀,,Food > Dairy|Cheese,B,"1,234.50",red', "2,,AD,,,,"]
    assert counts(load(empty, write(tmp_path / "o'f 张.csv", csv_of(rows, ITEMS)))) == (2, 2, 0, 0, 0, 0)
    assert items(empty, "item_id, title, kind, category_path, category, price, attributes") == [
        ("1", "Käse 😀", "product", "Food / Dairy / Cheese", "Cheese", Decimal("1234.5"), '{"colour":"red"}'),
        ("2", None, "ad", None, None, None, None),
    ]


def test_bad_items_are_rejected_and_later_rows_of_an_id_stand(empty: Workspace, tmp_path: Path) -> None:
    rows = ["1,old,,,,1,", ",x,,,,1,", "3,x,song,,,1,", "4,x,,,,dear,", "1,new,,,,2,"]
    source = load(empty, write(tmp_path / "x.csv", csv_of(rows, ITEMS)))
    assert counts(source) == (5, 1, 1, 3, 0, 0)
    assert lines_rejected(empty, source) == [(3, "no_item"), (4, "bad_kind"), (5, "bad_price")]
    assert items(empty, "item_id, title, price") == [("1", "new", Decimal(2))]
    load(empty, write(tmp_path / "y.csv", csv_of(["1,newest,,,,3,", "5,y,,,,,"], ITEMS)))
    assert items(empty, "item_id, title") == [("1", "newest"), ("5", "y")]


EVENTS_WITH_TITLES = csv_of(
    ["u,1,2026-01-01,Shown name", "u,9,2026-01-01,Only here", "u,9,2026-01-02,"],
    "user_id,item_id,event_time,title",
)


def test_events_that_name_items_add_to_a_catalogue_that_stands(empty: Workspace, tmp_path: Path) -> None:
    load(empty, write(tmp_path / "items.csv", csv_of(["1,Käse,,Food,B,5,red", "2,Milch,,,,,"], ITEMS)))
    load(empty, write(tmp_path / "events.csv", EVENTS_WITH_TITLES))
    assert items(empty, "item_id, title, category, brand, price") == [
        ("1", "Shown name", "Food", "B", Decimal(5)),
        ("2", "Milch", None, None, None),
        ("9", "Only here", None, None, None),
    ]
    assert items(empty, "attributes")[0] == ('{"colour":"red"}',)
    assert len(events.ledger(empty)) == 2


def test_the_same_items_in_other_order_are_the_same(empty: Workspace, tmp_path: Path) -> None:
    load(empty, write(tmp_path / "events.csv", EVENTS_WITH_TITLES))
    load(empty, write(tmp_path / "items.csv", csv_of(["1,Käse,,Food,B,5,red", "2,Milch,,,,,"], ITEMS)))
    assert [row[0] for row in items(empty, "title")] == ["Käse", "Milch", "Only here"]


SECRETS = ["zoe@example.test", "+49 170 1234567", "Zoë-Sécrète", "Geheimnis-Übername", "10115-X"]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_contacts_of_a_users_file_stand_in_the_vault_and_nowhere_else(
    empty: Workspace, tmp_path: Path, kind: str
) -> None:
    names = ["Customer ID", "E-Mail", "phone", "First Name", "last_name", "ZIP", "tier", "city x"]
    row = [HARD.replace('"', ""), *SECRETS, "gold 😀", ""]
    nobody = ["", "", "", *row[3:]]
    if kind == "csv":
        # A second row of another user without contacts, and one that nothing tells who it is: rejected,
        # its line sealed.
        lines = [",".join(names), ",".join(row), "u2,,,,,,silver,", ",".join(nobody)]
        path = write(tmp_path / "users.csv", "\n".join(lines))
    else:
        lines = [
            dict(zip(names, row, strict=True)), {"Customer ID": "u2", "tier": "silver"},
            dict(zip(names, nobody, strict=True)),
        ]  # fmt: skip
        path = write(tmp_path / "users.jsonl", "\n".join(json.dumps(line) for line in lines))
    source = load(empty, path)
    assert (source.kind, source.loaded, source.rejected) == ("users", 2, 1)
    with empty.reader() as reader:
        found = dict(reader.rows("SELECT user_id, attributes FROM users"))
    assert {user: json.loads(raw) for user, raw in found.items()} == {
        row[0]: {"tier": "gold 😀"},
        "u2": {"tier": "silver"},
    }
    (contact,) = Vault(empty.folder).contacts([row[0], "u2"]).to_pylist()
    assert {key: value for key, value in contact.items() if value} == {
        "user_id": row[0], "email": SECRETS[0], "phone": SECRETS[1], "first_name": SECRETS[2],
        "last_name": SECRETS[3], "zip": SECRETS[4],
    }  # fmt: skip
    for file in empty.folder.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not [secret for secret in SECRETS if secret.encode() in content], file.name


def test_a_contact_that_comes_late_in_json_lines_is_locked_away_too(empty: Workspace, tmp_path: Path) -> None:
    lines = [{"user_id": f"u{n}", "tier": "gold"} for n in range(600)] + [
        {"user_id": "z", "E-Mail": SECRETS[0]}
    ]
    load(empty, write(tmp_path / "users.jsonl", "\n".join(json.dumps(line) for line in lines)))
    assert Vault(empty.folder).contacts(["z"]).column("email").to_pylist() == [SECRETS[0]]
    with empty.reader() as reader:
        assert reader.value("SELECT count(attributes) FROM users WHERE user_id = 'z'") == 0


def test_a_later_users_file_replaces_the_user(empty: Workspace, tmp_path: Path) -> None:
    load(empty, write(tmp_path / "a.csv", "user_id,tier\nu,gold\nv,gold\n"))
    load(empty, write(tmp_path / "b.csv", "user_id,tier\nu,silver\n"))
    with empty.reader() as reader:
        found = dict(reader.rows("SELECT user_id, attributes FROM users"))
    assert found == {"u": '{"tier":"silver"}', "v": '{"tier":"gold"}'} or {
        user: json.loads(raw)["tier"] for user, raw in found.items()
    } == {"u": "silver", "v": "gold"}


def test_a_users_file_makes_profiles_stale_and_keeps_items(empty: Workspace, tmp_path: Path) -> None:
    load(empty, write(tmp_path / "i.csv", csv_of(["1,Käse,,,,,"], ITEMS)))
    load(empty, write(tmp_path / "u.csv", "user_id,tier\nu,gold\n"))
    assert items(empty, "item_id") == [("1",)]
