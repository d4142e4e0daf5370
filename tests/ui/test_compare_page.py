"""The Compare page: every view, few users, hostile names, moments taken and let go."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from persmark import actions, segments
from persmark.store import Workspace, create_workspace, open_workspace
from tests.events.files import csv_of, write
from tests.opened import finished, open_page, said, whole
from tests.shop import ACTOR, HARD_USER, N_USERS, load_shop

OWN = f"Regulars {HARD_USER} <img src=x> ![a](http://evil.test/a.png)"
CAREFUL = {"any": [
    {"column": "n_purchases", "is": ">=", "value": 8},
    {"events": {"category": "Aisle 1", "at_least": 2, "within_days": 20}},
]}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PERSMARK_DATA", str(folder))
        shop = load_shop(tmp_path_factory.mktemp("files"))
        actions.run(shop, ACTOR, actions.SaveSegment(name=OWN, rule=CAREFUL))
        tiny = create_workspace("tiny")
        rows = [f"u{user},x{day % 2},purchase,2026-01-{day:02d} 10:00:00,{user + 1}"
                for user in range(3) for day in range(1, 9, user + 2)]  # fmt: skip
        path = write(folder / "tiny.csv", csv_of(rows))
        actions.run(tiny, ACTOR, actions.LoadFiles(paths=(str(path),)))
    return folder


@pytest.fixture
def shop(data: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("PERSMARK_DATA", str(data))
    return open_workspace("shop")


def safe(page: str) -> None:
    assert "<img" not in page


def test_segments_stand_side_by_side(shop: Workspace) -> None:
    at = open_page("compare", "shop")
    whole(at)
    assert at.multiselect(key="compared").value == [OWN, "lifecycle: active"]
    page = said(at)
    safe(page)
    assert f"of {N_USERS} users" in page
    assert "What sets them apart" in page
    assert len(at.get("plotly_chart")) == 1


@pytest.mark.parametrize("part", ["Attention and spend", "Hours and weekdays", "Value"])
def test_each_part_is_drawn_with_its_reading(shop: Workspace, part: str) -> None:
    at = open_page("compare", "shop")
    at.segmented_control(key="compare_part").set_value(part).run()
    whole(at)
    safe(said(at))
    assert at.get("plotly_chart")
    assert said(at).count("pm-reading") >= len(at.get("plotly_chart"))


@pytest.mark.parametrize(("dimension", "measure"), [("category", "spend"), ("daypart", "reach")])
def test_attention_is_shown_in_shares_and_against_everybody(
    shop: Workspace, dimension: str, measure: str
) -> None:
    at = open_page("compare", "shop", compare_part="Attention and spend")
    at.selectbox(key="dimension").set_value(dimension)
    at.segmented_control(key="measure").set_value(measure)
    at.segmented_control(key="scale").set_value("Against everybody").run()
    whole(at)
    assert at.get("plotly_chart")
    at.selectbox(key="dimension").set_value("brand").run()
    whole(at)
    assert "There is nothing of this kind in these events" in said(at)


def test_a_count_is_opened_to_its_users_and_a_feature_chosen(shop: Workspace) -> None:
    at = open_page("compare", "shop")
    at.selectbox(key="compared_feature").set_value("favourite_daypart").run()
    whole(at)
    n_tables = len(at.dataframe)
    at.session_state["opened_compared"] = "Lifecycle: Active"
    at.run()
    whole(at)
    assert len(at.dataframe) == n_tables + 1


def test_one_segment_is_not_compared(shop: Workspace) -> None:
    at = open_page("compare", "shop")
    at.multiselect(key="compared").set_value([OWN]).run()
    whole(at)
    assert "Choose a second segment" in said(at)


def test_a_few_users_are_shown_with_their_uncertainty(shop: Workspace) -> None:
    for part in ("Profile", "Attention and spend", "Hours and weekdays", "Value"):
        at = open_page("compare", "tiny", compare_part=part)
        whole(at)
    assert "3 users" in said(at)
    chosen = at.multiselect(key="compared")
    chosen.set_value([segments.EVERYONE, chosen.value[0]]).run()
    at.session_state["opened_compared"] = "Everyone"
    at.run()
    whole(at)
    assert "Fewer than 11 users: not listed." in said(at)


def test_who_moved_from_a_moment_worked_out_beside_the_page(shop: Workspace) -> None:
    at = open_page("compare", "shop", compare_view="Who moved")
    whole(at)
    assert "worked out once and kept" in said(at)
    at.date_input(key="moment_day").set_value(date(2026, 2, 20)).run()
    at.button(key="take_snapshot").click().run()
    assert not at.exception
    finished(shop, "snapshot")
    at = open_page("compare", "shop", compare_view="Who moved")
    whole(at)
    page = said(at)
    safe(page)
    (kept,) = segments.list_snapshots(shop)
    with shop.reader() as reader:
        found = segments.migrate(reader, CAREFUL, kept, segments.published_snapshot(shop))
    assert found.n_left
    assert f"{found.n_before} + {found.n_entered} − {found.n_left} = {found.n_after}" in page
    assert len(at.get("plotly_chart")) == 2
    for name in ("lifecycle: active", segments.EVERYONE):
        at.selectbox(key="moved_segment").set_value(name).run()
        whole(at)
    at.segmented_control(key="moved_groups").set_value("rfm_segment").run()
    whole(at)
    n_tables = len(at.dataframe)
    at.selectbox(key="opened_move").set_value((segments.STAYED, None)).run()
    whole(at)
    assert len(at.dataframe) == n_tables + 1
    at.session_state["table-moments"] = {"selection": {"rows": [0], "columns": []}}
    at.run()
    at.button(key="drop_snapshot").click().run()
    whole(at)
    assert segments.list_snapshots(shop) == []


def test_a_stale_moment_says_so_and_is_worked_out_again(shop: Workspace, tmp_path: Path) -> None:
    tiny = open_workspace("tiny")
    actions.run(tiny, ACTOR, actions.TakeSnapshot(as_of="2026-01-06T23:59:59"))
    later = write(tmp_path / "more.csv", csv_of(["new one,x1,purchase,2026-01-02 10:00:00,5"]))
    actions.run(tiny, ACTOR, actions.LoadFiles(paths=(str(later),), build_profiles=False))
    at = open_page("compare", "tiny", compare_view="Who moved")
    whole(at)
    assert "is kept as it was worked out" in said(at)
    at.button(key="again-1").click().run()
    assert not at.exception
    finished(tiny, "snapshot")
    old, new = sorted(segments.list_snapshots(tiny), key=lambda one: one.snapshot_id)
    assert (old.stale, new.stale, new.n_users) == (True, False, old.n_users + 1)
