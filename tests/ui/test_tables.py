import csv
import io
from decimal import Decimal

import pandas as pd
import pytest

from persmark.ui.tables import csv_bytes, heading


def rows(table):
    return list(csv.reader(io.StringIO(csv_bytes(table).decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_looks_like_a_formula_is_guarded(start):
    assert rows(pd.DataFrame({"a": [f"{start}1+1"]}))[1] == [f"'{start}1+1"]


def test_numbers_stay_numbers():
    table = pd.DataFrame({"n": [-3, 4], "x": [-0.5, 1.0]})
    assert rows(table) == [["n", "x"], ["-3", "-0.5"], ["4", "1.0"]]


def test_a_hostile_header_is_guarded_too():
    assert rows(pd.DataFrame({"=cmd()": ["ok"]}))[0] == ["'=cmd()"]


def test_other_scripts_quotes_and_emoji_come_through():
    name = 'Zoë\'s "best" 乳品 🧀'
    assert rows(pd.DataFrame({"name": [name]}))[1] == [name]


def test_the_table_itself_is_not_changed():
    table = pd.DataFrame({"a": ["=x"], "money": [Decimal("1.5")]})
    csv_bytes(table)
    assert table["a"].tolist() == ["=x"]


def test_heading_of_known_and_unknown_columns():
    assert heading("n_users") == "Users"
    assert heading("some_new_column") == "Some new column"
