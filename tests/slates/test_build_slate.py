"""Slates of the ten-event shop, worked by hand."""

from __future__ import annotations

import json
from datetime import datetime

import pyarrow as pa
import pytest

from persmark.errors import EmptyError, InputError, NotFoundError
from persmark.recommend import event_weights, history_weights, load_interactions, recommender
from persmark.slates import SlateRequest, SlateRules, build_slate
from persmark.store import create_workspace

from .conftest import AS_OF, EVENTS, ITEMS, ODD, fill


def slate_of(reader, repeat, **request):
    rules = SlateRules(**request.pop("rules", {}))
    return build_slate(
        reader,
        repeat,
        SlateRequest(rules=rules, **request),
        as_of=request.pop("as_of", AS_OF),
        time_zone="America/New_York",
    )


def ids(slate):
    return [item.item_id for item in slate.items]


def said(slate):
    return [note.render() for note in slate.notes]


def test_products_come_by_habit_then_by_popularity(reader, repeat):
    slate = slate_of(reader, repeat, user_id="ann")
    assert ids(slate) == ["milk", "bread", "tea", "=apple"]
    milk, _, tea, apple = slate.items
    # Bought 21, 11 and 1 days ago, halved every 42 days; ties add at most a thousandth.
    assert milk.score == pytest.approx(2 ** (-21 / 42) + 2 ** (-11 / 42) + 2 ** (-1 / 42), rel=2e-3)
    # With four items in all, nothing ever leaves the first ten.
    assert milk.reason.render() == "the 3 purchases of Milk, 1 l in March 2024 speak most for it"
    assert (milk.reason_kind, milk.facts["item_id"], milk.facts["n_events"]) == ("occlusion", "milk", 3)
    assert milk.placement.render() == "in this week's mailer"
    assert (milk.rank, milk.title, milk.category, milk.brand, float(milk.price)) == (
        1, "Milk, 1 l", "dairy", "A", 1.5,
    )  # fmt: skip
    assert (milk.filled, tea.filled) == (False, True)
    assert apple.title == "=apple"  # not in the catalogue
    assert slate.n_candidates == 4
    assert said(slate) == ["Only 4 of 10 places could be filled."]


def test_a_name_of_any_script_gets_its_slate(reader, repeat):
    assert ids(slate_of(reader, repeat, user_id=ODD, k=2)) == ["tea", "bread"]


def test_later_events_are_not_looked_at(reader, repeat):
    slate = build_slate(
        reader,
        repeat,
        SlateRequest(user_id="ann", k=1),
        as_of=datetime(2024, 3, 9),
        time_zone="UTC",
    )
    assert said(slate) == ["This user has no history: popular items are shown."]


def test_a_new_event_changes_the_slate_without_training(workspace, reader, repeat):
    fill(workspace, events=[*EVENTS, *[("ann", "tea", "purchase", 31, None)] * 9])
    with workspace.reader() as later:
        assert ids(slate_of(later, repeat, user_id="ann", k=1)) == ["tea"]
    assert ids(slate_of(reader, repeat, user_id="ann", k=1)) == ["milk"]


def test_a_registered_user_without_events_sees_what_is_popular(reader, repeat):
    slate = slate_of(reader, repeat, user_id="carl", k=2)
    assert said(slate) == ["This user has no history: popular items are shown."]
    assert ids(slate) == ["milk", "tea"]  # four decayed purchases against two
    assert all(item.filled for item in slate.items)


def test_unknown_users_and_empty_workspaces_are_refused(reader, repeat, tmp_path):
    with pytest.raises(NotFoundError, match=r"User 'O'X' must have events or attributes. Received"):
        slate_of(reader, repeat, user_id="O'X")
    refusal = pytest.raises(EmptyError, match=r"A slate needs events. Received: a workspace without any")
    with create_workspace("empty", root=tmp_path).reader() as empty, refusal:
        slate_of(empty, repeat, user_id="ann")
    with pytest.raises(EmptyError, match=r"A segment needs users for a slate. Received: 'nobody' with none"):
        slate_of(reader, repeat, users=[], segment="nobody")


