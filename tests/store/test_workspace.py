"""Workspaces: names, zones, making, listing, deleting."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

from persmark.errors import InputError, NotFoundError
from persmark.store import (
    Workspace,
    create_workspace,
    delete_workspace,
    list_workspaces,
    open_workspace,
    workspace_exists,
    workspace_name,
)
from tests.conftest import HARD


def test_what_is_made_can_be_opened(data_folder: Path) -> None:
    made = create_workspace("商店-1", label=HARD, time_zone="Asia/Kathmandu")
    again = open_workspace("商店-1")
    assert (again.name, again.label, again.kind, again.time_zone) == ("商店-1", HARD, "own", "Asia/Kathmandu")
    assert again.folder == made.folder == data_folder / "商店-1"
    assert again.versions() == {}
    assert again.stats("events") == {} == again.reads("profiles")
    assert again.as_of() is None


def test_making_it_twice_opens_the_first(data_folder: Path) -> None:
    create_workspace("shop", label="first")
    assert create_workspace("shop", label="second").label == "first"


@pytest.mark.parametrize(
    "name",
    ["", " ", "a b", "../x", "a/b", ".hidden", "-x", "x-", "_x", "a'b", "😀", "x" * 65, "a\n", "𠀀" * 64],
)
def test_a_name_that_cannot_be_a_folder_is_refused(data_folder: Path, name: str) -> None:
    with pytest.raises(InputError) as refused:
        create_workspace(name)
    assert str(refused.value) == (
        "A workspace's name must be letters, digits, '-' and '_', at most 64. "
        f"Received: {name}. Try {workspace_name(name)}."
    )
    assert list_workspaces() == []
    assert not workspace_exists(name)


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        ("Summer Sale (2).csv", "summer-sale-2-csv"),
        ('  O\'Neil_"x" ', "o-neil-x"),
        ("商店 数据", "商店-数据"),
        ("ＦＵＬＬ", "full"),
        ("😀", "workspace"),
        ("../../etc/passwd", "etc-passwd"),
        ("x" * 100, "x" * 48),
        ("𠀀" * 100, "𠀀" * 48),
    ],
)
def test_any_wish_becomes_a_name_that_is_accepted(data_folder: Path, wish: str, name: str) -> None:
    assert workspace_name(wish) == name
    assert create_workspace(name).name == name


@pytest.mark.parametrize("zone", ["", "Mars/Base", "../etc/passwd", "America", "UTC'; DROP TABLE x"])
def test_an_unknown_time_zone_is_refused(data_folder: Path, zone: str) -> None:
    with pytest.raises(InputError) as refused:
        create_workspace("shop", time_zone=zone)
    assert str(refused.value) == (
        f"A time zone must be an IANA name. Received: {zone}. "
        "For example UTC, Europe/Berlin or America/New_York."
    )
    assert list_workspaces() == []


def test_an_unknown_workspace_is_refused_with_those_there_are(data_folder: Path) -> None:
    with pytest.raises(NotFoundError, match=r"^Workspace 'x y' must exist\. Received: x y\. Available: none"):
        open_workspace("x y")
    for name in ("zoo", "demo", "商店", "sample"):
        create_workspace(name)
    with pytest.raises(NotFoundError, match=r"Available: sample, demo, zoo, 商店\.$"):
        open_workspace("../zoo")


def test_deleting_leaves_nothing_and_only_once(data_folder: Path) -> None:
    create_workspace("shop")
    create_workspace("stays")
    delete_workspace("shop")
    assert list_workspaces() == ["stays"]
    assert not [path for path in data_folder.iterdir() if "shop" in path.name]
    with pytest.raises(NotFoundError, match=r"^Workspace 'shop' must exist\. Received: shop\."):
        delete_workspace("shop")


def test_folders_that_are_no_workspaces_are_not_listed(data_folder: Path) -> None:
    (data_folder / "notes").mkdir()
    (data_folder / "file.txt").write_text("x")
    assert list_workspaces() == []


def test_an_audit_row_holds_what_was_asked(empty: Workspace) -> None:
    empty.audit(HARD, "load", {"name": HARD, "path": Path("x")}, {"n": 3})
    (row,) = empty.state.rows("audit")
    assert (row["actor"], row["verb"]) == (HARD, "load")
    assert json.loads(row["request"]) == {"name": HARD, "path": "x"}
    assert json.loads(row["result"]) == {"n": 3}


def _make(folder: str) -> str:
    return create_workspace("together", root=Path(folder)).name


def test_eight_processes_make_one_workspace(data_folder: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert pool.map(_make, [str(data_folder)] * 8, chunksize=1) == ["together"] * 8
    assert open_workspace("together").state.count("workspace") == 1


@pytest.mark.parametrize("place", ["a file 王", "/proc/n'o"])
def test_a_place_that_cannot_hold_workspaces_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "a file 王").write_text("")
    root = tmp_path / place
    refused = r"Workspaces must lie in a folder that can be written to. Received: .*{}.*Set PERSMARK_DATA"
    with pytest.raises(InputError, match=refused.format(place)):
        create_workspace("shop", root=root)
    if root.exists():
        with pytest.raises(InputError, match=r"\(a file\)"):
            list_workspaces(root=root)
