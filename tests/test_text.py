"""Sentences with holes."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from persmark.text import LANGUAGES, Text, text
from tests.conftest import HARD


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1234567, "1,234,567"),
        (-1, "-1"),
        (True, "yes"),
        (False, "no"),
        (1234.5, "1,234.5"),
        (100.0, "100"),
        (0.1 + 0.2, "0.3"),
        (0.00123456, "0.00123"),
        (0.0, "0"),
        (-0.0, "0"),
        (datetime(2026, 1, 2, 3, 4, 5), "2026-01-02 03:04"),
        (date(2026, 1, 2), "2026-01-02"),
        (None, "None"),
        (HARD, HARD),
        ("{n} {0} {} }{", "{n} {0} {} }{"),
    ],
)
def test_a_value_is_shown_as_people_read_it(value: object, shown: str) -> None:
    assert text("<{value}>", value=value).render() == f"<{shown}>"


def test_texts_nest_and_braces_of_data_stay() -> None:
    inner = text("segment {name}", name="{evil}")
    assert str(text("{n} users of {what}.", n=2, what=inner)) == "2 users of segment {evil}."


@pytest.mark.parametrize("name", ["template", "self", "values", "language"])
def test_a_hole_may_have_any_name(name: str) -> None:
    assert text("{" + name + "}", **{name: "x"}).render() == "x"


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_untranslated_sentence_is_shown_in_english_in_every_language(language: str) -> None:
    assert text("Surely untranslated: {n}.", n=3).render(language) == "Surely untranslated: 3."


def test_equal_sentences_are_equal() -> None:
    assert text("{n}", n=1) == Text("{n}", {"n": 1}) != text("{n}", n=2)
