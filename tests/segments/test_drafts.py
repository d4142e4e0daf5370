"""Drafts: every change of a rule, by its place."""

from __future__ import annotations

import pytest

from persmark.errors import InputError
from persmark.segments import describe, drafts

A, B, C, D = ({"segment": name} for name in ("a", 'b "é"', "c", "王 🧀"))


def test_a_rule_becomes_a_draft_whose_outermost_part_is_a_group():
    assert drafts.draft_of(None) == {"all": []}
    assert drafts.draft_of(A) == {"all": [A]}
    assert drafts.draft_of({"not": A}) == {"all": [{"not": A}]}
    assert drafts.draft_of({"any": [A, B]}) == {"any": [A, B]}
    assert drafts.draft_of({"not": {"any": [A]}}) == {"not": {"any": [A]}}
    assert drafts.draft_of({"not": {"not": {"all": [{"not": {"not": A}}]}}}) == {"all": [A]}


def test_parts_are_read_with_their_places_and_joins():
    draft = drafts.draft_of({"all": [A, {"not": {"any": [B, {"not": C}]}}]})
    assert [(part.place, part.join, part.opposite, part.n_parts) for part in drafts.walk(draft)] == [
        ((), "all", False, 2),
        ((0,), None, False, 0),
        ((1,), "none", True, 2),
        ((1, 0), None, False, 0),
        ((1, 1), None, True, 0),
    ]
    assert drafts.part_at(draft, (1, 1)).whole == {"not": C}
    assert drafts.part_at(draft, (1, 1)).depth == 2
    with pytest.raises(LookupError):
        drafts.part_at(draft, (0, 0))
    with pytest.raises(LookupError):
        drafts.part_at(draft, (2,))


def test_conditions_are_added_changed_and_removed_in_their_group():
    draft = drafts.add(drafts.draft_of(None), (), A)
    draft = drafts.add(draft, (), {"any": []})
    draft = drafts.add(draft, (1,), B)
    assert draft == {"all": [A, {"any": [B]}]}
    assert drafts.replace(draft, (1, 0), C) == {"all": [A, {"any": [C]}]}
    assert drafts.remove(draft, (1, 0)) == {"all": [A, {"any": []}]}
    assert drafts.remove(draft, ()) == {"all": []}
    with pytest.raises(LookupError):
        drafts.add(draft, (0,), C)


def test_what_is_asked_for_is_turned_round_and_stays_so_when_it_is_changed():
    draft = {"all": [A, B]}
    turned = drafts.turn_round(draft, (1,))
    assert turned == {"all": [A, {"not": B}]}
    assert drafts.replace(turned, (1,), C) == {"all": [A, {"not": C}]}
    assert drafts.turn_round(turned, (1,)) == draft
    assert drafts.turn_round(draft, ()) == {"not": draft}
    assert drafts.add({"not": {"any": [A]}}, (), B) == {"not": {"any": [A, B]}}


@pytest.mark.parametrize(
    ("join", "expected"),
    [
        ("all", {"all": [A, B]}),
        ("any", {"any": [A, B]}),
        ("none", {"not": {"any": [A, B]}}),
        ("not all", {"not": {"all": [A, B]}}),
    ],
)
def test_a_group_is_joined_in_four_ways(join, expected):
    assert drafts.set_join({"all": [A, B]}, (), join) == expected
    nested = drafts.set_join({"all": [D, {"any": [A, B]}]}, (1,), join)
    assert nested == {"all": [D, expected]}
    assert drafts.part_at(nested, (1,)).join == join


def test_parts_move_wrap_and_double():
    draft = {"all": [A, B, C]}
    assert drafts.move(draft, (0,), 1) == {"all": [B, A, C]}
    assert drafts.move(draft, (0,), -1) == draft
    assert drafts.wrap(draft, (1,)) == {"all": [A, {"any": [B]}, C]}
    assert drafts.duplicate({"all": [A, {"not": B}]}, (1,)) == {"all": [A, {"not": B}, {"not": B}]}
    assert drafts.unwrap({"all": [A, {"any": [B, C]}, D]}, (1,)) == {"all": [A, B, C, D]}
    assert drafts.unwrap(draft, (0,)) == draft


def test_a_part_moves_into_a_group_and_out_of_one():
    draft = {"all": [A, {"any": [B]}, C]}
    assert drafts.move_into(draft, (0,), (1,)) == {"all": [{"any": [B, A]}, C]}
    assert drafts.move_into(draft, (2,), (1,)) == {"all": [A, {"any": [B, C]}]}
    assert drafts.move_into(draft, (1, 0), ()) == {"all": [A, {"any": []}, C, B]}
    deep = {"all": [A, {"any": [B, {"all": [C]}]}]}
    assert drafts.move_into(deep, (1, 0), (1, 1)) == {"all": [A, {"any": [{"all": [C, B]}]}]}
    with pytest.raises(LookupError):
        drafts.move_into(deep, (1,), (1, 1))


def test_groups_without_a_condition_are_left_out_of_the_finished_rule():
    draft = {"all": [{"any": []}, A, {"not": {"all": [{"any": []}]}}, {"any": [{"all": []}, B]}]}
    assert drafts.finished(draft) == {"all": [A, {"any": [B]}]}
    assert drafts.finished({"all": [{"any": []}]}) is None
    assert drafts.finished({"not": {"any": [A]}}) == {"not": {"any": [A]}}


def test_what_is_no_part_is_kept_for_the_check_to_refuse():
    draft = drafts.draft_of({"all": [1, {"any": [None]}]})
    assert [part.place for part in drafts.walk(draft)] == [(), (0,), (1,), (1, 0)]
    with pytest.raises(InputError, match=r"Each part of a rule must have exactly one form. Received: '?1'?"):
        describe(drafts.finished(draft))


def test_changes_leave_the_draft_they_began_with_as_it_was():
    draft = {"all": [A, {"any": [B]}]}
    for change in (
        lambda: drafts.add(draft, (1,), C),
        lambda: drafts.remove(draft, (1, 0)),
        lambda: drafts.move(draft, (0,), 1),
        lambda: drafts.turn_round(draft, (1,)),
        lambda: drafts.duplicate(draft, (1,)),
    ):
        change()
        assert draft == {"all": [A, {"any": [B]}]}