def test_ads_are_those_of_campaigns_received_one_for_each_item(reader, repeat):
    slate = slate_of(reader, repeat, user_id="ann", kind="ad")
    # ad1 and ad2 both have milk as their best item; ad1 was made for milk alone.
    assert ids(slate) == ["ad1"]
    ad = slate.items[0]
    assert (
        ad.reason.render() == "covers Milk, 1 l: the 3 purchases of Milk, 1 l in March 2024 speak most for it"
    )
    assert (ad.title, ad.covered_item_id, ad.covered_title) == ("Milk 10% off", "milk", "Milk, 1 l")
    assert (ad.campaign_id, ad.ends_on.isoformat()) == ("C1", "2024-04-10")
    assert said(slate)[0] == "Only ads of campaigns that this user received are shown: 1 campaigns so far."


def test_all_running_ads_where_asked_for(reader, repeat):
    slate = slate_of(reader, repeat, user_id="ann", kind="ad", only_received=False)
    assert ids(slate) == ["ad1", "ad3"]
    assert slate.n_candidates == 3


def test_an_ad_runs_on_local_dates(reader, repeat):
    """ad4 ends on 30 March; at 02:00 UTC on the 31st it is still the 30th in New York."""
    night = {"as_of": datetime(2024, 3, 31, 2), "time_zone": "America/New_York"}
    request = SlateRequest(user_id=ODD, kind="ad", only_received=False)
    # Both ad2 and ad4 cover bread; ad4 ends first.
    assert ids(build_slate(reader, repeat, request, **night)) == ["ad3", "ad4", "ad1"]
    assert ids(build_slate(reader, repeat, request, as_of=AS_OF, time_zone="UTC")) == ["ad3", "ad2", "ad1"]


def test_a_user_who_received_nothing_sees_no_coupon(reader, repeat):
    slate = slate_of(reader, repeat, user_id="dan", kind="ad")
    assert ids(slate) == []
    assert said(slate)[1] == "No ad runs on 2024-03-31 that can be shown here."


def test_content_follows_the_taste_for_its_category(reader, repeat):
    slate = slate_of(reader, repeat, user_id="ann", kind="content")
    assert ids(slate) == ["news1", "news2"]
    # Milk 2.52 of 3.43 decayed purchases in the catalogue's categories.
    assert slate.items[0].reason.render() == "74% of what they did lately is dairy"
    assert slate.items[1].reason.render() == "new: nobody has looked at it yet"


def test_content_met_by_the_user_stands_first(workspace):
    fill(workspace, events=[*EVENTS, ("ann", "news2", "view", 30, None)])
    with workspace.reader() as reader:
        trained = recommender("repeat").train(load_interactions(reader))
        slate = slate_of(reader, trained, user_id="ann", kind="content")
        assert ids(slate) == ["news2", "news1"]
        assert slate.items[0].reason.render() == "the look at Tea in 中国 on 30 Mar 2024 speaks most for it"
        # Content never stands in a product slate, though the recommender knows it.
        assert "news2" not in ids(slate_of(reader, trained, user_id="ann"))


def test_a_workspace_without_content_or_ads_says_so(workspace):
    fill(workspace, items=ITEMS[:3], offers=[])
    with workspace.reader() as reader:
        trained = recommender("repeat").train(load_interactions(reader))
        content = slate_of(reader, trained, user_id="ann", kind="content")
        assert said(content) == ["There is no content in this workspace: load items of kind content."]
        ads = slate_of(reader, trained, user_id="ann", kind="ad")
        assert said(ads) == ["There are no ads in this workspace: load items of kind ad."]


def test_a_workspace_without_catalogue_shows_ids(workspace):
    fill(workspace, items=[], offers=[])
    with workspace.reader() as reader:
        trained = recommender("repeat").train(load_interactions(reader))
        slate = slate_of(reader, trained, user_id="ann", k=1)
        assert (slate.items[0].title, slate.items[0].kind) == ("milk", "product")


