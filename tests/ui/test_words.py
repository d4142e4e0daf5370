from datetime import datetime

import pytest

from persmark.text import text
from persmark.ui.words import day, escaped, plain, short, shown


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "0"), (9_999, "9,999"), (68_509, "68.5k"), (1_469_307, "1.5M"), (2_000_000_000, "2B"), (None, "–")],
)
def test_short(value, said):
    assert short(value) == said


def test_missing_is_a_dash():
    assert shown(None) == shown(float("nan")) == day(None) == "–"
    assert day(datetime(2026, 1, 31, 18)) == "2026-01-31"


def test_escaped_renders_sentences_and_takes_markup_off():
    assert escaped(text("{name} <3", name="<b>")) == "&lt;b&gt; &lt;3"


def test_plain_takes_markdown_off():
    assert plain("![x](http://a)") == "\\!\\[x\\]\\(http\\://a\\)"
