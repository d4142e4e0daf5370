"""The Profiles page: attention beside spend, where spend is missing, consent, the catalogue's search."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from persmark import actions
from persmark.privacy import MINIMUM_GROUP_SIZE, save_consents
from persmark.profiles import FEATURES, LIVE_FEATURES
from persmark.store import Workspace, create_workspace, open_workspace
from persmark.store.manifest import read_manifest, write_manifest
from tests.opened import open_page, said, whole

ODD = 'o\'Neil "张" 😀%'
WINE = 'wine <b>"红"</b> & o\'more'
ACTOR = actions.Actor()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Spenders on bread who look at wine, as many as may be listed, and one on bread and wine."""
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PERSMARK_DATA", str(folder))
        lookers = [ODD, *(f"u{n}" for n in range(1, MINIMUM_GROUP_SIZE))]
        rows = [(user, "purchase", "2026-01-01 10:00:00", "loaf", "bread", "2") for user in [*lookers, "x"]]
        for user in lookers:
            rows += [(user, "view", f"2026-01-01 10:00:0{n}", "red", WINE, "") for n in (1, 2)]
        rows.append(("x", "purchase", "2026-01-02 10:00:00", "red", WINE, "2"))
        with (folder / "made.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("customer", "event", "time", "item", "category", "amount"))
            writer.writerows(rows)
        made = create_workspace("made")
        actions.run(made, ACTOR, actions.LoadFiles((str(folder / "made.csv"),)))
    return folder


@pytest.fixture
def shop(data: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("PERSMARK_DATA", str(data))
    return open_workspace("made")


def test_attention_without_spend_is_an_opportunity_with_its_users(shop: Workspace) -> None:
    at = open_page("profiles", "made")
    whole(at)
    n = MINIMUM_GROUP_SIZE
    assert f"{n} of the {n + 1} spenders who give it attention have spent nothing on it." in said(at)
    assert f"{n} spenders attend to a category without spending on it. The commonest is" in said(at)
    assert f"{n} users give it 66.7% of their attention" in said(at)
    at.session_state["opened_opportunity"] = WINE
    at.run()
    whole(at)
    listed = next(one.value for one in at.dataframe if "mean_gap_days" in one.value.columns)
    assert ODD in listed["user_id"].tolist()
    assert len(listed) == n


def test_what_no_event_tells_is_said(shop: Workspace) -> None:
    at = open_page("profiles", "made")
    told = {
        "brand": "Items with a category or brand",
        "channel": "No event tells any",
        "daypart": "Most attention goes to morning: 100.0%",
    }
    for dimension, sentence in told.items():
        at.session_state["attention_over_all_by"] = dimension
        at.run()
        whole(at)
        assert sentence in said(at)


def test_consent_is_read_when_it_is_shown(shop: Workspace) -> None:
    at = open_page("profiles", "made")
    assert "No consents are loaded: for every user they are unknown." in said(at)
    told = {
        "user_id": [ODD, "x", "not a user"],
        "purpose": ["email"] * 3,
        "state": ["granted", "denied", "granted"],
    }
    save_consents(shop.state, pa.table(told))
    at.run()
    whole(at)
    assert f"Most agreed to E-mail: 1 of {MINIMUM_GROUP_SIZE + 1} users" in said(at)
    table = next(one.value for one in at.dataframe if "granted" in one.value.columns)
    assert table.iloc[0].tolist() == ["E-mail", 1, 1, MINIMUM_GROUP_SIZE - 1]


def test_the_catalogue_is_searched_by_every_word(shop: Workspace) -> None:
    at = open_page("profiles", "made")
    columns = {"feature", "definition", "unit", "source", "column"}

    def listed(wanted: str) -> list[str]:
        at.text_input(key="find_feature").set_value(wanted).run()
        whole(at)
        found = [one.value for one in at.dataframe if columns <= set(one.value.columns)]
        return found[0]["column"].tolist() if found else []

    assert listed("") == [*FEATURES, *LIVE_FEATURES]
    assert listed("recsys SECONDS") == ["mean_dwell_seconds"]
    assert listed("granted purpose") == ["consent"]
    assert listed("<b>nothing</b>") == []
    assert "No feature&#x27;s name" in said(at)


def test_profiles_of_an_earlier_version_ask_to_be_rebuilt(shop: Workspace) -> None:
    assert "an earlier version" not in said(open_page("profiles", "made"))
    manifest = read_manifest(shop.folder)
    group = manifest.group("profiles")
    older = replace(group, stats={**group.stats, "recipe": "of before"})
    write_manifest(shop.folder, replace(manifest, groups={**manifest.groups, "profiles": older}))
    at = open_page("profiles", "made")
    whole(at)
    assert "made by an earlier version or under other settings" in said(at)
    assert at.button(key="build_profiles").label == "Rebuild profiles"
    write_manifest(shop.folder, manifest)
