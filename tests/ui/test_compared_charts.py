"""Charts of the Compare page: what they say, names that are markup, nothing to draw."""

from __future__ import annotations

import pandas as pd
import pytest

from persmark.ui import charts

HARD = "<img src=x> O'Neil 乳品 & co"
NAN = float("nan")
MEANS = pd.DataFrame(
    {"segment": [HARD, "b"], "value": [10.0, 2.0], "low": [8.0, 1.0], "high": [13.0, 3.0]}
)  # fmt: skip
TIMES = pd.DataFrame(
    [("all", 0, 0.5, 0.4, 0.6, False), ("all", 1, 0.5, 0.4, 0.6, False),
     (HARD, 0, 0.8, 0.7, 0.9, True), (HARD, 1, 0.2, 0.1, 0.3, True)],
    columns=["segment", "place", "share", "low", "high", "clear"],
).assign(n_users=7)  # fmt: skip
LIFTS = pd.DataFrame(
    {"name": [HARD, "milk"], "segment": [HARD, "b"], "share": [0.4, 0.1], "lift": [2.0, 0.9],
     "clear": [True, False], "lift_low": [1.5, 0.5], "lift_high": [2.5, 1.5], "n": [30, 40]}
)  # fmt: skip
FLOW = pd.DataFrame(
    {"origin": ["a", "a", "New to the data"], "target": ["a", HARD, HARD], "n_users": [6, 3, 1]}
)
REASONS = pd.DataFrame({"reason": [HARD, "New to the data"], "n_entered": [3, 1], "n_left": [0, 0]})


def test_means_are_read_with_where_their_intervals_lie() -> None:
    assert str(charts.read_means(MEANS, "Orders")) == (
        f"Orders is highest in {HARD} (10.0) and lowest in b (2.00); the intervals lie apart."
    )
    close = MEANS.assign(low=[1.0, 1.0])
    assert str(charts.read_means(close, "Orders")).endswith("the intervals overlap.")
    alone = MEANS.assign(low=NAN, high=NAN)
    assert str(charts.read_means(alone, "Orders")).endswith("one of them has no interval.")
    nobody = MEANS.assign(value=NAN)
    assert str(charts.read_means(nobody, "Orders")) == "No user of these segments has a value of Orders."
    shares = charts.read_means(
        MEANS.assign(value=[0.5, 0.1], low=[0.4, 0.0], high=[0.6, 0.2]), "S", share=True
    )
    assert "(50.0%) and lowest in b (10.0%)" in str(shares)


def test_a_clock_is_read_where_a_segment_clearly_leaves_everybody() -> None:
    ticks = ("0:00", "1:00")
    assert str(charts.read_clock(TIMES, [HARD], ticks, everybody="all")) == (
        f"{HARD} stands furthest from everybody at 0:00: 80.0% of its events (95% interval 70.0% to 90.0%; "
        "7 users) against 50.0%."
    )
    alike = charts.read_clock(TIMES.assign(clear=False), [HARD], ticks, everybody="all")
    assert (
        str(alike)
        == "At no time does a segment clearly leave everybody's share, looking at 2 intervals at once."
    )
    few = charts.read_clock(TIMES.assign(low=NAN), [HARD], ticks, everybody="all")
    assert "too few users" in str(few)


def test_names_are_read_by_their_clear_lift() -> None:
    assert str(charts.read_names(LIFTS, "attention")) == (
        f"Furthest from everybody: {HARD} on {HARD}, with 2.00 times everybody's attention (95% interval "
        "1.50 to 2.50; 30 users)."
    )
    assert "No lift is clearly off 1" in str(charts.read_names(LIFTS.assign(clear=False), "attention"))
    assert str(charts.read_names(LIFTS.assign(lift=NAN), "attention")) == "There is nothing to compare here."


def test_flows_and_reasons_are_read() -> None:
    assert str(charts.read_flows(FLOW)) == (
        f"6 of 10 users (60.0%) are where they were; the largest move is from a to {HARD}: 3."
    )
    assert str(charts.read_flows(FLOW.head(1))) == "All 6 users are where they were."
    assert str(charts.read_flows(FLOW.head(0))) == "There is nobody to show yet."
    assert str(charts.read_reasons(REASONS, 4, 0)) == (
        f"Entered: 3 of 4 (75.0%) as this came true: {HARD}. Left: nobody."
    )
    assert str(charts.read_reasons(REASONS, 0, 0)) == "Nobody entered or left between these moments."
    assert str(charts.read_neighbours(REASONS, 4, 0)) == f"Entered: 3 of 4 came from {HARD}. Left: nobody."


def test_a_flow_keeps_the_sizes_of_both_sides() -> None:
    drawn = charts.flows(FLOW, ["a", HARD, "New to the data", "Gone from the data", "No purchase"])
    (sankey,) = drawn.data
    assert sum(sankey.link.value) == 10
    written = [one.text for one in drawn.layout.annotations]
    assert written[0] == "a <b>9</b>"
    assert [one.split("<b>")[1] for one in written] == ["9</b>", "1</b>", "6</b>", "4</b>"]
    assert all(0 < y < 1 for y in sankey.node.y)


@pytest.mark.parametrize(
    "drawn",
    [
        charts.means(MEANS),
        charts.names_beside(LIFTS.assign(value=LIFTS["lift"], low=1.0, high=3.0), [HARD, "b"], lift=True),
        charts.names_beside(LIFTS.assign(value=0.2, low=0.1, high=0.3), [HARD], everybody="b"),
        charts.clock(TIMES, [HARD], ("0:00", "1:00"), everybody="all"),
        charts.reasons(REASONS),
        charts.flows(FLOW, ["a", HARD, "New to the data"]),
        charts.means(MEANS.head(0)),
        charts.reasons(REASONS.head(0)),
        charts.flows(FLOW.head(0), []),
        charts.names_beside(LIFTS.assign(value=1.0, low=1.0, high=1.0).head(0), ["b"]),
    ],
)
def test_names_are_never_markup(drawn: object) -> None:
    assert "<img" not in drawn.to_json().replace("\\u003c", "<")  # type: ignore[attr-defined]
