"""What stands of each file: why rows were rejected, how it was read; its mapping again, its rows mended."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from persmark import actions, events
from persmark.store import Workspace, create_workspace
from tests.conftest import HARD, copied, house
from tests.events.files import write
from tests.opened import finished, keys, open_page, said, whole

ACTOR = actions.Actor()
HEADER = "user;time;event;sku;amount"
GOOD = "u1;02.01.2026 10:00;view;a;1,50"
BAD = "u2;gestern;view;a;1,50"
COLUMNS = {
    "user_id": "user",
    "event_time": "time",
    "event_type": "event",
    "item_id": "sku",
    "value": "amount",
}
ANSWERS = {"columns": COLUMNS, "time_format": "dmy", "decimal": ",", "time_zone": "Europe/Berlin"}


def text_of(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


@pytest.fixture(scope="module")
def january(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with one file of which a row was rejected and one was blank."""
    folder = tmp_path_factory.mktemp("january")
    path = write(folder / "jan.csv", text_of(GOOD, BAD, "", "u3;03.01.2026 11:00;purchase;b;2,00"))
    asked = actions.LoadFiles(
        paths=(str(path),), names=(f"jan {HARD}.csv",), mapping={"kind": "events", **ANSWERS}
    )
    with house(folder):
        made = create_workspace("shop-商店")
        actions.run(made, ACTOR, asked)
    return made


@pytest.fixture
def shop(january: Workspace, data_folder: Path) -> Workspace:
    return copied(january, data_folder)


def upload(workspace: Workspace, name: str, content: str) -> AppTest:
    at = open_page("events", workspace.name)
    return at.file_uploader(key="upload").set_value([(name, content.encode(), "text/csv")]).run()


def test_a_rejected_row_has_its_meaning_and_what_to_do(shop):
    at = open_page("events", shop.name)
    whole(at)
    listed = said(at)[said(at).index('class="pm-lost"') :]
    assert "<b>1 rejected</b><span>The time cannot be read as the file&#x27;s other times." in listed
    assert "<em>Write it like the other rows.</em></span><code>bad_time</code>" in listed
    assert "<b>1 skipped</b><span>Nothing stands in the row." in listed
    assert "4 rows: 2 loaded, 0 there already, 1 rejected, 1 skipped." in said(at)


def test_how_a_file_was_read_is_told(shop):
    at = open_page("events", shop.name)
    read = next(one.value for one in at.dataframe if list(one.value.columns) == ["column", "meaning"])
    assert dict(read.values.tolist())["amount"] == "Value"


def test_rejected_rows_come_back_corrected_exactly_once(shop):
    rejected = list(csv.reader(io.StringIO(events.rejects_file(shop, 1).read().decode("utf-8-sig"))))
    fixed = io.StringIO()
    csv.writer(fixed).writerows(
        [[cell.replace("gestern", "04.01.2026 12:00") for cell in row] for row in rejected]
    )
    at = upload(shop, "mended.csv", fixed.getvalue())
    whole(at)
    assert "These are rejected rows of a file that was loaded before." in said(at)
    assert "load" not in keys(at, "button")
    at.button(key="load_corrected").click().run()
    assert not at.exception
    finished(shop, "load")
    assert shop.stats("events")["n_events"] == 3
    again = open_page("events", shop.name)
    whole(again)
    assert "It brings back corrected rows of file 1." in said(again) or events.ledger(shop)[0].corrects == 1


def test_the_next_file_of_the_shape_is_read_as_the_last_one_and_goes_beside_it(shop):
    at = upload(shop, "feb.csv", text_of("u4;05/02/2026 10:00;view;a;3,00"))
    whole(at)
    assert at.selectbox(key="use_mapping").value == f"jan {HARD}.csv"
    assert f"Read as &#x27;jan {HARD[:3].replace(chr(39), '&#x27;')}" in said(at)
    assert at.selectbox(key="load_into").value == f"workspace '{shop.name}'"
    assert not at.button(key="load").disabled
    at.button(key="load").click().run()
    assert not at.exception
    finished(shop, "load")
    newest = events.ledger(shop)[0]
    assert (newest.mapping["time_format"], newest.mapping["time_zone"]) == ("dmy", "Europe/Berlin")
    assert newest.read_as == f"jan {HARD}.csv"


def test_a_saved_mapping_can_be_left_out(shop):
    at = upload(shop, "feb.csv", text_of("u4;05/02/2026 10:00;view;a;3,00"))
    at.selectbox(key="use_mapping").set_value("").run()
    whole(at)
    assert at.button(key="load").disabled


def test_the_choices_are_kept_under_a_name_of_ones_own(shop):
    at = upload(shop, "feb.csv", text_of("u4;05.02.2026 10:00;view;a;3,00"))
    at.text_input(key="mapping_name").set_value('Monthly 乳品 "export"').run()
    at.button(key="load").click().run()
    assert not at.exception
    finished(shop, "load")
    assert 'Monthly 乳品 "export"' in [one.name for one in events.saved_mappings(shop)]


def test_saved_mappings_are_renamed_and_forgotten(shop):
    at = open_page("events", shop.name)
    at.text_input(key="mapping_to").set_value("Shop 🧀").run()
    at.button(key="rename_mapping").click().run()
    whole(at)
    assert [one.name for one in events.saved_mappings(shop)] == ["Shop 🧀"]
    assert at.text_input(key="mapping_to").value == ""
    at.button(key="delete_mapping").click().run()
    whole(at)
    assert events.saved_mappings(shop) == []
    assert "delete_mapping" not in keys(at, "button")


def test_a_taken_name_is_refused_in_words(shop):
    events.save_mapping(shop, "Other", events.saved_mappings(shop)[0].mapping, ["a"])
    at = open_page("events", shop.name)
    at.selectbox(key="managed_mapping").set_value("Other").run()
    at.text_input(key="mapping_to").set_value(f"jan {HARD}.csv").run()
    at.button(key="rename_mapping").click().run()
    assert not at.exception
    assert "The name is taken" in said(at)
