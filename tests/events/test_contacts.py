"""Contacts and consent of users files: read right, locked away, and never ahead of their load."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from persmark import events
from persmark.errors import InputError
from persmark.events import Mapping
from persmark.events.contacts import Summary, people
from persmark.events.ledger import recover
from persmark.events.names import consent_purposes, consent_said, contact_field, split_name
from persmark.events.persons import Named
from persmark.privacy import KEY_VARIABLE, KeyLostError, Vault, consents, key_path
from persmark.store import Workspace, Writer
from tests.events.files import HEADER, csv_of, event_rows, load, write

SECRET = "zoe@geheim.example"


def clear_files(workspace: Workspace, secret: str) -> list[str]:
    """Files of the workspace that hold a text as it is."""
    files = [path for path in workspace.folder.rglob("*") if path.is_file()]
    return [path.name for path in files if secret.encode() in path.read_bytes()]


def clear_cells(workspace: Workspace, secret: str) -> list[str]:
    """Text columns of the published tables that hold a text, whatever its case."""
    found = []
    with workspace.reader() as reader:
        for table in ("events", "originals", "echoes", "users", "items", "identities", "identity_keys"):
            for column, kind in reader.columns(table).items():
                if kind == "VARCHAR" and reader.value(
                    f"SELECT count(*) FROM {table} WHERE contains(lower({column}), $secret)",
                    {"secret": secret},
                ):
                    found.append(f"{table}.{column}")
    return found


def said(workspace: Workspace) -> dict[tuple[str, str], str]:
    rows = consents(workspace.state).to_pylist()
    return {(row["user_id"], row["purpose"]): row["state"] for row in rows}


@pytest.mark.parametrize(
    ("full", "first", "last"),
    [
        ('O\'Connor, Liz "🦊"', 'Liz "🦊"', "O'Connor"),
        ("Jane  van Doe", "Jane van", "Doe"),
        ("欧阳秀英", "秀英", "欧阳"),
        ("王芳", "芳", "王"),
        ("王 秀 英", "秀英", "王"),
        ("Cher", "Cher", ""),
        (" ", "", ""),
    ],
)
def test_a_full_name_is_split(full: str, first: str, last: str) -> None:
    assert split_name(full) == (first, last)


@pytest.mark.parametrize(
    ("header", "of_users", "of_events"),
    [
        ("E-Mail", "email", "email"), ("customer.email", "email", "email"), ("Billing Name", "name", "name"),
        ("name", "name", None), ("Lineitem name", None, None), ("username", None, None),
        ("mobile", "phone", None), ("用户手机号", "phone", "phone"), ("Shipping City", "city", None),
        ("Shipping Street", "address", "address"), ("zip", "zip", None), ("user_id", None, None),
    ],
)  # fmt: skip
def test_which_columns_are_contacts(header: str, of_users: str | None, of_events: str | None) -> None:
    assert contact_field(header, of_users=True) == of_users
    assert contact_field(header, of_users=False) == of_events


@pytest.mark.parametrize(
    ("header", "meaning"),
    [
        ("Accepts Marketing", (("email",), False)), ("email_consent", (("email",), False)),
        ("同意", (("email",), False)), ("SMS Marketing Consent", (("sms",), False)),
        ("unsubscribed_at", (("email",), True)), ("OPTIN_TIME", (("email",), False)),
        ("do not contact", (("email", "sms"), True)),
        ("ad_personalization", (("ad_personalization",), False)),
        ("subscription_plan", None), ("station", None),
    ],
)  # fmt: skip
def test_which_columns_are_consent(header: str, meaning: object) -> None:
    assert consent_purposes(header) == meaning


@pytest.mark.parametrize(
    ("answer", "cells"),
    [
        (
            True,
            ["yes", "TRUE", "1", "1.0", "Subscribed", "opted-in", "granted", "是", "✓", "2024-05-01 10:00"],
        ),
        (False, ["no", "False", "0", "0.0", "UNSUBSCRIBED", "Opted Out", "denied", "否", "✗"]),
        (None, ["", "  ", "NULL", "never_subscribed", "pending"]),
    ],
)
def test_what_a_consent_cell_says(answer: bool | None, cells: list[str]) -> None:
    assert [consent_said(cell) for cell in cells] == [answer] * len(cells)


def test_a_consent_cell_of_no_known_spelling_is_told_and_counts_as_not_asked() -> None:
    found = people([("u", json.dumps({"newsletter": "vielleicht", "plan": "pro"}))], Named())
    assert (found.consents, found.attributes) == ([], ['{"plan": "pro"}'])
    summary = Summary()
    summary.add(found)
    assert [str(note) for note in summary.notes()] == [
        "1 cells of 'newsletter' are no yes and no no; they count as not asked."
    ]


@pytest.mark.parametrize(
    ("cells", "states"),
    [
        ({"newsletter": "yes", "unsubscribed": "yes"}, {"email": "denied"}),
        ({"unsubscribed": "yes", "newsletter": "yes"}, {"email": "denied"}),
        ({"newsletter": "no", "email_consent": "yes"}, {"email": "denied"}),
        ({"unsubscribed": "no"}, {}),
        ({"opted out of email": "false", "sms_consent": "granted"}, {"sms": "granted"}),
        ({"do_not_contact": "true"}, {"email": "denied", "sms": "denied"}),
    ],
)
def test_a_no_outweighs_a_yes_and_not_refused_is_no_yes(
    cells: dict[str, str], states: dict[str, str]
) -> None:
    found = people([("u", json.dumps(cells))], Named())
    assert {purpose: state for _, purpose, state in found.consents} == states


PEOPLE = (
    "customer_id,email,phone,name,city,birthday,accepts_marketing,sms_consent,note\n"
    f'"o\'Neil ""王""",{SECRET},+49 170 1234567,"Sécrète, Zoë",Köln,1990-01-02,yes,,call {SECRET}\n'
    "🦊2,,,欧阳秀英,,,no,1,\n"
)
HARD_ID = 'o\'Neil "王"'


