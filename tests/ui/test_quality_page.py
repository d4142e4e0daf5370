"""The Data quality page: what was found, its fixes, the rules and their switches, who is who."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from persmark import actions, events
from persmark.events import quality
from persmark.store import Workspace, create_workspace
from tests.conftest import HARD, copied, house
from tests.events.files import write
from tests.opened import finished, keys, open_page, said, whole

ACTOR = actions.Actor()
STRANGE = HARD.replace(",", "")


def load(workspace: Workspace, path: Path, **mapping: object) -> events.Source:
    """A file loaded and checked as the pages do it."""
    asked = {"kind": "events", "columns": {name: name for name in COLUMNS}, **mapping}
    actions.run(workspace, ACTOR, actions.LoadFiles(paths=(str(path),), names=(path.name,), mapping=asked))
    return events.ledger(workspace)[0]


COLUMNS = ("user_id", "item_id", "event_type", "event_time", "value")


def rows(kind: str = "view", *, hour: int = 10, n: int = 40) -> list[str]:
    cell = '"' + kind.replace('"', '""') + '"'
    return [
        f"u{at % 8},i{at % 5},{cell},2026-01-{1 + at % 20:02d} {hour}:{at % 60:02d}:00,{at}.50"
        for at in range(n)
    ]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with a file that holds an event type nobody knows."""
    folder = tmp_path_factory.mktemp("first")
    body = [",".join(COLUMNS), *rows(), *rows(STRANGE, hour=11, n=20)]
    with house(folder):
        made = create_workspace("shop-商店")
        load(made, write(folder / "first <b>.csv", "\n".join(body) + "\n"))
    return made


@pytest.fixture
def shop(first: Workspace, data_folder: Path) -> Workspace:
    return copied(first, data_folder)


def fix_of(found: list[quality.Finding], kind: type[quality.Rule]) -> quality.Finding:
    return next(one for one in found if isinstance(one.fix, kind))


def test_an_empty_workspace_says_what_to_do(empty):
    at = open_page("quality", empty.name)
    whole(at)
    assert "Data quality looks at events, and this workspace has none yet." in said(at)


def test_what_was_found_is_counted_and_shown_with_its_sentence(shop):
    found = quality.findings(shop)
    assert found is not None
    at = open_page("quality", shop.name)
    whole(at)
    for level, title in (("problem", "Problems"), ("look", "Worth a look"), ("fine", "Fine")):
        n = sum(one.level == level for one in found)
        assert f"<dt>{title}</dt><dd>{n}<small>of {len(found)} checks" in said(at)
    assert said(at).count('class="pm-finding') == len(found)
    assert len(at.get("plotly_chart")) == 2
    assert "Every one of the 20 days" in said(at)


def test_the_events_page_says_how_much_deserves_a_look(shop):
    found = quality.findings(shop)
    n_looks = sum(one.level == quality.LOOK for one in found)
    at = open_page("events", shop.name)
    whole(at)
    assert f"{n_looks} things worth a look in these events." in said(at)


def test_no_value_of_the_data_is_markup(shop):
    at = open_page("quality", shop.name)
    assert "<b>;" not in said(at)
    assert "&lt;b&gt;" in said(at)


def test_a_misspelt_type_is_folded_from_its_finding(shop, tmp_path):
    body = [",".join(COLUMNS), *rows("AddToCartt", n=7)]
    load(shop, write(tmp_path / "more.csv", "\n".join(body) + "\n"))
    at = open_page("quality", shop.name)
    key = next(key for key in keys(at, "selectbox") if key.startswith("fix_"))
    assert at.selectbox(key=key).value == "cart"
    at.selectbox(key=key).set_value("purchase")
    at.button(key=key.replace("_value", "_go")).click().run()
    assert not at.exception
    finished(shop, "rules")
    assert shop.stats("events")["by_type"] == {"view": 40, STRANGE: 20, "purchase": 7}


def test_a_strange_type_is_folded_by_hand_and_unfolded_by_the_switch(shop):
    at = open_page("quality", shop.name)
    assert at.button(key="own_save").disabled
    at.selectbox(key="own_from").set_value(STRANGE).run()
    at.selectbox(key="own_to").set_value("cart").run()
    whole(at)
    assert "counts as &#x27;cart&#x27;" in said(at)
    at.button(key="own_save").click().run()
    assert not at.exception
    finished(shop, "rules")
    assert shop.stats("events")["by_type"] == {"view": 40, "cart": 20}
    at = open_page("quality", shop.name)
    whole(at)
    assert " by local. Changed or left out 20 events." in said(at)
    assert at.toggle(key="rule_1").value is True
    at.toggle(key="rule_1").set_value(False).run()
    assert not at.exception
    finished(shop, "rules")
    assert shop.stats("events")["by_type"] == {"view": 40, STRANGE: 20}
    at = open_page("quality", shop.name)
    whole(at)
    assert at.toggle(key="rule_1").value is False
    assert "Switched off." in said(at)


