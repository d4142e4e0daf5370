"""Charts of groups and lookalikes: what is drawn, and what is said of it."""

from __future__ import annotations

import pandas as pd

from persmark.ui import charts

HARD = '<b>"乳" 😀 {x}'
TRIED = pd.DataFrame(
    {
        "n_groups": [2, 3], "separation": [0.5, 0.7], "by_chance": [0.4, 0.42],
        "by_chance_high": [0.45, 0.47], "passes": [False, True],
    }
)  # fmt: skip


def test_separations_show_chance_beside_and_fill_what_passes() -> None:
    drawn = charts.separations(TRIED)
    by_chance, found = drawn.data
    assert list(by_chance.y) == [0.4, 0.42]
    assert list(found.marker.symbol) == ["circle-open", "circle"]
    assert str(charts.read_separations(TRIED)) == (
        "Furthest beyond chance at 3 groups (0.7 against 0.42); 3 is the largest number that "
        "passes all criteria."
    )
    none = TRIED.assign(passes=False)
    assert str(charts.read_separations(none)).endswith("but no number of groups passes all criteria.")
    assert "too few users" in str(charts.read_separations(TRIED.head(0)))


def test_effects_point_to_either_side_and_data_is_no_markup() -> None:
    table = pd.DataFrame(
        {
            "what": [HARD, "Recency"],
            "effect": [1.2, -0.6],
            "inside": ["5", "3 days"],
            "outside": ["1", "9 days"],
        }
    )
    (bar,) = charts.effects(table).data
    assert list(bar.text) == ["-0.6", "+1.2"]
    assert bar.y[1].startswith("&lt;b&gt;")
    assert str(charts.read_effects(table)) == f"Furthest from the others: {HARD}, 5 on average against 1."
    assert "No measure differs" in str(charts.read_effects(table.head(0)))


RECALLS = pd.DataFrame(
    [
        {"ranking": ranking, "share": share, "recall": recall, "low": recall - 0.01, "high": recall + 0.02}
        for share in (0.01, 0.05, 0.1)
        for ranking, recall in (("likeness", 6 * share), ("rfm", 4 * share), ("random", share))
    ]
)


def test_recalls_are_drawn_with_their_intervals_and_read_at_five_percent() -> None:
    drawn = charts.recalls(RECALLS)
    assert [trace.name for trace in drawn.data] == ["By likeness", "By RFM alone", "By chance"]
    assert list(drawn.data[0].text) == ["6.0%", "30.0%", "60.0%"]
    assert str(charts.read_recalls(RECALLS, 40)) == (
        "Of the seed's 40 users, hidden a quarter at a time, the first 5% of the ranking hold 30.0% (95% "
        "interval 29.0% to 32.0%); by RFM alone 20.0%, by chance 5.0%."
    )


def test_recalls_of_a_seed_that_is_defined_by_rfm_leave_it_out() -> None:
    without = RECALLS[RECALLS["ranking"] != "rfm"]
    assert len(charts.recalls(without).data) == 2
    assert str(charts.read_recalls(without, 40)).endswith("interval 29.0% to 32.0%); by chance 5.0%.")
