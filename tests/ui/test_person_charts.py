"""Charts of one user: lanes, strips, pairs and pushes; hostile names stay text."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from persmark.ui import charts

NAME = 'Zoë\'s <b>"x"</b> 乳品 🧀'


def events(*rows):
    names = ("at", "event_type", "n_events", "n_items", "value", "campaign_id")
    made = pd.DataFrame([dict(zip(names, row, strict=True)) for row in rows], columns=list(names))
    return made.assign(at=pd.to_datetime(made["at"]), currency="USD", n_campaigns=1)


def sessions(*rows):
    made = pd.DataFrame(rows, columns=["at", "n_sessions", "n_events"])
    return made.assign(at=pd.to_datetime(made["at"]))


YEAR = events(
    ("2026-01-01 09:00", "campaign_received", 1, 0, None, NAME),
    ("2026-01-05 10:00", "purchase", 4, 3, 40.0, None),
    ("2026-01-09 10:00", "purchase", 1, 1, 10.0, None),
    ("2026-02-01 10:00", "coupon_redeemed", 1, 0, None, NAME),
    ("2026-02-03 10:00", NAME, 2, 1, None, None),
)
VISITS = sessions(("2026-01-05 10:00", 1, 4), ("2026-02-03 10:00", 1, 2))


def test_timeline_has_a_lane_for_each_type_and_one_for_sessions():
    figure = charts.timeline(YEAR, VISITS, "moment")
    top, own, *rest = list(figure.layout.yaxis.categoryarray)[::-1]
    assert top == "Purchase"
    assert own.startswith("Zoë's &lt;b&gt;")
    assert rest == ["Coupon redeemed", "Campaign received", "Sessions"]
    assert figure.layout.xaxis.fixedrange is False
    assert figure.layout.dragmode == "zoom"


def test_orders_are_sized_by_money_and_contacts_drawn_through_all_lanes():
    figure = charts.timeline(YEAR, VISITS, "moment")
    lines, orders = figure.data[0], figure.data[1]
    assert lines.mode == "lines"
    assert list(lines.y) == ["Purchase", "Sessions", None]
    large, small = orders.marker.size
    # Areas go with money: a quarter of it has half the diameter, beside the least one of 6 px.
    assert (large - 6) == pytest.approx(2 * (small - 6))
    assert list(orders.text) == [
        "2026-01-05 10:00<br>4 × Purchase<br>3 different items<br>40.00 USD",
        "2026-01-09 10:00<br>1 × Purchase<br>10.00 USD",
    ]


def test_many_contacts_are_no_curtain():
    sent = events(*[(f"2026-01-{day:02d}", "campaign_received", 1, 0, None, None) for day in range(1, 31)])
    both = pd.concat([sent, YEAR.iloc[[1]]])
    assert "lines" not in [one.mode for one in charts.timeline(both, VISITS, "moment").data]
    assert str(charts.read_timeline(both, VISITS, "moment")).endswith(" Marked: 30 contacts.")


def test_no_name_becomes_markup():
    figure = charts.timeline(YEAR, VISITS, "moment")
    said = figure.to_json()
    assert "<b>" not in said
    assert "\\u003cb\\u003e" not in said


def test_timeline_is_read_with_what_is_marked():
    assert str(charts.read_timeline(YEAR, VISITS, "moment")) == (
        "9 events from 2026-01-01 to 2026-02-03. They make 2 sessions. A mark is an order, or what happened "
        "at one moment. Marked are one contact (dotted lines) and one redeemed coupon."
    )
    sent = charts.read_timeline(YEAR.iloc[[0, 1]], VISITS, "moment")
    assert str(sent).endswith(" Marked: one contact (dotted lines).")
    assert "Marked" not in str(charts.read_timeline(YEAR.iloc[[1, 2]], VISITS, "moment"))
    assert "A mark is all of one type in a week." in str(charts.read_timeline(YEAR, VISITS, "week"))
    assert str(charts.read_timeline(YEAR.head(0), VISITS.head(0), "moment")) == (
        "There are no events in this time."
    )


def test_one_event_stands_in_the_middle_of_a_month():
    one = YEAR.iloc[[1]]
    figure = charts.timeline(one, sessions(), "moment")
    begin, end = (pd.Timestamp(side) for side in figure.layout.xaxis.range)
    assert (begin, end) == (pd.Timestamp("2025-12-21 10:00"), pd.Timestamp("2026-01-20 10:00"))
    assert str(charts.read_timeline(one, sessions(), "moment")) == (
        "4 events from 2026-01-05 to 2026-01-05. A mark is an order, or what happened at one moment."
    )
    alone = str(charts.read_timeline(YEAR.iloc[[2]], sessions(), "moment"))
    assert alone == "One event, on 2026-01-09."


def test_of_many_types_the_commonest_are_drawn_and_that_is_said():
    many = events(*[("2026-01-05", f"type {n:02d}", n + 1, 0, None, None) for n in range(15)])
    figure = charts.timeline(many, sessions(), "day")
    assert len(figure.data) == 12
    assert "The 12 commonest of 15 types are drawn." in str(charts.read_timeline(many, sessions(), "day"))


def shares(*rows):
    return pd.DataFrame(rows, columns=["name", "n_events", "attention_share", "spend_share"])


def test_attention_stands_above_spend_and_is_read_with_it():
    table = shares((NAME, 9, 0.6, 0.25), ("Bread", 4, 0.4, 0.75))
    figure = charts.attention(table)
    spend, attention = figure.data
    assert list(attention.x) == [0.4, 0.6]
    assert list(spend.x) == [0.75, 0.25]
    assert "<b>" not in "".join(attention.y)
    assert str(charts.read_attention(table)).startswith(f"Most attention goes to {NAME}: 60.0% of it")
    assert str(charts.read_attention(table)).endswith("It has 25.0% of the money.")


def test_many_small_shares_are_told_apart_by_tenths():
    large = charts.attention(shares(("Milk", 9, 0.6, 0.004), ("Bread", 4, 0.4, 0.0)))
    assert [list(bars.text) for bars in large.data] == [["0%", "<1%"], ["40%", "60%"]]
    small = charts.attention(shares(("Milk", 9, 0.049, 0.021), ("Bread", 4, 0.032, 0.019)))
    assert [list(bars.text) for bars in small.data] == [["1.9%", "2.1%"], ["3.2%", "4.9%"]]


def test_attention_without_any_spend_has_one_bar_each():
    table = shares(("Bread", 4, 1.0, np.nan))
    assert len(charts.attention(table).data) == 1
    assert (
        str(charts.read_attention(table)) == "Most attention goes to Bread: 100.0% of it, of 1 names in all."
    )


def ranks(*rows):
    names = ["title", "value", "median", "unit", "percentile", "n_users", "n_less", "n_equal"]
    return pd.DataFrame(rows, columns=names)


def test_standing_leaves_out_what_cannot_be_placed():
    table = ranks(
        (NAME, 5.0, 2.0, "orders", 0.9, 10, 9, 0),
        ("Discount share", 0.1, 0.25, "share", 0.15, 10, 1, 1),
        ("Mean gap", np.nan, 3.0, "days", np.nan, 10, 0, 0),
    )
    figure = charts.standing(table)
    dots = figure.data[2]
    assert list(dots.x) == [15.0, 90.0]
    assert list(figure.layout.yaxis2.ticktext) == ["10.0% (25.0%)", "5 (2)"]
    assert str(charts.read_standing(table, "everyone")) == (
        f"2 of 2 figures lie outside the middle half of everyone; furthest out: {NAME}, "
        "more than 9 of 10 users (90.0%)."
    )
    assert str(charts.read_standing(table.iloc[[1]], "everyone")).endswith(
        "furthest out: Discount share, less than 8 of 10 users (80.0%)."
    )
    assert str(charts.read_standing(table.iloc[[2]], "everyone")) == "There is no figure to compare."


def test_chances_carry_their_intervals():
    table = pd.DataFrame({
        "title": [f"Buys {NAME}", "Reached by mail"], "score": [0.6, 0.2],
        "low": [0.5, np.nan], "high": [0.65, np.nan],
    })  # fmt: skip
    lines, dots = charts.chances(table).data
    assert list(dots.x) == [0.2, 0.6]
    assert list(dots.text) == ["no interval", "50% to 65%"]
    assert np.array_equal(lines.x, [np.nan, np.nan, np.nan, 0.5, 0.65, np.nan], equal_nan=True)
    assert "<b>" not in "".join(lines.y)
    assert str(charts.read_chances(table)) == (
        f"The likeliest of 2: Buys {NAME}, 60.0%; of users with such a chance, 50.0% to 65.0% did it in the "
        "test weeks."
    )
    assert str(charts.read_chances(table.iloc[[1]])) == "The likeliest of 1: Reached by mail, 20.0%."


def test_each_reason_says_what_would_be_if_it_were_typical():
    table = pd.DataFrame({
        "title": ["Recency", NAME], "value": ["2", "none"], "typical": ["21", "<b>"],
        "change": [0.12, -0.031], "unit": ["chance"] * 2,
    })  # fmt: skip
    assert [str(one) for one in charts.if_typical(table)] == [
        "It would be 12.0 points lower if 'Recency' were typical (21); theirs is 2.",
        f"It would be 3.1 points higher if '{NAME}' were typical (<b>); theirs is none.",
    ]


@pytest.mark.parametrize(
    ("unit", "raised", "lowered"),
    [("chance", "+12.0 points", "−3.1 points"), ("money", "+0.120", "−0.0310"),
     ("days", "+0.120 days", "−0.0310 days")],
)  # fmt: skip
def test_occlusions_say_what_raises_and_what_lowers(unit, raised, lowered):
    table = pd.DataFrame({
        "title": ["Recency", NAME], "value": ["2", None], "typical": ["21", "<b>"], "change": [0.12, -0.031],
        "unit": [unit] * 2,
    })  # fmt: skip
    (bars,) = charts.occlusions(table).data
    assert list(bars.text) == [lowered, raised]
    assert "<b>" not in "".join(bars.customdata)
    assert str(charts.read_occlusions(table, "Buys anything")) == (
        f"Buys anything, against a typical user: Recency raises it most ({raised}), "
        f"{NAME} lowers it most ({lowered})."
    )
