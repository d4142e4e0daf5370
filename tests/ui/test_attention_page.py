"""The Attention page: each view, what is missing, hostile names, nothing on few people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from persmark import actions, attention, recommend
from persmark.attention.explain import explain
from persmark.recommend import Interactions
from persmark.recommend.repeat import Repeat
from persmark.store import Reader, Workspace, create_workspace, open_workspace
from tests.attention.toy import Toy
from tests.events.files import csv_of, write
from tests.opened import open_page, said, whole
from tests.shop import ACTOR, HARD_USER, load_shop

WHY, PEOPLE, MODEL = "Why is this shown?", "What do people attend to?", "Where does the model look?"


class Looking(Repeat):
    """Counts as `repeat` does, and claims to look at the newest event alone."""

    def explained(self, history: Interactions) -> Toy:
        own = self._own_items(history)
        says = np.zeros((len(own), len(self.item_ids)))
        says[np.arange(len(own)), own.item] = own.weight
        looks = np.zeros(len(own))
        looks[-1] = 1.0
        return Toy(says.tolist(), looks.tolist())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PERSMARK_DATA", str(folder))
        shop = load_shop(tmp_path_factory.mktemp("files"))
        actions.run(shop, ACTOR, actions.Train(recommender="repeat"))
        tiny = create_workspace("tiny")
        rows = [f"u{user},x{day % 2},purchase,2026-01-{day:02d} 10:00:00,{user + 1}"
                for user in range(3) for day in range(1, 9, user + 2)]  # fmt: skip
        path = write(folder / "tiny.csv", csv_of(rows))
        actions.run(tiny, ACTOR, actions.LoadFiles(paths=(str(path),)))
    return folder


@pytest.fixture
def shop(data: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("PERSMARK_DATA", str(data))
    return open_workspace("shop")


def test_a_slate_is_explained_and_an_event_tried_out(shop: Workspace) -> None:
    at = open_page("attention", "shop", user=HARD_USER)
    whole(at)
    page = said(at)
    assert "<img" not in page
    # The user comes to sku-0 and sku-5 in turn and to nothing else: eight of ten are only popular.
    assert page.count("Nothing they did speaks for it: it is popular.") == 8
    assert "The 30 events on Item no. 5 from January to March 2026 speak most for it" in page
    assert "repeat has no attention of its own" in page
    assert "Check the weights" not in [one.label for one in at.button]
    before = at.selectbox(key="what_if_item").options
    at.selectbox(key="what_if_item").set_value(next(one for one in before if "sku-7" in one)).run()
    whole(at)
    assert 'class="pm-rises"' in said(at)
    assert shop.stats("events") == open_workspace("shop").stats("events")


def test_a_linked_item_outside_the_slate_is_explained_too(shop: Workspace) -> None:
    ten = [one.item_id for one in _first_ten(shop).items]
    outside = next(f"sku-{n}" for n in range(12) if f"sku-{n}" not in ten)
    at = open_page("attention", "shop", user=HARD_USER, item=outside)
    whole(at)
    assert at.selectbox(key="item").value == outside
    assert "<b>11</b>" in said(at) or "<b>12</b>" in said(at)
    at = open_page("attention", "shop", user=HARD_USER, item="<b>gin</b>")
    whole(at)
    assert "does not know the item &#x27;&lt;b&gt;gin&lt;/b&gt;&#x27;" in said(at)


def _first_ten(shop: Workspace) -> attention.UserExplained:
    with shop.reader() as reader:
        return attention.explain_user(reader, recommend.load_run(shop), HARD_USER, k=10)


def test_weights_are_looks_until_they_are_validated(shop: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def looked(
        reader: Reader, made: recommend.Recommender, user: str, *_: object, **__: object
    ) -> attention.UserExplained:
        history = recommend.load_histories(reader, made, users=[user], as_of=10**10)
        looking = Looking.__new__(Looking)
        looking.__dict__.update(made.__dict__)
        return explain(looking, history, None, k=10)

    monkeypatch.setattr(attention, "explain_user", looked)
    at = open_page("attention", "shop", user="user-01")
    whole(at)
    assert "Not checked yet" in said(at)
    assert at.button(key="judge").label == "Check the weights"
    assert "Where the model looked" in said(at)
    judged = attention.judge(
        [attention.Case(Toy([[9.0 - n, 0.0] for n in range(6)], [1 / 6] * 6), np.ones(6))]
    )
    monkeypatch.setattr(attention, "verdict_of", lambda *_: replace(judged, validated=True))
    at = open_page("attention", "shop", user="user-01")
    whole(at)
    assert "Weights validated" in said(at)
    assert "What it weighs most" in said(at)
    assert "judge" not in [one.key for one in at.button]


def test_a_card_of_a_slate_leads_to_its_explanation(shop: Workspace) -> None:
    at = open_page("slates", "shop", user=HARD_USER)
    whole(at)
    assert 'href="attention?workspace=shop&amp;user=O%27Neil+%22' in said(at)


def test_what_people_attend_to_by_every_dimension(shop: Workspace) -> None:
    at = open_page("attention", "shop", attention_view=PEOPLE)
    whole(at)
    assert "users were active in both periods; each counts the same." in said(at)
    assert "Nobody of this segment was contacted" in said(at)
    assert len(at.get("plotly_chart")) == 2
    # Forty users come at ten different hours, four at each.
    at.segmented_control(key="moves_by").set_value("hour")
    at.button(key="moves_go").click().run()
    whole(at)
    assert "No name here has 10 users: not shown." in said(at)
    assert not at.get("plotly_chart")


def test_nothing_is_told_of_three_people(shop: Workspace) -> None:
    at = open_page("attention", "tiny")
    whole(at)
    assert "none is trained here yet" in said(at)
    at = open_page("attention", "tiny", attention_view=PEOPLE)
    whole(at)
    assert not at.get("plotly_chart")
    assert "Nobody of this segment was active in both periods" in said(at)


def test_only_a_model_with_weights_looks_anywhere(shop: Workspace) -> None:
    at = open_page("attention", "shop", attention_view=MODEL)
    whole(at)
    assert "Only a recommender with attention weights looks anywhere" in said(at)