def test_a_switch_shows_what_is_saved_whoever_changed_it(shop):
    number = quality.save_rule(shop, quality.FoldType(STRANGE, "cart"))
    at = open_page("quality", shop.name)
    assert at.toggle(key=f"rule_{number}").value is True
    quality.switch_rule(shop, number, active=False)
    at.run()
    assert at.toggle(key=f"rule_{number}").value is False
    assert quality.active_rules(shop) == {}


def test_rules_that_wait_are_said_with_the_button_that_applies_them(shop):
    quality.save_rule(shop, quality.FoldType(STRANGE, "cart"))
    at = open_page("quality", shop.name)
    whole(at)
    assert "The rules have changed since the events were written" in said(at)
    assert "Not applied yet." in said(at)
    at.button(key="apply_rules").click().run()
    assert not at.exception
    finished(shop, "rules")
    at = open_page("quality", shop.name)
    whole(at)
    assert "The rules have changed" not in said(at)
    assert shop.stats("events")["by_type"] == {"view": 40, "cart": 20}


def test_events_that_were_not_checked_offer_the_check(shop):
    quality.save_rule(shop, quality.FoldType(STRANGE, "cart"))
    quality.apply_rules(shop)
    at = open_page("quality", shop.name)
    whole(at)
    if quality.findings(shop) is None:
        assert "have not been checked since they last changed" in said(at)
        at.button(key="check_quality").click().run()
        assert not at.exception
        finished(shop, "quality")
    assert quality.findings(shop) is not None


def test_one_file_can_be_looked_at_alone(shop, tmp_path):
    load(
        shop,
        write(
            tmp_path / "second.csv",
            "\n".join([",".join(COLUMNS), *rows("click", hour=20), *rows("click", hour=21, n=20)]) + "\n",
        ),
    )
    at = open_page("quality", shop.name)
    whole(at)
    assert at.selectbox(key="quality_of").options == [
        "All files together",
        "2. second.csv",
        "1. first <b>.csv",
    ]
    at.selectbox(key="quality_of").set_value(2).run()
    whole(at)
    assert "10 hours apart" in said(at)


@pytest.mark.parametrize(
    ("kind", "fill", "rule"),
    [
        ("Shift the clock of a file", {"own_hours": -5.5}, quality.ShiftTime(1, -19_800)),
        ("Cap an amount", {"own_highest": 20.5}, quality.Cap("value", Decimal("20.5"))),
        ("Leave out users who are too busy", {"own_per_hour": 300}, quality.DropUsers(per_hour=300)),
        (
            "Leave out users by their ids",
            {"own_users": "u3\n u1 \n\nu3"},
            quality.DropUsers(users=("u1", "u3")),
        ),
        ("Merge users who share a key", {"own_limit": 5}, quality.MergeUsers(5)),
    ],
)
def test_each_kind_of_rule_can_be_made_by_hand(shop, kind, fill, rule):
    at = open_page("quality", shop.name)
    at.selectbox(key="own_kind").set_value(kind).run()
    for key, value in fill.items():
        widget = at.text_area(key=key) if key == "own_users" else at.number_input(key=key)
        widget.set_value(value).run()
    at.button(key="own_save").click().run()
    assert not at.exception
    finished(shop, "rules")
    assert [one.rule for one in quality.saved_rules(shop)] == [rule]


def test_a_rule_that_takes_everything_out_can_still_be_switched_off(shop):
    number = quality.save_rule(shop, quality.DropUsers(users=tuple(f"u{at}" for at in range(8))))
    quality.apply_rules(shop)
    assert not shop.stats("events").get("n_events")
    at = open_page("quality", shop.name)
    whole(at)
    at.toggle(key=f"rule_{number}").set_value(False).run()
    assert not at.exception
    finished(shop, "rules")
    assert shop.stats("events")["n_events"] == 60


def test_merged_users_are_listed_and_kept_apart(empty, tmp_path):
    body = ["user_id,item_id,event_type,event_time,value,mail"]
    body += [
        f"{user},i1,view,2026-01-0{at + 1} 10:00:00,1,ann@example.org"
        for at, user in enumerate(("ann", "ann-2"))
    ]
    load(empty, write(tmp_path / "two.csv", "\n".join(body) + "\n"), keys={"email": "mail"})
    at = open_page("quality", empty.name)
    whole(at)
    assert "1 user id stands under another one" in said(at)
    at.toggle(key="list_merged").set_value(True).run()
    whole(at)
    listed = next(one.value for one in at.dataframe if "came_as" in one.value.columns)
    assert listed["came_as"].tolist() == ["ann", "ann-2"]
    assert "example.org" not in listed.to_csv()
    at.session_state["table-merged"] = {"selection": {"rows": [1], "columns": []}}
    at.run()
    at.button(key="keep_apart").click().run()
    assert not at.exception
    finished(empty, "keep apart")
    assert empty.stats("events")["n_users"] == 2


def test_the_page_reads_what_is_saved_and_checks_nothing_itself(shop, monkeypatch):
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a page must not check")

    monkeypatch.setattr(quality, "check_quality", never)
    monkeypatch.setattr(quality, "apply_rules", never)
    whole(open_page("quality", shop.name))
