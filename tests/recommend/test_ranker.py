"""The ranker: features by hand, no future in them, one forward pass for both libraries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from persmark.attention.integrated import integrated_gradients
from persmark.recommend import Interactions, interactions_from
from persmark.recommend.facts import ItemFacts, Named, UserFacts
from persmark.recommend.lesson import Lesson, Validation
from persmark.recommend.moments import calendar, fitting_days, last_steps
from persmark.recommend.profile_fields import field_title
from persmark.recommend.ranker import Ranker, RankerSettings
from persmark.recommend.ranker.encoded import NOWHERE
from persmark.recommend.ranker.features import PAIR_NAMES, USER_NAMES, pair_features, user_features
from persmark.recommend.ranker.network import N_EVENT, Shape, forward
from persmark.recommend.ranker.recommender import examples
from persmark.recommend.ranker.tables import ItemTables

DAY = 86_400
ODD_USER, ODD_ITEM = 'o\'Brien "x" 🛒', "茶 壶; DROP"

# ann buys tea every ten days, bread once; bob one tea.
ROWS = [("ann", "tea", 70), ("ann", "tea", 80), ("ann", "tea", 90), ("ann", "rye", 90), ("bob", "tea", 60)]


def shop(extra: tuple[tuple[str, str, int], ...] = (), *, as_of: int = 100) -> Interactions:
    users, items, days = zip(*ROWS, *extra, strict=True)
    known = interactions_from(users, items, [day * DAY for day in days], as_of=as_of * DAY)
    return replace(known, item_facts=facts(known.item_ids.tolist()))


def facts(items: list[str]) -> ItemFacts:
    """rye is bread at 4, tea is a drink at 2; tea is in a mailer of days 98 to 105, rye from day 100 on."""
    n = len(items)
    blank = np.array([""] * n, dtype=object)
    drink = [{"rye": "Bread", "tea": "Drink"}.get(item) for item in items]
    return ItemFacts(
        kind=Named.of(["product"] * n),
        category=Named.of(drink),
        path=Named.of(drink),
        brand=Named.of([None] * n),
        price=np.array([{"rye": 4.0, "tea": 2.0}.get(item, np.nan) for item in items], np.float32),
        title=blank,
        text=blank,
        offer_item=np.array([items.index("tea"), items.index("rye")], np.int32),
        offer_from=np.array([98 * DAY, 100 * DAY]),
        offer_until=np.array([105 * DAY, 107 * DAY]),
        offer_channel=Named.of(["mailer", "mailer"]),
    )


def features_of(known: Interactions, user: str, item: str) -> dict[str, float]:
    tables = ItemTables.of(known, window_days=28)
    row, column = known.user_ids.tolist().index(user), known.item_ids.tolist().index(item)
    found = pair_features(known, tables, np.array([row]), np.array([column]))
    return dict(zip(PAIR_NAMES, found[0].tolist(), strict=True))


def test_features_by_hand() -> None:
    found = features_of(shop(), "ann", "tea")
    # Bought 10, 20, 30 days ago.
    assert found["own_7d"] == pytest.approx(np.log(2 ** (-10 / 7) + 2 ** (-20 / 7) + 2 ** (-30 / 7) + 1e-3))
    assert found["own_n"] == pytest.approx(np.log1p(3))
    assert found["own_since"] == pytest.approx(np.log1p(10))
    assert found["own_first"] == pytest.approx(np.log1p(30))
    # The usual gap of tea: two gaps of 10 days and one made-up case of the mean of all, 10.
    assert found["item_gap"] == pytest.approx(np.log1p(10))
    assert found["own_gap"] == pytest.approx(np.log1p((20 + 10) / 3))
    assert found["own_due"] == pytest.approx(np.log(11 / 11))
    assert found["own_share"] == pytest.approx(1.0)
    assert found["own_steps_since"] == 0
    # 2^(-10/42) twice is rye and the last tea; three teas are the path.
    faded = [2 ** (-days / 42) for days in (10, 20, 30)]
    assert found["category_share"] == pytest.approx(sum(faded) / (sum(faded) + faded[0]), rel=1e-4)
    assert found["price"] == pytest.approx(np.log(2) - (3 * np.log(2) + np.log(4)) / 4)
    assert found["price_fit"] == pytest.approx(0, abs=1e-6)
    assert found["buyers"] == pytest.approx(np.log1p(2))
    # Three steps are at least 28 days old: of ann's of day 70 (back after 10) and bob's, one came back.
    assert found["return_rate"] == pytest.approx((1 + 10 * 1 / 2) / (2 + 10))


def test_features_of_what_the_user_never_bought() -> None:
    found = features_of(shop(), "bob", "rye")
    assert found["own_7d"] == pytest.approx(np.log(1e-3))
    assert found["own_n"] == 0
    assert found["own_due"] == 0
    assert found["category_share"] == 0
    assert found["path_steps_since"] == pytest.approx(np.log1p(1))


def test_an_offer_counts_only_where_it_had_begun() -> None:
    known = shop()
    assert features_of(known, "ann", "tea")["offer_mailer"] == pytest.approx(np.log(2))
    assert features_of(known, "ann", "rye")["offer_mailer"] == 0  # begins at the moment itself
    assert features_of(shop(as_of=106), "ann", "rye")["offer_mailer"] == pytest.approx(np.log(2))
    assert features_of(shop(as_of=106), "ann", "tea")["offer_mailer"] == 0  # over


def test_profile_fields_by_hand() -> None:
    known = shop()
    found = user_features(known, ItemTables.of(known, window_days=28))
    ann = dict(zip(USER_NAMES, found[0].tolist(), strict=True))
    assert ann["n_events"] == pytest.approx(np.log1p(4))
    assert ann["n_steps"] == pytest.approx(np.log1p(3))
    assert ann["since_last"] == pytest.approx(np.log1p(10))
    assert ann["step_gap"] == pytest.approx(np.log1p(10))
    assert ann["repeat_share"] == pytest.approx(0.5)
    assert ann["steps_28d"] == pytest.approx(np.log1p(2))


def test_no_future_event_enters_a_feature() -> None:
    """What is planted after the moment changes nothing that is learned from."""
    future = (("ann", "rye", 130), ("bob", "rye", 131), ("cid", "tea", 132), ("ann", "tea", 138))
    plain = next(iter(moments(shop((("ann", "tea", 110),), as_of=119))))
    planted = next(iter(moments(shop((("ann", "tea", 110), *future), as_of=140), skip=1)))
    assert plain.known.as_of == planted.known.as_of == 82 * DAY + 1
    row = np.zeros(2, np.int64)
    for told in (pair_features, lambda known, tables, *_: user_features(known, tables)[:1]):
        seen = [
            told(one.known.users(one.users), ItemTables.of(one.known, window_days=28), row, np.array([0, 1]))
            for one in (plain, planted)
        ]
        assert np.array_equal(seen[0], seen[1])


def moments(known: Interactions, *, skip: int = 0) -> list:
    found = calendar(known, window_days=28, step_days=28, n=2, target="purchase", most_users=10, seed=0)
    return list(found)[skip:]


def test_moments_by_hand() -> None:
    known = shop((("ann", "rye", 30), ("ann", "rye", 99)))
    latest, earlier = moments(known)
    # The windows end with the last event, of day 99.
    assert (latest.known.as_of, earlier.known.as_of) == (71 * DAY + 1, 43 * DAY + 1)
    assert (len(latest.known), len(earlier.known)) == (3, 1)
    # bob has nothing after day 71, and nothing before day 43.
    assert known.user_ids[latest.users].tolist() == known.user_ids[earlier.users].tolist() == ["ann"]
    assert known.item_ids[latest.item].tolist() == ["rye", "tea"]
    assert known.item_ids[earlier.item].tolist() == ["tea"]


def test_a_window_is_halved_until_half_of_the_events_lie_before_it() -> None:
    """Events of days 60, 70, 80, 90, 90: three lie before day 83, two before day 76."""
    assert fitting_days(shop(), 6) == 6
    assert fitting_days(shop(), 28) == 7
    assert fitting_days(shop(), 28, windows=2) == 3.5


def test_last_steps_ask_for_each_users_last_event() -> None:
    known = shop()
    found = list(last_steps(known, n=2, target="purchase", most_users=10, seed=0))
    # bob's only event leaves nothing that is known of him.
    assert [known.user_ids[one.users].tolist() for one in found] == [["ann"], ["ann"]]
    assert [known.item_ids[one.item].tolist() for one in found] == [["tea"], ["rye"]]
    assert [int((one.known.user == 0).sum()) for one in found] == [3, 2]


def world(n_users: int = 40) -> Interactions:
    """Everybody has an own item every 7 days, and something else in between."""
    rng = np.random.default_rng(0)
    rows = [
        (f"u{user:02}", f"i{item}", day)
        for user in range(n_users)
        for day in range(0, 140, 7)
        for item in (user % 8, int(rng.integers(8, 30)))
    ]
    users, items, days = zip(*rows, strict=True)
    known = interactions_from([*users[:-1], ODD_USER], [*items[:-1], ODD_ITEM], [d * DAY for d in days])
    named = Named.of([None if n % 3 == 0 else f"it's {n % 3}" for n in range(known.n_users)])
    return replace(known, user_facts=UserFacts({"age; '": named}))


TINY = {
    "windows": 2, "window_days": 14, "step_days": 14, "epochs": 40, "patience": 40, "rate": 0.01,
    "history_events": 8, "width": 4, "hidden": 8, "n_own": 20, "n_fresh": 10, "list_items": 16,
}  # fmt: skip


@pytest.fixture(scope="module")
def known() -> Interactions:
    return world()


@pytest.fixture(scope="module")
def made(known: Interactions) -> Ranker:
    return Ranker.train(known, TINY)


def test_it_learns_and_says_how_well(made: Ranker, known: Interactions) -> None:
    assert [point["epoch"] for point in made.curve] == list(range(1, len(made.curve) + 1))
    # A user's own weekly item is found: it is theirs in every window.
    assert max(point["validation_ndcg"] for point in made.curve) > 0.5
    top = made.recommend(known, k=1).item_id.tolist()
    own = [f"i{place % 8}" for place in range(40)]
    assert np.mean([item == mine for item, mine in zip(top[1:], own, strict=False)]) > 0.8


def test_save_and_load_is_a_round_trip(made: Ranker, known: Interactions, tmp_path: Path) -> None:
    made.save(tmp_path / "it's 中文")
    back = Ranker.load(tmp_path / "it's 中文")
    assert np.array_equal(back.score_matrix(known), made.score_matrix(known))
    one = known.users(np.array([3]))
    assert str(back.reason(one, "i3").text) == str(made.reason(one, "i3").text)


def test_users_together_and_alone_get_the_same_scores(made: Ranker, known: Interactions) -> None:
    whole = made.score_matrix(known)
    assert made.score_matrix(known, slice(5, 6)) == pytest.approx(whole[5:6], abs=1e-5)


def test_attention_is_a_share_of_what_is_there(made: Ranker, known: Interactions) -> None:
    few = interactions_from(["new"] * 3, ["i1", "i2", "i1"], [0, DAY, 2 * DAY])
    found = made.attention(few)
    assert found.event.tolist() == [[-1] * 5 + [0, 1, 2]]
    assert found.event_weight.sum(axis=-1) == pytest.approx(1, abs=1e-5)
    assert (found.event_weight[:, :, :5] == 0).all()
    assert found.field_weight.sum(axis=-1) == pytest.approx(1, abs=1e-5)
    assert found.fields[-1] == "age; '"


def test_where_it_looked_for_many_is_where_it_looked_for_each(made: Ranker, known: Interactions) -> None:
    some = interactions_from(
        ["a", "a", "a", "b", "b", "d"], ["i1", "nobody's", "i2", "i3", "i3", "nobody's"],
        [0, DAY, 2 * DAY, 0, 7 * DAY, DAY],
    )  # fmt: skip
    found = made.attended(some)
    assert found is not None
    # The events on items that nobody came to are not looked at.
    assert found.event.tolist() == [0, 2, 3, 4]
    for user, (name, looked_at) in enumerate((("a", slice(0, 2)), ("b", slice(2, 4)))):
        own = some.users(np.array([user]))
        bound = made.explained(own)
        assert bound is not None
        first = int(bound.scores(np.ones((1, bound.n_units), np.float32))[0].argmax())
        assert found.item[user] == first, name
        weights = bound.weights(np.array([first]))[0]
        assert found.weight[looked_at] == pytest.approx(weights[:2], abs=1e-5)
        assert found.field_weight[user] == pytest.approx(weights[2:], abs=1e-5)
    assert found.fields == bound.fields


def test_what_is_taken_away_is_out_of_the_counts_too(made: Ranker) -> None:
    few = interactions_from(["new"] * 4, ["i1", "i2", "i1", "i1"], [0, 5 * DAY, 7 * DAY, 14 * DAY])
    bound = made.explained(few)
    assert bound is not None
    assert bound.event.tolist() == [0, 1, 2, 3]
    column = made.item_ids.tolist().index("i1")
    keep = np.ones((3, bound.n_units), np.float32)
    keep[1, [0, 2, 3]] = 0
    looked_at = bound.weights(np.array([column]))[0]
    assert (looked_at[4:] > 0).any()
    keep[2, 4 + looked_at[4:].argmax()] = 0
    whole, without, no_field = bound.scores(keep)
    shown = made.score_matrix(few)[0]
    inside = np.flatnonzero(shown > 0)
    assert np.argsort(-whole[inside])[:5].tolist() == np.argsort(-shown[inside])[:5].tolist()
    assert whole.argmax() == column
    assert without[column] < whole[column]
    assert no_field[column] != whole[column]
    weights = bound.shuffled(1).weights(np.array([column]))
    assert weights[0, :4].sum() == pytest.approx(1, abs=1e-5)
    assert weights[0, 4:].sum() == pytest.approx(1, abs=1e-5)


def test_what_fades_keeps_its_key_to_the_end_so_that_gradients_add_up(made: Ranker) -> None:
    few = interactions_from(["new"] * 4, ["i1", "i2", "i1", "i3"], [0, 5 * DAY, 7 * DAY, 14 * DAY])
    bound = made.explained(few)
    assert bound is not None
    items = np.flatnonzero(made.score_matrix(few)[0] > 0)
    for place in range(bound.n_units):
        nearly = np.ones((3, bound.n_units), np.float32)
        nearly[:, place] = (0, 1e-4, -1e-4)
        gone, faint, beyond = bound.faded(nearly, items)
        assert faint == pytest.approx(gone, abs=1e-3), place
        assert beyond == pytest.approx(gone, abs=1e-3), place
    errors = [integrated_gradients(bound, int(item)).completeness_error for item in items]
    assert np.median(errors) <= 0.05


def test_scores_of_some_items_are_those_among_all(made: Ranker) -> None:
    few = interactions_from(["new"] * 4, ["i1", "i2", "i1", "i3"], [0, 5 * DAY, 7 * DAY, 14 * DAY])
    bound = made.explained(few)
    assert bound is not None
    candidates = np.flatnonzero(made.score_matrix(few)[0] > 0)
    keep = np.ones((3, bound.n_units), np.float32)
    keep[1, [0, 2]] = 0
    keep[2, -1] = 0
    whole = bound.scores(keep)
    for items in (candidates[[2, 0]], candidates, np.arange(len(made.item_ids))):
        assert bound.scores_of(keep, items) == pytest.approx(whole[:, items], abs=1e-5)
    assert bound.scores_of(keep[:0], candidates).shape == (0, len(candidates))


def test_a_reason_is_what_the_score_rests_on(made: Ranker, known: Interactions) -> None:
    one = known.users(np.array([list(known.user_ids).index("u03")]))
    assert str(made.reason(one, "i3").text).startswith("bought every 7 days")
    stranger = interactions_from([ODD_USER], ["never seen"], [0])
    assert made.reason(stranger, "i3").kind == "popular"


@pytest.mark.parametrize(("history", "fields"), [(True, True), (True, False), (False, True), (False, False)])
def test_numpy_equals_keras(history: bool, fields: bool) -> None:
    import keras

    from persmark.recommend.ranker.learning import Scorer

    shape = Shape(pairs=5, users=3, named=(2, 1), categories=4, paths=6, width=4, hidden=8,
                  history_attention=history, field_attention=fields)  # fmt: skip
    rng = np.random.default_rng(1)
    x = {
        "pairs": rng.normal(size=(2, 3, 5)).astype(np.float32),
        "item": rng.integers(0, 9, (2, 3)).astype(np.int32),
        "category": rng.integers(0, 4, (2, 3)).astype(np.int32),
        "path": rng.integers(0, 6, (2, 3)).astype(np.int32),
        "users": rng.normal(size=(2, 3)).astype(np.float32),
        "named": np.array([[0, 3], [2, 4]], np.int32),
        "event_item": np.array([[NOWHERE, 1, 2, 3], [4, 5, 6, 7]], np.int32),
        "event_category": rng.integers(0, 4, (2, 4)).astype(np.int32),
        "event_path": rng.integers(0, 6, (2, 4)).astype(np.int32),
        "events": rng.normal(size=(2, 4, N_EVENT)).astype(np.float32),
        "event_real": np.array([[0, 1, 1, 1], [1, 1, 1, 1]], np.float32),
    }
    scorer = Scorer(shape, 0.0, 3)
    scorer.every.assign(rng.normal(scale=0.3, size=scorer.every.shape))
    theirs = keras.ops.convert_to_numpy(scorer({name: keras.ops.convert_to_tensor(x[name]) for name in x}))
    ours = forward(np, scorer.weights_by_name(), x, shape)
    assert ours["score"] == pytest.approx(theirs, abs=1e-5)
    assert ("event_weight" in ours) == history
    assert ("field_weight" in ours) == fields


def test_one_user_and_few_users_are_served_by_the_sources() -> None:
    made = Ranker.train(shop(), {"window_days": 7})
    assert made.scorer is None
    assert made.recommend(shop().users(np.array([0])), k=2).item_id.tolist() == ["tea", "rye"]


def test_pairs_set_aside_decide_when_to_stop(known: Interactions) -> None:
    """One item of each user, as in leave-one-out: last events are learned from, the pairs never are."""
    users = np.arange(known.n_users)
    last = known.item[known.starts[1:] - 1].astype(np.int64)
    rest = known.rows(np.delete(np.arange(len(known)), known.starts[1:] - 1))
    lesson = Lesson(lambda _share, _doing: None, lambda _point: None, Validation(rest, users, last, True))
    first, *others = examples(rest, lesson, RankerSettings(windows=2), target="purchase")
    assert (first.users.tolist(), first.item.tolist()) == (users.tolist(), last.tolist())
    assert [len(one.known) for one in others] == [len(rest) - 40, len(rest) - 80]
    assert others[0].item.tolist() == rest.item[rest.starts[2:] - 1].tolist()  # the first has nothing left


def test_every_counted_field_has_words_and_one_of_the_users_file_its_own_name() -> None:
    assert field_title("repeat_share") == "how often they come back to an item"
    assert field_title("household_size") == "household size"
    assert all(field_title(name) != name for name in USER_NAMES)
