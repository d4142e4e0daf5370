"""Charts of a segment: what is drawn, and the sentence that reads it."""

from __future__ import annotations

import pandas as pd
import pytest

from persmark.ui import charts

NAME = 'Zoë\'s <b>"x"</b> 乳品 🧀'


def test_overlap_draws_both_shares_and_reads_the_closest():
    table = pd.DataFrame(
        {"segment": [NAME, "b"], "n_users": [4, 2], "n_both": [2, 1], "share_of_this": [0.5, 0.25],
         "share_of_other": [0.5, 0.5], "jaccard": [1 / 3, 0.2]}
    )  # fmt: skip
    drawn = charts.overlap(table)
    assert [trace.x.tolist() for trace in drawn.data] == [[0.5, 0.5], [0.25, 0.5]]
    assert "<b>" not in "".join(drawn.data[0].y)
    assert str(charts.read_overlap(table)) == (
        f"Closest is '{NAME}': 2 users are in both, 50.0% of this one and 50.0% of the other."
    )
    none = table.assign(n_both=0)
    assert str(charts.read_overlap(none)) == "None of the other segments shares a user with this one."


def test_lift_is_marked_at_the_chosen_share_and_read_with_the_least():
    table = pd.DataFrame({"holdout_share": [0.1, 0.3, 0.5], "lift": [0.4, 0.25, 0.2]})
    drawn = charts.lift_by_holdout(table, 0.3)
    assert drawn.data[1].x.tolist() == [0.3]
    assert drawn.data[1].text[0] == "25.0%"
    assert str(charts.read_lift_by_holdout(table, 0.3)) == (
        "With 30.0% withheld a lift of 25.0% would be noticed; the least is 20.0%, with 50.0%."
    )
    gap = table.assign(lift=[None, 0.25, 0.2])
    assert len(charts.lift_by_holdout(gap.astype({"lift": float}), 0.1).data) == 1
    assert str(charts.read_lift_by_holdout(gap, 0.1)).startswith(
        "With 10.0% withheld no lift would be noticed"
    )
    nothing = table.assign(lift=pd.Series([None] * 3, dtype=float))
    assert str(charts.read_lift_by_holdout(nothing, 0.1)) == (
        "No share of these users that is withheld would show any lift."
    )
    charts.lift_by_holdout(nothing, 0.1)


@pytest.mark.parametrize(
    ("granted", "said"),
    [
        ([3, 1], "Most agreed to E-mail: 3 of 4 users (75.0%)."),
        ([0, 0], "Nobody of them is known to have agreed to anything."),
    ],
)
def test_consent_is_stacked_and_read(granted, said):
    table = pd.DataFrame(
        {"purpose": ["E-mail", "Ads"], "granted": granted, "denied": [1, 0], "unknown": [0, 3]}
    )
    assert [trace.name for trace in charts.reachable(table).data] == ["granted", "denied", "unknown"]
    assert str(charts.read_reachable(table)) == said
