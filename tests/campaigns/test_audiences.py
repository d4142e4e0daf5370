"""Audiences: who is in, who is withheld, and that it never changes."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from persmark.campaigns import arms, audience, create_audience, list_audiences
from persmark.errors import EmptyError, FileRefusedError, InputError, NotFoundError
from persmark.experiments import assign_arms
from persmark.privacy import save_consents
from persmark.recommend import train_run
from persmark.segments import save_segment

from .conftest import USERS

NAME = '=Früh\'ling "王" 🌷'


def made(workspace, name=NAME, **asked):
    return create_audience(workspace, name, actor="ada", **{"segment": "everyone"} | asked)


def test_everybody_is_in_one_arm_and_the_draw_can_be_repeated_by_anybody(workspace):
    found = made(workspace, holdout_share=0.3, seed=7)
    assert (found.n_users, found.n_target, found.n_holdout, found.seed) == (10, 7, 3, 7)
    assert arms(workspace, found).equals(assign_arms(USERS, share=0.3, seed=7, key=NAME))
    assert audience(workspace, NAME) == found
    assert list_audiences(workspace) == [found]
    row = workspace.state.rows("audit", {"verb": "create audience"})[0]
    assert (row["actor"], json.loads(row["request"])["audience"]) == ("ada", NAME)


def test_a_drawn_audience_is_never_drawn_again(workspace):
    first = made(workspace)
    with pytest.raises(InputError, match=r"An audience's name must be new. Received: =Früh"):
        made(workspace, seed=2)
    assert audience(workspace, f" {NAME} ") == first
    (workspace.folder / first.file).write_bytes(b"other arms")
    with pytest.raises(FileRefusedError, match=r"The arms of '=Früh.*' must be as they were drawn."):
        arms(workspace, first)


def test_segments_are_taken_and_excluded(workspace):
    rule = {"column": "n_events", "is": ">=", "value": 0}
    save_segment(workspace, "all 'too' 王", rule, actor="ada")
    found = made(workspace, segment="all 'too' 王")
    assert found.n_users == 10
    assert found.definition["rule"] == rule
    with pytest.raises(EmptyError, match=r"An audience needs users. Received: 0 matching, 0 of them"):
        made(workspace, "nobody", exclude_segments=["all 'too' 王"])
    with pytest.raises(NotFoundError, match=r"Segment 'gone' must exist. Received: gone."):
        made(workspace, "x", segment="gone")


def test_an_item_finds_those_who_would_like_it(workspace):
    train_run(workspace, "repeat")
    found = create_audience(workspace, "milk lovers", item_id="milk", limit=5, holdout_share=0, actor="ada")
    # Milk was bought later than tea by the even users, who alone bought it.
    assert sorted(arms(workspace, found)["user_id"].to_pylist()) == sorted(USERS[::2])
    assert found.definition["run_id"]
    said = [note.render() for note in found.notes]
    assert said[2] == "The 5 who would like the item most, of 10."
    assert found.warnings[2].render() == "Nobody is withheld: the campaign's effect can never be measured."
    with pytest.raises(NotFoundError, match=r"Item 'x' must be known to the recommender 'repeat'"):
        create_audience(workspace, "x", item_id="x", actor="ada")


def test_a_limit_on_a_segment_is_a_random_draw(workspace):
    found = made(workspace, limit=4, holdout_share=0.25)
    assert (found.n_target, found.n_holdout) == (3, 1)
    assert found.notes[2].render() == "4 of 10 users, drawn at random."
    again = made(workspace, "other", limit=4, holdout_share=0.25)
    assert again.n_users == 4


def test_denied_users_are_left_out_before_the_draw(workspace):
    table = {"user_id": USERS[:3], "purpose": ["email"] * 3, "state": ["denied", "granted", "unknown"]}
    save_consents(workspace.state, pa.table(table))
    found = made(workspace)
    assert found.n_users == 9
    assert USERS[0] not in arms(workspace, found)["user_id"].to_pylist()
    assert [note.render() for note in found.notes][1:3] == [
        "1 users were left out: they denied e-mail.",
        f"{found.definition['n_undecided']} of 8 have not said yes or no to e-mail; they are on the list.",
    ]
    target = arms(workspace, found).filter(pc.field("arm") == "target")["user_id"].to_pylist()
    # One granted; the third user and the seven who were never asked are undecided.
    assert found.definition["n_undecided"] == len(set(target) - {USERS[1]})


def test_only_those_who_said_yes_can_be_asked_for(workspace):
    table = {"user_id": USERS[:3], "purpose": ["email"] * 3, "state": ["denied", "granted", "unknown"]}
    save_consents(workspace.state, pa.table(table))
    found = made(workspace, only_granted=True, holdout_share=0)
    assert arms(workspace, found)["user_id"].to_pylist() == [USERS[1]]
    assert [note.render() for note in found.notes][1:3] == [
        "1 users were left out: they denied e-mail.",
        "8 users were left out: they have not said yes or no to e-mail.",
    ]
    assert (found.definition["only_granted"], found.definition["n_undecided"]) == (True, 0)
    assert audience(workspace, NAME) == found


def test_where_nobody_was_asked_nobody_said_yes(workspace):
    with pytest.raises(EmptyError, match=r"Received: 10 matching, 10 of them without consent."):
        made(workspace, only_granted=True)


def test_a_recommender_that_tells_nobody_apart_says_so(workspace):
    train_run(workspace, "popular")
    found = create_audience(workspace, "any", item_id="milk", limit=4, holdout_share=0, actor="ada")
    said = [note.render() for note in found.notes]
    assert "'popular' cannot tell 10 users apart: 4 of them were drawn at random." in said
    other = create_audience(workspace, "b", item_id="milk", limit=4, holdout_share=0, seed=2, actor="ada")
    assert arms(workspace, found)["user_id"].to_pylist() != arms(workspace, other)["user_id"].to_pylist()


def test_notes_and_warnings_say_how_little_ten_users_prove(workspace):
    found = made(workspace)
    assert [note.render() for note in found.notes][:2] == [
        "9 users in the target list, 1 withheld at random (seed 1).",
        "This workspace has no e-mail consents: nobody was left out for want of one.",
    ]
    assert found.definition["base_rate"] == 1.0  # everybody bought in the last 28 days
    assert [warning.render() for warning in found.warnings] == [
        "Fewer than 11 users: figures about them could point at a person.",
        "Ad platforms accept no list under 100 users; this one has 9.",
        "The holdout of 1 is too small to notice any effect.",
    ]
    assert found.to_json()["n_holdout"] == 1


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"segment": None}, r"An audience needs a segment or an item. Received: neither."),
        ({"limit": 0}, r"A limit must be at least 1. Received: 0."),
        ({"holdout_share": 1.0}, r"A holdout's share must be at least 0 and below 1. Received: 1."),
        ({"name": " "}, r"An audience's name must have 1 to 120 characters on one line. Received: ' '."),
        ({"name": "a\nb"}, r"on one line. Received: 'a\\nb'."),
    ],
)
def test_what_cannot_be_made(workspace, asked, message):
    with pytest.raises(InputError, match=message):
        made(workspace, **asked)
    assert list_audiences(workspace) == []


def test_unknown_audiences_are_refused(workspace):
    made(workspace, "spring")
    with pytest.raises(
        NotFoundError, match=r"Audience 'fall' must exist. Received: fall. Available: spring."
    ):
        audience(workspace, "fall")
