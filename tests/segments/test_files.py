"""A segment that travels: its rule as JSON, its users as CSV; and its versions."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from persmark.errors import EmptyError, InputError, NotFoundError
from persmark.profiles import build_profiles
from persmark.segments import (
    delete_segment,
    duplicate_segment,
    export_members,
    get_segment,
    import_segment,
    members_csv,
    restore_segment,
    rule_document,
    save_segment,
    saved_rules,
    segment_versions,
    undo_segment,
)
from persmark.segments.files import MOST_BYTES
from persmark.spreadsheet import restored_cell
from persmark.store import Workspace
from tests.profiles.made import event, workspace
from tests.segments.conftest import ODD

LATELY = {"column": "recency_days", "is": "<=", "value": 30}
EVERYONE = {"all": []}


def test_undo_goes_back_save_by_save(shop: Workspace) -> None:
    rules = [{"column": "user_id", "is": "=", "value": name} for name in "ABC"]
    for rule in rules:
        save_segment(shop, ODD, rule, "me")
    assert undo_segment(shop, ODD, "me") == 4
    assert get_segment(shop, ODD).rule == rules[1]
    assert undo_segment(shop, ODD, "me") == 5
    assert get_segment(shop, ODD).rule == rules[0]
    with pytest.raises(InputError, match="first version must stay"):
        undo_segment(shop, ODD, "me")
    save_segment(shop, ODD, LATELY, "me")
    undo_segment(shop, ODD, "me")  # the save is taken back, not what it came after
    assert get_segment(shop, ODD).rule == rules[0]
    assert [one.version for one in segment_versions(shop, ODD)] == [7, 6, 5, 4, 3, 2, 1]
    assert [row["verb"] for row in shop.state.rows("audit")].count("undo segment") == 3


def test_undo_brings_a_deleted_segment_back(shop: Workspace) -> None:
    save_segment(shop, ODD, LATELY, "me")
    delete_segment(shop, ODD, "me")
    assert [one.version for one in segment_versions(shop, ODD)] == [1]
    assert undo_segment(shop, ODD, "me") == 1
    assert saved_rules(shop) == {ODD: LATELY}
    with pytest.raises(NotFoundError, match="must have been saved once"):
        undo_segment(shop, "never", "me")
    with pytest.raises(NotFoundError, match="must have been saved once"):
        segment_versions(shop, "never")


def test_undo_of_a_restored_version_goes_on_from_that_one(shop: Workspace) -> None:
    for name in "ABC":
        save_segment(shop, ODD, {"column": "user_id", "is": "=", "value": name}, "me")
    restore_segment(shop, ODD, "me", version=2)
    undo_segment(shop, ODD, "me")
    assert get_segment(shop, ODD).rule["value"] == "A"


def test_copies_find_a_free_name(shop: Workspace) -> None:
    save_segment(shop, ODD, LATELY, "me")
    assert duplicate_segment(shop, ODD, "me") == (f"{ODD} (copy)", 1)
    assert duplicate_segment(shop, ODD, "me") == (f"{ODD} (copy 2)", 1)
    assert duplicate_segment(shop, "rfm: champions", "me") == ("Champions (copy)", 1)
    assert get_segment(shop, "Champions (copy)").rule["value"] == "champions"
    save_segment(shop, "x" * 120, LATELY, "me")
    assert duplicate_segment(shop, "x" * 120, "me") == ("x" * 113 + " (copy)", 1)
    assert duplicate_segment(shop, ODD, "me", new_name=" mine ") == ("mine", 1)
    with pytest.raises(InputError, match=r"copy's name must be free\. Received: mine"):
        duplicate_segment(shop, ODD, "me", new_name="mine")
    with pytest.raises(NotFoundError, match="must exist"):
        duplicate_segment(shop, "gone", "me")


def test_a_rule_travels_with_what_it_speaks_of(shop: Workspace) -> None:
    save_segment(shop, ODD, LATELY, "me")
    save_segment(shop, "middle", {"not": {"segment": ODD}}, "me")
    save_segment(shop, "top", {"any": [{"segment": "middle"}, {"segment": "rfm: lost"}]}, "me")
    document = rule_document(shop, "top")
    assert document["sentence"] == "Users: is in segment “middle” or is in segment “rfm: lost”"
    assert document["speaks_of"] == {ODD: LATELY, "middle": {"not": {"segment": ODD}}}
    raw = json.dumps(document, ensure_ascii=False).encode("utf-8-sig")
    for name in ("top", "middle", ODD):
        delete_segment(shop, name, "me")
    made = import_segment(shop, raw, "me")
    assert (made.name, made.version, set(made.also)) == ("top", 2, {ODD, "middle"})
    assert saved_rules(shop)["top"] == document["rule"]
    again = import_segment(shop, raw, "me", name="other")
    assert (again.name, again.also) == ("other", ())
    save_segment(shop, ODD, EVERYONE, "me")
    before = saved_rules(shop)
    with pytest.raises(InputError, match=r"must mean the same here\. Received: o'Neil"):
        import_segment(shop, raw, "me", name="third")
    assert saved_rules(shop) == before


def test_a_bare_rule_and_a_built_in_one_are_read(shop: Workspace) -> None:
    assert import_segment(shop, json.dumps(LATELY), "me", name="bare").name == "bare"
    assert get_segment(shop, "bare").rule == LATELY
    raw = json.dumps(rule_document(shop, "rfm: champions"))
    assert import_segment(shop, raw, "me").name == "rfm: champions (copy)"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"must be JSON\. Received: Expecting value in line 1, column 1"),
        (b"{\n 'all': []}", r"in line 2, column 2"),
        (b"\xff\xfe\x00", r"must be UTF-8 text\. Received: other bytes at position 0"),
        (b"[1]", r"must hold a JSON object\. Received: \[1\]"),
        (b"[" * 100_000, r"at most 30 levels deep"),
        (b'{"rule": 3}', r"A rule must be an object\. Received: 3"),
        (b'{"rule": {"all": []}, "speaks_of": 3}', r"'speaks_of' must hold rules by name\. Received: 3"),
        (b'{"rule": {"segment": "a"}, "speaks_of": {"a": {"segment": "b"}, "b": {"segment": "a"}}}',
         r"A segment named in a rule must exist\. Received: b"),
        (b'{"rule": {"column": "recency_days", "is": "<", "value": NaN}}', r"must be a finite number"),
        (b" " * (MOST_BYTES + 1), r"at most 4,000,000 bytes\. Received: 4,000,001"),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_files_that_are_no_rule_are_refused(shop: Workspace, content: bytes, message: str) -> None:
    with pytest.raises((InputError, NotFoundError), match=message):
        import_segment(shop, content, "me", name="new")
    assert saved_rules(shop) == {}


def test_a_file_without_a_name_needs_one(shop: Workspace) -> None:
    with pytest.raises(InputError, match="must have a name"):
        import_segment(shop, json.dumps(LATELY), "me")


def test_users_are_listed_so_that_no_cell_is_a_formula(tmp_path: Path) -> None:
    hostile = [
        "=1+1",
        "+1",
        "-1",
        "@x",
        "'quoted",
        'with "quotes", and comma',
        "two\nlines",
        "张伟",
        "😀",
        "%",
        "x",
        "y",
    ]
    made = workspace(tmp_path, [event(user, "view", "2026-03-01T00:00:00", "i") for user in hostile])
    build_profiles(made, actor="test")
    with made.reader() as reader:
        rows = list(csv.reader(io.StringIO(members_csv(reader, EVERYONE, columns=["n_events"]).decode())))
        assert rows[0] == ["user_id", "n_events"]
        assert [row[0] for row in rows if row[0][:1] in {"=", "+", "-", "@"}] == []
        assert sorted(restored_cell(row[0]) for row in rows[1:]) == sorted(hostile)
        assert {row[1] for row in rows[1:]} == {"1"}
        with pytest.raises(InputError, match=r"A list must have at least 11 users\. Received: 1\."):
            members_csv(reader, {"column": "user_id", "is": "=", "value": "%"})
        with pytest.raises(EmptyError, match="one that holds nobody"):
            members_csv(reader, {"column": "user_id", "is": "=", "value": "none"})
        with pytest.raises(InputError, match=r"Received: n_event\. Did you mean n_events\?"):
            members_csv(reader, EVERYONE, columns=["n_event"])
    save_segment(made, "Wer? 张 / x", EVERYONE, "me")
    found = export_members(made, "Wer? 张 / x", "me", out=tmp_path / "lists")
    assert found.n_users == len(hostile)
    assert found.path.parent == tmp_path / "lists"
    assert found.path.name.startswith("segment-wer-张-x-")
    assert [one.name for one in found.path.parent.iterdir()] == [found.path.name]
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="must go to a folder that can be written to"):
        export_members(made, "everyone", "me", out=tmp_path / "file" / "below")