def test_a_segment_pools_places(reader, repeat):
    slate = slate_of(reader, repeat, users=["ann", ODD, "dan"], segment="all 三", k=2)
    # Places: ann milk, bread, tea, apple; O'Neil tea, bread, milk, apple; dan tea, apple, milk, bread.
    # Votes 1, .631, .5, .431: tea 2.5, milk 2, bread 1.693, apple 1.492 (over three users).
    assert ids(slate) == ["tea", "milk"]
    assert slate.items[0].score == pytest.approx(2.5 / 3, abs=2e-3)
    assert slate.items[0].fits == pytest.approx(2 / 3)
    assert slate.items[0].reason.render() == "among the best 2 of 66.7% of 3 users"
    assert said(slate) == ["Made from all 3 users of the segment."]


def test_a_segment_is_sampled_and_says_so(reader, repeat):
    slate = slate_of(reader, repeat, users=["ann", ODD, "dan", "carl"], segment="s", sample_users=2)
    assert slate.n_users == 2
    assert said(slate)[0] == "Made from 2 of 4 users of the segment, drawn at random."


def test_a_segment_leaves_out_for_each_user_what_that_user_has(reader, repeat):
    slate = slate_of(
        reader, repeat, users=["ann", ODD, "dan"], segment="s", k=4, rules={"exclude_seen": True}
    )
    # Left: ann tea, apple; O'Neil milk, apple; dan bread. First places: tea, milk and bread one each,
    # apple two second places (.631 each): the largest sum.
    assert ids(slate)[0] == "=apple"
    assert slate.rules[0].n_removed == 7


def test_json_has_the_keys_of_the_command_line(reader, repeat):
    document = slate_of(reader, repeat, user_id="ann", k=1, run_id="r1").to_json()
    assert json.loads(json.dumps(document)) == document
    assert (document["user_id"], document["recommender"], document["data_version"]) == ("ann", "repeat", 2)
    item = document["items"][0]
    assert [item[key] for key in ("rank", "item_id", "title", "kind", "reason")] == [
        1, "milk", "Milk, 1 l", "product",
        "without the 3 purchases of Milk, 1 l in March 2024 this would not be among the first 1",
    ]  # fmt: skip
    frame = slate_of(reader, repeat, user_id="ann").frame()
    assert list(frame["item_id"]) == ["milk", "bread", "tea", "=apple"]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({}, r"for one user or for the users of a segment. Received: neither. Give"),
        ({"user_id": "a", "users": ["b"]}, r"Received: both."),
        ({"user_id": "a", "kind": "banner"}, r"Received: banner. Available: product, ad, content."),
        ({"user_id": "a", "k": 0}, r"A slate's length must be 1 to 100. Received: 0."),
        (
            {"user_id": "a", "k": 1, "rules": SlateRules(pinned=("x", "y"))},
            r"At most 1 items can be pinned to a slate of 1. Received: 2.",
        ),
    ],
)
def test_requests_that_cannot_be_served(request_, message):
    with pytest.raises(InputError, match=message):
        SlateRequest(**request_)


def test_arrow_users_of_a_segment_are_taken(reader, repeat):
    users = pa.array(["ann", "dan"]).to_pylist()
    assert slate_of(reader, repeat, users=users, k=1).n_users == 2


@pytest.mark.parametrize("own_type", ["view", "played"])
def test_histories_weigh_as_in_training(workspace, own_type):
    """Types of our vocabulary are found by the counts alone, a type of the shop's own by the events."""
    fill(workspace, events=[*EVENTS, ("ann", "tea", own_type, 30, None)])
    with workspace.reader() as reader:
        trained = recommender("repeat").train(load_interactions(reader))
        assert history_weights(reader, trained) == event_weights(reader)
        trained.event_weights = {"purchase": 3.0}
        assert history_weights(reader, trained) == {"purchase": 3.0}
        assert history_weights(reader, trained, {"view": 2.0}) == {"view": 2.0}