def test_a_users_file_parts_contacts_consent_and_attributes(empty: Workspace, tmp_path: Path) -> None:
    source = load(empty, write(tmp_path / "crm.csv", PEOPLE))
    assert (source.kind, source.loaded) == ("users", 2)
    with empty.reader() as reader:
        kept = dict(reader.rows("SELECT user_id, attributes FROM users"))
    assert json.loads(kept[HARD_ID]) == {"city": "Köln", "birthday": "1990-01-02", "note": "call [e-mail]"}
    assert kept["🦊2"] is None
    one, two = Vault(empty.folder).contacts([HARD_ID, "🦊2"]).to_pylist()
    assert {key: value for key, value in one.items() if value} == {
        "user_id": HARD_ID, "email": SECRET, "phone": "+49 170 1234567", "first_name": "Zoë",
        "last_name": "Sécrète", "city": "Köln",
    }  # fmt: skip
    assert (two["first_name"], two["last_name"], two["email"]) == ("秀英", "欧阳", None)
    assert said(empty) == {
        (HARD_ID, "email"): "granted", ("🦊2", "email"): "denied", ("🦊2", "sms"): "granted"
    }  # fmt: skip
    for secret in (SECRET, "1234567", "Sécrète", "欧阳"):
        assert (clear_files(empty, secret), clear_cells(empty, secret.lower())) == ([], [])


def test_a_later_file_adds_to_contacts_and_blank_consent_changes_nothing(
    empty: Workspace, tmp_path: Path
) -> None:
    load(
        empty, write(tmp_path / "a.csv", "user_id,email,phone,newsletter\nu,a@b.example,+49 1701234567,yes\n")
    )
    load(empty, write(tmp_path / "b.csv", "user_id,email,newsletter\nu,new@b.example,\n"))
    (row,) = Vault(empty.folder).contacts(["u"]).to_pylist()
    assert (row["email"], row["phone"]) == ("new@b.example", "+49 1701234567")
    assert said(empty) == {("u", "email"): "granted"}


def test_a_list_of_people_with_a_date_is_no_list_of_events(tmp_path: Path) -> None:
    path = write(tmp_path / "crm.csv", "id,email,first_name,created_at\n1,a@b.example,Zoë,2024-01-01\n")
    assert events.propose(path).kind == "users"
    path = write(tmp_path / "orders.csv", "email,order_id,created_at,total\na@b.example,1,2024-01-01,5\n")
    assert events.propose(path).kind == "events"


