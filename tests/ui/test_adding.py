"""Adding a file: what it was recognised as, how it is read, what it means, the load."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from persmark import events
from persmark.store import Workspace, open_workspace
from tests.conftest import HARD
from tests.opened import finished, keys, open_page, said, whole

GERMAN = (
    "user;time;event;sku;amount;qty\n"
    'u1;01.02.2026 10:00;Add2Cart;a;"1,50";2\n'
    'u2;13.02.2026 11:00;gekauft;b;"2,75";1\n'
)
DOUBTFUL = "user,time,event,sku\nu1,01/02/2026 10:00,view,a\nu2,03/04/2026 11:00,view,b\n"


def adding(workspace: Workspace, content: str, name: str = "shop <b>.csv") -> AppTest:
    """The Events page with an upload on it."""
    at = open_page("events", workspace.name)
    return at.file_uploader(key="upload").set_value([(name, content.encode(), "text/csv")]).run()


def loaded(at: AppTest, name: str = "shop-b") -> tuple[Workspace, events.Source]:
    """Press the button; the workspace that came of it and its ledger."""
    at.button(key="load").click().run()
    assert not at.exception
    workspace = open_workspace(name)
    finished(workspace, "load")
    return workspace, events.ledger(workspace)[0]


def preview(at: AppTest) -> list[str]:
    """Columns of the rows that are shown."""
    return list(next(one.value for one in at.dataframe if "rows_in" not in one.value.columns).columns)


def test_what_is_proposed_is_filled_in_and_said(empty):
    at = adding(empty, GERMAN)
    whole(at)
    assert "Looks like a table of events: 6 of 6 columns have a meaning." in said(at)
    assert at.selectbox(key="map_user_id").value == "user"
    assert at.selectbox(key="read_delimiter").value == ";"
    assert at.selectbox(key="read_decimal").value == ","
    assert preview(at) == ["user", "time", "event", "sku", "amount", "qty"]


def test_changing_the_delimiter_reads_the_rows_anew_and_going_back_restores_them(empty):
    at = adding(empty, GERMAN)
    at.selectbox(key="read_delimiter").set_value("|").run()
    whole(at)
    assert preview(at) == ["user;time;event;sku;amount;qty"]
    at.button(key="as_proposed").click().run()
    whole(at)
    assert at.selectbox(key="read_delimiter").value == ";"
    assert preview(at) == ["user", "time", "event", "sku", "amount", "qty"]


def test_a_header_that_is_none_is_taken_as_a_row(empty):
    at = adding(empty, GERMAN)
    at.checkbox(key="read_header").uncheck().run()
    whole(at)
    assert preview(at) == ["c1", "c2", "c3", "c4", "c5", "c6"]


def test_going_back_undoes_every_choice(empty):
    at = adding(empty, GERMAN)
    at.selectbox(key="map_value").set_value("qty").run()
    at.selectbox(key="type_gekauft").set_value("purchase").run()
    at.selectbox(key="drop_repeats").set_value("True").run()
    at.button(key="as_proposed").click().run()
    whole(at)
    assert at.selectbox(key="map_value").value == "amount"
    assert at.selectbox(key="type_gekauft").value == "gekauft"
    assert at.selectbox(key="drop_repeats").value == "False"


def test_loading_waits_for_the_answer_and_then_loads_with_it(empty):
    at = adding(empty, DOUBTFUL)
    whole(at)
    assert at.button(key="load").disabled
    assert "Loading waits for the answer above" in said(at)
    at.radio(key="time_format").set_value("mdy").run()
    assert not at.button(key="load").disabled
    workspace, source = loaded(at)
    assert source.mapping["time_format"] == "mdy"
    with workspace.reader() as reader:
        assert reader.value("SELECT min(event_time) FROM events").isoformat() == "2026-01-02T10:00:00"


def test_a_type_that_nobody_knows_is_marked_kept_and_can_be_folded(empty):
    at = adding(empty, GERMAN)
    assert at.selectbox(key="type_Add2Cart").value == "cart"
    strange = at.selectbox(key="type_gekauft")
    assert strange.value == "gekauft"
    assert strange.label == "gekauft  ·  1×  ·  not known"
    strange.set_value("purchase").run()
    whole(at)
    workspace, source = loaded(at)
    assert source.mapping["event_types"] == {"Add2Cart": "cart", "gekauft": "purchase"}
    assert set(workspace.stats("events")["by_type"]) == {"cart", "purchase"}


def test_what_becomes_of_repeats_short_rows_and_cancellations_is_chosen(empty):
    at = adding(empty, GERMAN + 'u2;13.02.2026 11:00;gekauft;b;"2,75";1\nu3;14.02.2026 11:00;view;b\n')
    at.selectbox(key="drop_repeats").set_value("True").run()
    at.selectbox(key="short_rows").set_value("null").run()
    at.selectbox(key="negative_refunds").set_value("True").run()
    _, source = loaded(at)
    assert (source.loaded, source.duplicate, source.rejected) == (3, 1, 0)
    assert (source.mapping["short_rows"], source.mapping["negative_refunds"]) == ("null", True)


def test_who_is_who_says_what_will_happen(empty):
    at = adding(empty, "user,time,event,sku,mail\nu1,2026-01-02 10:00,view,a,a@example.org\n")
    assert "Nothing is merged" in said(at)
    at.selectbox(key="key_email").set_value("mail").run()
    whole(at)
    assert "Users who share the same e-mail become one user" in said(at)
    _, source = loaded(at)
    assert source.mapping["keys"] == {"email": "mail"}


def test_wide_columns_are_picked_and_become_items(empty):
    at = adding(empty, "user,time,Milk 🥛,Bread\nu1,2026-01-02 10:00,2,0\nu2,2026-01-02 10:00,1,3\n")
    at.multiselect(key="unpivot").set_value(["Milk 🥛", "Bread"]).run()
    whole(at)
    workspace, source = loaded(at)
    assert source.mapping["unpivot"] == {"Milk 🥛": "Milk 🥛", "Bread": "Bread"}
    with workspace.reader() as reader:
        assert reader.value("SELECT count(*) FROM events") == 3


def test_a_wide_file_is_recognised_and_asks_what_its_numbers_say(empty):
    names = [f"item {at}" for at in range(8)]
    rows = [
        f"u{at},2026-01-0{at} 10:00," + ",".join("2" if item == at else "" for item in range(8))
        for at in range(1, 8)
    ]
    at = adding(empty, f"user,time,{','.join(names)}\n" + "\n".join(rows) + "\n")
    whole(at)
    assert at.multiselect(key="unpivot").value == names
    at.radio(key="unpivot_into").set_value("value").run()
    workspace, source = loaded(at)
    assert source.mapping["unpivot_into"] == "value"
    with workspace.reader() as reader:
        assert reader.value("SELECT CAST(sum(value) AS INTEGER) FROM events") == 14


def test_a_spelling_of_the_vocabulary_can_be_kept(empty):
    at = adding(empty, GERMAN)
    at.selectbox(key="type_Add2Cart").set_value("Add2Cart").run()
    workspace, _ = loaded(at)
    assert set(workspace.stats("events")["by_type"]) == {"Add2Cart", "gekauft"}


def test_a_known_export_is_recognised_and_its_nested_values_are_columns(empty):
    product = '{"product_id": "%s", "price": 2}'
    line = (
        '{"type": "track", "event": "Order Completed", "userId": "u1", "anonymousId": "b1", '
        '"messageId": "m%d", "timestamp": "2026-01-02T10:00:00Z", "properties": {"order_id": "o1", '
        f'"products": [{product % "a"}, {product % "b"}]}}}}\n'
    )
    at = adding(empty, "".join(line % number for number in range(3)), "tracked.jsonl")
    whole(at)
    assert "Recognised as Segment events" in said(at)
    workspace, source = loaded(at, "tracked")
    assert source.mapping["adapter"] == "Segment events"
    assert (source.loaded, source.n_events) == (3, 6)
    again = adding(workspace, "".join(line % number for number in range(3, 5)), "tracked.jsonl")
    whole(again)
    assert again.selectbox(key="use_mapping").value == "tracked.jsonl"
    loaded(again, "tracked")
    assert workspace.stats("events")["n_events"] == 10


def test_a_new_file_brings_its_own_proposal(empty):
    at = adding(empty, GERMAN)
    at.selectbox(key="map_value").set_value("qty").run()
    at.file_uploader(key="upload").set_value([("other.csv", DOUBTFUL.encode(), "text/csv")]).run()
    whole(at)
    assert at.selectbox(key="read_delimiter").value == ","
    assert at.selectbox(key="map_value").value == "–"


@pytest.mark.parametrize("kind", ["items", "users"])
def test_the_kind_can_be_changed(empty, kind):
    at = adding(empty, GERMAN)
    at.get("button_group")[0].set_value(kind).run()
    whole(at)
    assert "map_event_time" not in keys(at, "selectbox")


def test_names_from_a_file_are_never_markup(empty):
    column = HARD.replace(";", "")
    at = adding(
        empty,
        f'user,time,event,"{column.replace(chr(34), chr(34) * 2)}"\nu1,2026-01-02 10:00,![x](http://evil.test/x.png),1\n',
    )
    whole(at)
    assert column in preview(at)
    label = next(one for one in at.selectbox if str(one.key).startswith("type_")).label
    assert "![" not in label
    assert "\\!\\[" in label


def test_a_missing_column_is_refused_in_words(empty):
    at = adding(empty, GERMAN)
    at.selectbox(key="map_user_id").set_value("–").run()
    at.button(key="load").click().run()
    assert not at.exception
    assert "must be found in shop &lt;b&gt;.csv" in said(at)


def test_a_file_is_looked_at_once_however_often_the_form_is_drawn(empty, monkeypatch):
    from persmark.ui.parts import proposal

    looks: list[Path] = []
    real = events.propose

    def counting(path, **more):
        looks.append(path)
        return real(path, **more)

    monkeypatch.setattr(proposal.events, "propose", counting)
    at = adding(empty, GERMAN)
    at.selectbox(key="map_value").set_value("qty").run()
    at.selectbox(key="drop_repeats").set_value("True").run()
    assert len(looks) == 1
