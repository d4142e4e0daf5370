from datetime import datetime

import pytest

from persmark.text import text
from persmark.ui.words import day, escaped, local_day, plain, short, shown


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (9_999, "9,999"), (68_509, "68.5k"), (1_469_307, "1.5M"), (2_000_000_000, "2B"), (None, "–")],
)
def test_short(value, said):
    assert short(value) == said


def test_missing_is_a_dash():
    assert shown(None) == shown(float("nan")) == day(None) == "–"
    assert day(datetime(2026, 1, 31, 18)) == "2026-01-31"


def test_local_day_is_the_workspace_clock_s():
    assert str(local_day(datetime(2018, 1, 1, 4, 1), "America/New_York")) == "2017-12-31"
    assert str(local_day(datetime(2018, 1, 1, 4, 1), "UTC")) == "2018-01-01"


def test_escaped_renders_sentences_and_takes_markup_off():
    assert escaped(text("{name} <3", name="<b>")) == "&lt;b&gt; &lt;3"


def test_plain_takes_markdown_off():
    assert plain("![x](http://a)") == "\\!\\[x\\]\\(http\\://a\\)"