class Killed(BaseException):
    """A process that ends where it stands."""


@pytest.mark.parametrize("published", [False, True], ids=["before", "after"])
def test_contacts_of_a_load_that_was_cut_off_stand_only_if_the_load_does(
    empty: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, published: bool
) -> None:
    path = write(tmp_path / "crm.csv", PEOPLE)
    owner, step = (Vault, "keep") if published else (Writer, "finish")

    def cut_off(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(owner, step, cut_off)
        with pytest.raises(Killed):
            events.load(empty, path)
    assert Vault(empty.folder).contacts([HARD_ID]).num_rows == 0
    assert said(empty) == {}
    with empty.write("events"):
        recover(empty)
    assert Vault(empty.folder).contacts([HARD_ID]).num_rows == int(published)
    assert len(said(empty)) == 3 * int(published)
    assert Vault(empty.folder).next_waiting() is None
    assert len(events.ledger(empty)) == int(published)


def test_a_users_file_without_the_key_is_refused_before_anything_is_written(
    empty: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(empty, write(tmp_path / "a.csv", "user_id,email,name\nu,a@b.example,Zoë\n"))
    before = {path: path.read_bytes() for path in empty.folder.rglob("*") if path.is_file()}
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "elsewhere"))
    with pytest.raises(KeyLostError, match="Received: no key at"):
        events.load(empty, write(tmp_path / "b.csv", "user_id,email,name\nv,b@b.example,Ann\n"))
    assert not key_path().exists(), "no new key takes the lost one's place"
    assert {path: path.read_bytes() for path in empty.folder.rglob("*") if path.is_file()} == before


def _rows_of(kind: str) -> tuple[str, list[dict[str, Any]]]:
    """Events that hold an address wherever one can stand."""
    one: dict[str, Any] = {
        "user_id": "u", "event_time": "2026-01-01T10:00:00Z", "event_type": "view", "item_id": "1",
        "order_id": SECRET, "channel": f"mail to {SECRET.upper()}", "campaign_id": "c",
        "url": "https://s.example/?u=" + SECRET.replace("@", "%40"), "price note": "3@5.99",
    }  # fmt: skip
    if kind == "json":
        one["context"] = {"traits": {"email": SECRET, "deep": [{"mail": SECRET}]}}
        one["products"] = [{"sku": "1", "gift_to": SECRET}]
    return SECRET, [one, {**one, "user_id": SECRET, "item_id": "2"}]


@pytest.mark.parametrize("kind", ["csv", "careful", "jsonl", "parquet"])
def test_no_address_stands_in_clear_wherever_it_stood(empty: Workspace, tmp_path: Path, kind: str) -> None:
    secret, rows = _rows_of("json" if kind == "jsonl" else kind)
    if kind == "jsonl":
        path = write(tmp_path / "e.jsonl", "\n".join(json.dumps(row) for row in rows))
    elif kind == "parquet":
        path = tmp_path / "e.parquet"
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        lines = [",".join(row.values()) for row in rows[: 1 if kind == "csv" else 2]]
        lines += [f"{secret},bad time,view,1,,,,,"] if kind == "careful" else []
        path = write(tmp_path / "e.csv", csv_of(lines, ",".join(rows[0])))
    columns = ("user_id", "event_time", "event_type", "item_id", "order_id", "channel", "campaign_id")
    source = load(empty, path, mapping=Mapping("events", {name: name for name in columns}))
    assert (source.loaded, source.rejected) == (1 if kind == "csv" else 2, int(kind == "careful"))
    assert "rows held an e-mail address, which is left out of them." in " ".join(source.questions)
    assert clear_cells(empty, "geheim.example") == []
    assert (clear_files(empty, "geheim.example"), clear_files(empty, "GEHEIM.EXAMPLE")) == ([], [])
    assert event_rows(empty, "DISTINCT order_id, channel, campaign_id") == [
        ("[e-mail]", "mail to [e-mail]", "c")
    ]
    with empty.reader() as reader:
        assert (
            reader.value("SELECT count(*) FROM events WHERE contains(properties, '3@5.99')") == source.loaded
        )


