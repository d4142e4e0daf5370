"""Refusals: what they say and what they are."""

from __future__ import annotations

import pickle

import pytest

from persmark import errors
from persmark.errors import ColumnMissingError, PersmarkError
from persmark.store import EngineError, QueryStoppedError
from persmark.text import text
from tests.conftest import HARD

CHILDREN = {
    errors.InputError: ValueError,
    errors.NotFoundError: LookupError,
    errors.ColumnMissingError: KeyError,
    errors.FileRefusedError: ValueError,
    errors.EmptyError: PersmarkError,
    errors.BusyError: PersmarkError,
    errors.DiskFullError: PersmarkError,
    EngineError: PersmarkError,
    QueryStoppedError: PersmarkError,
}


@pytest.mark.parametrize(("child", "builtin"), CHILDREN.items(), ids=lambda one: one.__name__)
def test_every_error_is_its_builtin_and_says_sentence_then_hint(
    child: type[PersmarkError], builtin: type[Exception]
) -> None:
    made = child(text("A name must be short. Received: {name}.", name=HARD), "Too long", "Shorten it.")
    assert isinstance(made, builtin)
    assert str(made) == f"A name must be short. Received: {HARD}. Shorten it."
    assert made.title == "Too long"
    assert made.hint.render() == "Shorten it."


def test_a_missing_column_reads_without_the_quotes_of_a_key_error() -> None:
    assert str(ColumnMissingError("Column 'a b' not found.")) == "Column 'a b' not found."


def test_braces_in_a_plain_sentence_and_hint_stay() -> None:
    made = PersmarkError("A rule must be {valid}. Received: {}.", hint="Try {this}.")
    assert str(made) == "A rule must be {valid}. Received: {}. Try {this}."
    assert made.title == "Not possible"


def test_without_a_hint_nothing_trails() -> None:
    assert str(PersmarkError("Short.")) == "Short."


def test_every_child_of_the_errors_room_is_tested_here() -> None:
    defined = {
        one
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, PersmarkError) and one is not PersmarkError
    }
    assert defined <= set(CHILDREN)


def test_an_error_keeps_its_sentence_through_another_process() -> None:
    again = pickle.loads(pickle.dumps(PersmarkError("Of {braces}.", hint="Do {it}.")))
    assert str(again) == "Of {braces}. Do {it}."


def test_a_refusal_speaks_of_a_file_by_the_name_people_know() -> None:
    inner = text("{what} of {file}", what="rows", file="3f2a.csv")
    with (
        pytest.raises(
            errors.FileRefusedError, match=r"^A file must be whole\. Received: .*\. See rows of "
        ) as refused,
        errors.called(HARD, instead_of="3f2a.csv"),
    ):
        raise errors.FileRefusedError(
            text("A file must be whole. Received: {name}.", name="3f2a.csv"),
            hint=text("See {inner}.", inner=inner),
        )
    assert str(refused.value) == f"A file must be whole. Received: {HARD}. See rows of {HARD}."
