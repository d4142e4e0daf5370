"""The Segments page: drafts by clicks, undo, what a rule comes to, saved segments and their versions."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from persmark import actions, segments
from persmark.store import Workspace, open_workspace
from tests.opened import keys, open_page, said, whole
from tests.shop import ACTOR, HARD_USER, N_USERS, load_shop

FEW = {"column": "n_purchases", "is": ">=", "value": 20}
OFTEN = {"column": "n_purchases", "is": ">=", "value": 10}
AISLE = {"events": {"event_type": "purchase", "category": "Aisle 1", "at_least": 1}}
NAME = f"Often <b> {HARD_USER}"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PERSMARK_DATA", str(tmp_path_factory.mktemp("data")))
        patch.setenv("PERSMARK_KEY", "5a" * 32)
        yield load_shop(tmp_path_factory.mktemp("files"))


def opened(workspace: Workspace, rule: object = None, tab: str = "") -> AppTest:
    at = open_page("segments", workspace.name, **({"rule": json.dumps(rule)} if rule else {}))
    if tab:
        at.session_state["segment_tabs"] = tab
        at.run()
    whole(at)
    return at


def click(at: AppTest, kind: str, begins: str, place: int = 0) -> AppTest:
    """The widget of a kind whose key begins so, pressed."""
    return [one for one in at.get(kind) if (one.key or "").startswith(begins)][place].click().run()


def count(workspace: Workspace, rule: segments.Rule) -> int:
    with workspace.reader() as reader:
        return segments.count(reader, rule, saved=segments.saved_rules(workspace))


def matching(at: AppTest, n_users: int) -> bool:
    return f"<dd>{n_users:,}<small>of {N_USERS}</small>" in said(at)


def test_a_fresh_page_is_everyone_and_offers_a_beginning(shop):
    at = opened(shop)
    assert matching(at, N_USERS)
    assert "no answer is known" in said(at), "nobody here was asked: not the same as nobody said yes"
    start = next(one for one in at.get("button_group") if (one.key or "").startswith("start_"))
    assert not any("contacted" in one for one in start.options), "nobody was ever contacted here"
    start.set_value(next(one for one in start.options if one.startswith("The best fifth"))).run()
    whole(at)
    assert matching(at, count(shop, {"column": "m_score", "is": "=", "value": 5}))


def test_what_is_removed_comes_back_by_undo(shop):
    at = opened(shop, {"all": [OFTEN, AISLE]})
    both, one = count(shop, {"all": [OFTEN, AISLE]}), count(shop, AISLE)
    assert both != one
    assert matching(at, both)
    click(at, "button", "remove_")
    assert matching(at, one)
    at.button(key="undo_rule").click().run()
    assert matching(at, both)
    at.button(key="redo_rule").click().run()
    assert matching(at, one)
    at.button(key="clear_rule").click().run()
    assert matching(at, N_USERS)
    assert at.button(key="redo_rule").disabled


def test_a_form_counts_before_it_is_taken_and_can_be_left(shop):
    at = opened(shop, {"all": [OFTEN, AISLE]})
    click(at, "button", "pm-words", 1)
    times = next(one for one in at.number_input if one.key.endswith("_times"))
    times.set_value(4).run()
    more = {"events": {**AISLE["events"], "at_least": 4}}
    assert f"<b>{count(shop, more):,}</b> users" in said(at)
    assert f"With the rest of the rule <b>{count(shop, {'all': [OFTEN, more]}):,}</b>" in said(at)
    at.button(key="cancel_condition").click().run()
    assert matching(at, count(shop, {"all": [OFTEN, AISLE]}))
    assert "add_condition" not in keys(at, "button")


@pytest.mark.parametrize(
    "tab", ["Who they are", "Overlap", "Reach and consent", "What a test could show", "As text"]
)
def test_every_side_of_a_rule_is_shown_for_many_a_few_and_nobody(shop, tab):
    nobody = {"column": "n_purchases", "is": ">", "value": 9999}
    for rule in (None, {"all": [FEW, {"not": AISLE}]}, nobody, {"segment": "everyone"}):
        opened(shop, rule, tab)


def test_the_meter_follows_the_share_and_says_what_a_small_segment_can_do(shop):
    at = opened(shop, OFTEN, "What a test could show")
    assert "This segment is too small" in said(at)
    assert " 10% withheld" in said(at) and " 50% withheld" not in said(at)
    at.slider(key="meter_share").set_value(50).run()
    whole(at)
    assert " 50% withheld" in said(at) and " 10% withheld" not in said(at)
    at.toggle(key="meter_then").set_value(True).run()
    whole(at)
    assert "users who were in it" in said(at)


def test_a_segment_that_could_show_nothing_gets_words_and_no_empty_chart(shop):
    tab = "What a test could show"
    some = opened(shop, tab=tab)
    at = opened(shop, {"column": "user_id", "is": "=", "value": HARD_USER}, tab)
    assert "No share of these users that is withheld would show any lift." in said(at)
    assert len(at.get("plotly_chart")) == len(some.get("plotly_chart")) - 1


def test_a_saved_segment_is_changed_brought_back_listed_and_copied(shop):
    at = opened(shop, OFTEN)
    at.text_input(key="segment_name").set_value(NAME)
    at.button(key="save_rule").click().run()
    whole(at)
    at.button(key="edit_segment").click().run()
    assert at.text_input(key="segment_name").value == NAME
    click(at, "button", "pm-words")
    next(one for one in at.number_input if one.key.endswith("_value")).set_value(2).run()
    at.button(key="add_condition").click().run()
    at.button(key="save_rule").click().run()
    whole(at)
    assert segments.get_segment(shop, NAME).version == 2
    at.session_state["table-versions"] = {"selection": {"rows": [1], "columns": []}}
    at.run()
    at.button(key="restore_version").click().run()
    whole(at)
    back = segments.get_segment(shop, NAME)
    assert (back.version, count(shop, back.rule)) == (3, count(shop, OFTEN))
    at.button(key="export_segment").click().run()
    whole(at)
    assert f"{count(shop, OFTEN)} users of version 3." in said(at)
    at.button(key="duplicate_segment").click().run()
    whole(at)
    assert at.text_input(key="segment_name").value.endswith("(copy)")
    assert matching(at, count(shop, OFTEN))


def test_too_few_users_are_not_listed(shop):
    actions.run(shop, ACTOR, actions.SaveSegment(name="A handful", rule=FEW))
    at = opened(open_workspace(shop.name))
    saved = at.selectbox(key="saved")
    saved.set_value("A handful").run()
    at.button(key="export_segment").click().run()
    assert not at.exception
    assert "Too few to list" in said(at)
    actions.run(shop, ACTOR, actions.DeleteSegment(name="A handful"))