def test_an_address_in_a_link_alone_is_found_on_the_fast_way(empty: Workspace, tmp_path: Path) -> None:
    link = "https://s.example/?u=zoe%40geheim.example&b=1"
    source = load(empty, write(tmp_path / "e.csv", csv_of([f"u,1,view,2026-01-01,,{link}"], HEADER + ",url")))
    assert (source.loaded, clear_files(empty, "geheim")) == (1, [])
    assert event_rows(empty, "properties") == [('{"url":"https://s.example/?u=[e-mail]&b=1"}',)]


def test_nothing_of_a_load_that_failed_is_left(
    empty: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(
        tmp_path / "odd[1].csv", f"user_id,event_type,event_time\n{SECRET},view,2026-01-01\n{SECRET},view,x\n"
    )

    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("no space")

    with monkeypatch.context() as patched:
        patched.setattr(Writer, "finish", fails)
        with pytest.raises(RuntimeError, match="no space"):
            events.load(empty, path)
    assert clear_files(empty, SECRET) == []
    assert [path.name for path in (empty.folder / "tmp").glob("*") if path.is_file()] == []
    assert Vault(empty.folder).next_waiting() == 1, "sealed, until the next load settles it"
    assert Vault(empty.folder).source_ids(Vault(empty.folder).digests([SECRET])) == {}
    events.load(empty, write(tmp_path / "other.csv", csv_of(["u,1,view,2026-01-01,"])))
    assert Vault(empty.folder).next_waiting() is None


PHONES = "+49 170 1234567\n0049 (0)170-1234567\n13800138000\n"


@pytest.mark.parametrize("answer", ["phone", "plain"])
def test_ids_that_look_like_phones_are_asked_about_once(
    empty: Workspace, tmp_path: Path, answer: str
) -> None:
    ids = PHONES.split("\n")[:-1]
    path = write(
        tmp_path / "e.csv", csv_of([f"{one},1,view,2026-01-01 1{n}:00:00Z," for n, one in enumerate(ids)])
    )
    (question,) = [one for one in events.propose(path).questions if one.key == "phone_ids"]
    assert (question.options, question.assumed) == (("phone", "plain"), None)
    assert str(question.text).startswith("User ids are written like +•• ••• •••••67: are they phone numbers?")
    with pytest.raises(InputError) as refusal:
        events.load(empty, path)
    assert "give --mapping with 'phone_ids' as one of phone, plain." in str(refusal.value)
    assert "1234567" not in str(refusal.value)
    mapping = Mapping.from_json({**events.propose(path).mapping.to_json(), "phone_ids": answer})
    load(empty, path, mapping=mapping)
    users = {row[0] for row in event_rows(empty, "user_id")}
    if answer == "plain":
        assert users == set(ids)
    else:
        assert sorted(Vault(empty.folder).source_ids(sorted(users)).values()) == [
            "+491701234567",
            "13800138000",
        ]
        assert (clear_files(empty, "1234567"), clear_cells(empty, "13800138000")) == ([], [])
    again = write(tmp_path / "next.csv", path.read_text().replace("2026-01-01", "2026-01-02"))
    assert load(empty, again).mapping["phone_ids"] == answer


@pytest.mark.parametrize("one", ["4155552671", "10000000001", "20260101120000", "u13800138000", "00123"])
def test_plain_numbers_are_not_asked_about(tmp_path: Path, one: str) -> None:
    path = write(tmp_path / "e.csv", csv_of([f"{one},1,view,2026-01-01,"]))
    assert [question.key for question in events.propose(path).questions if question.assumed is None] == []


def test_copies_that_a_killed_process_left_go_with_the_next_write(empty: Workspace, tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", "pass"])
    ended.wait()
    folder = empty.folder / "tmp"
    folder.mkdir(exist_ok=True)
    left = [folder / f"persmark_{ended.pid}_ab", folder / f"duckdb_temp_{ended.pid}_0_storage_S32K-0.tmp"]
    held = empty.temporary()
    for path in (*left, held):
        path.write_text(SECRET)
    load(empty, write(tmp_path / "e.csv", csv_of(["u,1,view,2026-01-01,"])))
    assert [path.exists() for path in (*left, held)] == [False, False, True], "a living process keeps its own"
