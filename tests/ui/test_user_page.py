"""The User page: found by any id, one event or many, names that break careless pages, nothing private."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pytest

from persmark import actions
from persmark.store import Workspace, open_workspace
from tests.opened import keys, open_page, said, whole
from tests.shop import ACTOR, HARD_ITEM, HARD_USER

URL_USER = "a&b=c?d#e/f%20 +"
SECRET = "zoe@secret.test"
HIDDEN = "ann@secret.test"
LOOKS = ("What is next", "Attention", "Beside others", "Segments", "Contacts", "Every figure")


def _rows() -> list[dict[str, str]]:
    rows = []
    for number, user in enumerate((HARD_USER, HARD_ITEM, URL_USER, "ann", "anna", "bob")):
        base = {"user_id": user, "item": "", "category": "", "amount": "", "campaign": ""}
        rows.append(
            base | {"time": "2026-01-02 09:00:00", "event": "campaign_received", "campaign": HARD_ITEM}
        )
        for day in range(5):
            item = {"item": f"sku-{day}", "category": ("Dairy", "<b>Toys</b>")[day % 2]}
            when = f"2026-01-{3 + day * 3 + number:02d}"
            rows.append(base | item | {"time": f"{when} 10:00:00", "event": "view"})
            if not day % 2:
                rows.append(base | item | {"time": f"{when} 10:05:00", "event": "purchase", "amount": "4.50"})
    once = {"user_id": "once", "item": "sku-1", "category": "Dairy", "amount": "", "campaign": ""}
    rows.append(once | {"time": "2026-01-25 10:00:00", "event": "view"})
    hidden = {"user_id": HIDDEN, "item": "sku-1", "category": "Dairy", "amount": "9", "campaign": ""}
    rows.append(hidden | {"time": "2026-01-25 10:00:00", "event": "purchase"})
    return rows


def _write(path: Path, rows: list[dict[str, str]]) -> str:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PERSMARK_DATA", str(folder))
        patch.setenv("PERSMARK_KEY", "5a" * 32)
        made = actions.create_workspace_for_upload(ACTOR, "tiny.csv")
        for name, rows in (
            ("tiny.csv", _rows()),
            ("users.csv", [{"user_id": HARD_USER, "email": SECRET, "first_name": "Zoe"}]),
        ):
            path = _write(folder / name, rows)
            actions.run(made, ACTOR, actions.LoadFiles(paths=(path,), names=(name,)))
            (folder / name).unlink()
        rule = {"all": [{"column": "n_purchases", "is": ">=", "value": 1},
                        {"any": [{"column": "n_views", "is": ">=", "value": 9},
                                 {"column": "n_views", "is": "=", "value": 5}]}]}  # fmt: skip
        actions.run(made, ACTOR, actions.SaveSegment(name=HARD_USER, rule=rule))
        asked = actions.CreateAudience(name=f"Spring {HARD_USER}", segment=HARD_USER, holdout_share=0.0)
        actions.run(made, ACTOR, asked)
        scored = [("buy", 0.6, 0.5, 0.7), ("churn", 0.25, None, None), ("spend", 40.0, 10.0, 80.0),
                  ("next_purchase_days", 6.0, 2.0, 9.5), (f"buy: {HARD_ITEM}", 0.4, 0.3, 0.5)]  # fmt: skip
        with made.write("scores") as writer:
            for user in ("ann", HARD_USER):
                columns = dict(
                    zip(("target", "score", "low", "high"), zip(*scored, strict=True), strict=True)
                )
                writer.put("predictions", pa.table({"user_id": [user] * len(scored), **columns}))
            writer.stats.update({"run_id": "gone", "targets": [[one[0], None, False] for one in scored]})
    return folder


@pytest.fixture
def tiny(data: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("PERSMARK_DATA", str(data))
    monkeypatch.setenv("PERSMARK_KEY", "5a" * 32)
    return open_workspace("tiny")


@pytest.mark.parametrize("user", [HARD_USER, HARD_ITEM, URL_USER, "ann"])
def test_a_link_leads_to_any_id(tiny, user):
    at = open_page("user", "tiny", user=user)
    whole(at)
    assert at.text_input(key="user").value == user
    assert "Last order" in said(at)
    assert "<img" not in said(at)
    assert "of 8 in &#x27;Everyone&#x27;" in said(at)
    assert at.get("plotly_chart")


def test_an_id_is_meant_wholly_though_others_begin_with_it(tiny):
    at = open_page("user", "tiny", user="ann")
    assert "<span>User</span> ann</h2>" in said(at)
    assert "user_matches" not in keys(at, "button_group")


def test_an_unknown_id_is_one_sentence_with_ids_near_it(tiny):
    at = open_page("user", "tiny", user="BOBB")
    whole(at)
    assert "No user has the id &#x27;BOBB&#x27;. Ids near it:" in said(at)
    (near,) = [one for one in at.get("button_group") if one.key == "user_matches"]
    assert "bob" in near.options
    assert "Last order" not in said(at)
    near.set_value("bob").run()
    whole(at)
    assert "<span>User</span> bob</h2>" in said(at)
    assert at.text_input(key="user").value == "bob"


def test_a_very_long_unknown_id_is_answered_shortly(tiny):
    at = open_page("user", "tiny", user="<b>" * 3_000)
    whole(at)
    assert "No user has the id" in said(at)
    assert len(said(at)) < 20_000


def test_part_of_an_id_that_only_one_has_is_that_one(tiny):
    at = open_page("user", "tiny", user="onc")
    assert "<span>User</span> once</h2>" in said(at)


def test_next_previous_and_any(tiny):
    at = open_page("user", "tiny", user="ann")
    at.button(key="user_next").click().run()
    assert at.text_input(key="user").value == "anna"
    at.button(key="user_previous").click().run()
    assert at.text_input(key="user").value == "ann"
    drawn = set()
    for _ in range(6):
        at.button(key="user_any").click().run()
        whole(at)
        drawn.add(at.text_input(key="user").value)
    assert len(drawn) > 1


def test_a_user_of_one_event(tiny):
    at = open_page("user", "tiny", user="once")
    whole(at)
    assert "One event, on 2026-01-25." in said(at)
    assert "never ordered" in said(at)


def test_a_span_without_events_says_so(tiny):
    at = open_page("user", "tiny", user=HARD_USER, span="7 days")
    whole(at)
    assert "Last order" in said(at)
    assert "No events in the last 7 days of the data." in said(at)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("user", [HARD_USER, "once"])
def test_every_look_is_whole_and_holds_nothing_private(tiny, user, look):
    at = open_page("user", "tiny", user=user, look=look)
    whole(at)
    assert "<img" not in said(at)
    shown = said(at) + "".join(one.value.to_csv() for one in at.dataframe)
    assert "secret" not in shown
    assert "Zoe" not in shown


def test_what_the_vault_holds_is_said_but_not_shown(tiny):
    assert "The vault holds their e-mail." in said(open_page("user", "tiny", user=HARD_USER, look="Contacts"))
    assert "no e-mail and no phone" in said(open_page("user", "tiny", user="ann", look="Contacts"))


def test_a_pseudonym_is_said_to_be_one(tiny):
    with tiny.reader() as reader:
        (hidden,) = reader.rows("SELECT user_id FROM profiles WHERE user_id LIKE 'x%' AND n_events = 1")[0]
    at = open_page("user", "tiny", user=hidden)
    whole(at)
    assert "This id is a pseudonym" in said(at)
    assert "secret" not in said(at)
    # Typed as the files have it, it finds nobody: no page tells whom an address belongs to.
    assert "No user has the id" in said(open_page("user", "tiny", user=HIDDEN))


def test_audiences_are_told(tiny):
    at = open_page("user", "tiny", user="ann", look="Contacts")
    (table,) = [one.value for one in at.dataframe if "audience" in one.value.columns]
    assert table["audience"].tolist() == [f"Spring {HARD_USER}"]
    assert table["side"].tolist() == ["target list"]
    assert "in no audience" in said(open_page("user", "tiny", user="once", look="Contacts"))


def test_segments_are_told_clause_by_clause(tiny):
    at = open_page("user", "tiny", user="once", look="Segments")
    assert at.selectbox(key="why_segment").value == HARD_USER
    whole(at)
    assert "of its 2 clauses do not hold." in said(at)
    assert said(at).count("<li class=") == 4  # both clauses, and both parts of the second
    assert said(at).count('<li class="pm-fails"') == 4
    inside = open_page("user", "tiny", user="ann", look="Segments")
    assert "They are in" in said(inside)
    assert said(inside).count('<li class="pm-holds"') == 3
    assert "Theirs: 5." in said(inside)


def test_figures_are_set_beside_a_segment(tiny):
    at = open_page("user", "tiny", user="once", look="Beside others")
    at.selectbox(key="among").set_value(HARD_USER).run()
    whole(at)
    assert "Not one of the 6 users" in said(at)
    assert "Only 6 users are compared" in said(at)


def test_every_event_stands_page_by_page(tiny):
    at = open_page("user", "tiny", user=HARD_USER)
    before = len(at.dataframe)
    at.session_state["all_events"] = True
    at.run()
    whole(at)
    assert len(at.dataframe) == before + 1
    rows = next(one.value for one in at.dataframe if "local_time" in one.value.columns)
    assert len(rows) == 9
    at.selectbox(key="event_type").set_value("view").run()
    rows = next(one.value for one in at.dataframe if "local_time" in one.value.columns)
    assert rows["event_type"].tolist() == ["view"] * 5


def test_figures_are_compared_with_any_segment_the_user_is_in(tiny):
    at = open_page("user", "tiny", user="ann", look="Beside others")
    whole(at)
    box = at.selectbox(key="compared-everyone")
    assert box.options[0] == "Everyone · 8 users"
    assert f"{HARD_USER} · 6 users" in box.options
    assert not [one for one in box.options if "Never purchased" in one]
    box.set_value(HARD_USER).run()
    whole(at)
    assert "Their figures among the 6 users of" in said(at)


def test_what_is_next_stands_with_its_intervals(tiny):
    at = open_page("user", "tiny", user="ann")
    whole(at)
    for figure, interval in (
        ("60.0%", "50.0% to 70.0% of such users did"),
        ("25.0%", "no interval known"),
        ("40.0", "80% lay at 10.0 to 80.0"),
        ("6.00 days", "80% lay at 2.00 days to 9.50 days"),
    ):
        assert f"<dd>{figure}<small>{interval}</small>" in said(at)
    assert "The likeliest of 1: Buys &lt;img src=x" in said(at)
    # The models of that run are gone: one sentence stands where the reasons would, and the page is whole.
    assert at.selectbox(key="why_target").value == "buy"
    assert "Chance of at least one purchase in the next 28 days." in said(at)


def test_who_was_not_scored_is_told_so(tiny):
    assert "This user was not scored" in said(open_page("user", "tiny", user="once"))


def test_the_address_names_the_group_not_its_size(tiny):
    at = open_page("user", "tiny", user="ann", among=HARD_USER)
    whole(at)
    assert at.selectbox(key="among").value == HARD_USER
    assert "of 6 in" in said(at)
    at.selectbox(key="among").set_value("lifecycle: new").run()
    assert at.query_params["among"] == "lifecycle: new"
    at.selectbox(key="among").set_value("everyone").run()
    assert "among" not in at.query_params
    assert open_page("user", "tiny", among="no such").selectbox(key="among").value == "everyone"
