"""Charts are pure: a table in, a figure out, within the cap on points, in the palette's colours."""

from datetime import date, timedelta

import pandas as pd
import plotly.graph_objects as go
import pytest

from persmark.ui import charts

NAME = 'Zoë\'s <b>"x"</b> 乳品 🧀'


def by_day(n_days, types):
    days = [date(2020, 1, 1) + timedelta(days=place) for place in range(n_days)]
    return pd.DataFrame(
        [{"local_date": day, "event_type": name, "n_events": 10} for day in days for name in types]
    )


def n_points(figure):
    return sum(len(trace.x) for trace in figure.data)


def test_events_per_day_stacks_types():
    figure = charts.events_per_day(by_day(3, ["view", "purchase"]))
    assert n_points(figure) == 6
    assert figure.layout.barmode == "stack"


def test_events_per_day_falls_back_to_weeks_and_stays_below_the_cap():
    table = by_day(4000, ["view", "purchase", "cart"])
    assert n_points(charts.events_per_day(table)) <= charts.MAX_POINTS
    assert "usual month" in str(charts.read_events_per_day(table))
    assert "usual week" in str(charts.read_events_per_day(by_day(800, ["view"])))


def test_events_per_day_reads_the_busiest_day():
    table = by_day(3, ["view"])
    table.loc[1, "n_events"] = 50
    assert str(charts.read_events_per_day(table)) == (
        "A usual day holds 10 events (median of 3); the busiest, 2020-01-02, holds 50."
    )


def test_many_types_are_gathered():
    figure = charts.events_per_day(by_day(2, [f"t{place}" for place in range(12)]))
    assert len(figure.data) == 7
    assert figure.data[0].name == "other types" or "other types" in {trace.name for trace in figure.data}


def test_event_types_are_read_with_their_share():
    table = pd.DataFrame({"event_type": ["view", "purchase"], "n_events": [75, 25]})
    assert str(charts.read_event_types(table)) == "75.0% of the 100 events are 'view'; there are 2 types."


def test_colours_are_the_same_everywhere_and_differ():
    found = charts.colours(["cart", "purchase", "view"])
    assert found["purchase"] == charts.colours(["purchase"])["purchase"] == charts.SERIES[0]
    assert len(set(found.values())) == 3


def test_more_types_than_colours_share_the_last():
    found = charts.colours([f"t{place}" for place in range(20)])
    assert set(found.values()) <= set(charts.SERIES)


def test_hours_fill_silent_ones():
    figure = charts.hours(pd.DataFrame({"local_hour": [9], "event_type": ["view"], "n_events": [4]}))
    assert len(figure.data[0].x) == 24
    assert sum(figure.data[0].y) == 4


def test_rfm_grid_is_always_five_by_five():
    cells = pd.DataFrame({"recency_score": [5, 1], "frequency_score": [5, 1], "n_users": [30, 10]})
    figure = charts.rfm_grid(cells)
    assert figure.data[0].z.shape == (5, 5)
    assert str(charts.read_rfm_grid(cells)).startswith("75.0% of 40 users are recent and frequent")


def test_funnel_names_the_clause_that_takes_most():
    clauses = pd.DataFrame({"clause": ["everyone", "a", "b"], "n_users": [100, 90, 30]})
    assert str(charts.read_funnel(clauses)) == "30 of 100 users match (30.0%); 'b' takes away most (60)."


@pytest.mark.parametrize(("low", "said"), [(0.30, "lies above"), (0.15, "overlaps")])
def test_leaderboard_tells_whether_intervals_overlap(low, said):
    table = pd.DataFrame(
        {"recommender": ["repeat", "popular"], "ndcg": [0.4, 0.2], "low": [low, 0.1], "high": [0.5, 0.25]}
    )
    assert said in str(charts.read_leaderboard(table, 200, 10))
    assert charts.leaderboard(table, 10).data[0].error_x.symmetric is False


def test_slate_scores_put_rank_one_on_top():
    table = pd.DataFrame({"rank": [1, 2], "title": ["a", "b"], "score": [2.0, 1.0]})
    assert charts.slate_scores(table).data[0].y[-1] == "1. a"


def test_arms_count_both():
    one = pd.DataFrame({"audience": ["x"], "n_target": [90], "n_holdout": [10]})
    assert str(charts.read_arms(one)) == "'x' contacts 90 users and holds 10 out."
    said = str(charts.read_arms(pd.concat([one, one])))
    assert said == "2 audiences contact 180 users and hold 20 out; a user may be in several."


def empty(*names):
    return pd.DataFrame({name: [] for name in names})


EMPTY = {
    "bars": lambda: charts.bars(empty("label", "n_users"), "label", "n_users"),
    "distribution": lambda: charts.distribution(empty("label", "n_users")),
    "event_types": lambda: charts.event_types(empty("event_type", "n_events")),
    "events_per_day": lambda: charts.events_per_day(empty("local_date", "event_type", "n_events")),
    "hours": lambda: charts.hours(empty("local_hour", "n_events")),
    "leaderboard": lambda: charts.leaderboard(empty("recommender", "ndcg", "low", "high"), 10),
    "rfm_grid": lambda: charts.rfm_grid(empty("recency_score", "frequency_score", "n_users")),
    "slate_scores": lambda: charts.slate_scores(empty("rank", "title", "score")),
    "source_hours": lambda: charts.source_hours(empty("source", "local_hour", "n_events", "share")),
    "volume": lambda: charts.volume(empty("local_date", "n_events")),
}


@pytest.mark.parametrize("name", EMPTY)
def test_empty_tables_make_empty_charts(name):
    assert isinstance(EMPTY[name](), go.Figure)


def test_data_in_labels_is_no_markup():
    table = pd.DataFrame({"label": [NAME], "n_users": [3]})
    assert "<b>" not in charts.bars(table, "label", "n_users").data[0].y[0]
    assert "<b>" not in charts.distribution(table).data[0].x[0]


def test_backgrounds_are_transparent():
    figure = charts.bars(pd.DataFrame({"label": ["a"], "n_users": [3]}), "label", "n_users")
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"


def days(counts):
    return pd.DataFrame(
        [{"local_date": date(2020, 1, 1) + timedelta(days=at), "n_events": n} for at, n in enumerate(counts)]
    )


def test_volume_marks_each_run_of_silent_days():
    table = days([5, 0, 7, 0, 0, 9])
    figure = charts.volume(table)
    assert [(str(one.x0)[:13], str(one.x1)[:13]) for one in figure.layout.shapes] == [
        ("2020-01-03 12", "2020-01-05 12"),
        ("2020-01-01 12", "2020-01-02 12"),
    ]
    assert str(charts.read_volume(table)) == (
        "3 of 6 days have no events; the longest gap is 2 days, from 2020-01-04 to 2020-01-05. "
        "A usual day holds 7 (median)."
    )


def test_volume_without_gaps_says_so():
    assert str(charts.read_volume(days([2, 4]))) == (
        "Every one of the 2 days from 2020-01-01 to 2020-01-02 has events; a usual day holds 3 (median)."
    )
    assert "never two in a row" in str(charts.read_volume(days([2, 0, 4])))


def test_volume_of_one_source_has_all_of_them_behind_it():
    figure = charts.volume(days([1, 1]), days([5, 5]))
    assert [list(one.y) for one in figure.data] == [[5, 5], [1, 1]]
    assert figure.data[0].marker.opacity < 1


def test_volume_of_many_years_goes_by_weeks():
    assert n_points(charts.volume(days([1] * 4000))) < 600


def by_source(**peaks):
    rows = [
        {"source": name, "local_hour": hour, "n_events": 76 if hour == peak else 1}
        for name, peak in peaks.items()
        for hour in range(24)
    ]
    return pd.DataFrame(rows).assign(share=lambda table: table["n_events"] / 99)


def test_hours_of_two_sources_say_how_far_they_lie_apart():
    said = str(charts.read_source_hours(by_source(web=23, shop=2)))
    assert said == (
        "'web' is busiest at 23:00, 'shop' at 2:00, 3 hours apart: "
        "curves of one form that lie apart tell of clocks in two time zones."
    )
    assert "the same hour" in str(charts.read_source_hours(by_source(web=9, shop=9)))
    assert "with 76.8% of 99 events" in str(charts.read_source_hours(by_source(web=9)))


def test_a_source_that_tells_only_days_is_left_out_of_the_hours():
    hours = [{"source": "mail", "local_hour": hour, "n_events": 0 if hour else 500} for hour in range(24)]
    daily = pd.DataFrame(hours).assign(share=lambda table: table["n_events"] / 500)
    both = pd.concat([by_source(web=9), daily])
    assert [one.name for one in charts.source_hours(both).data] == ["web"]
    assert str(charts.read_source_hours(both)).endswith(
        " 'mail' has nearly all its events in one hour of the day and is left out."
    )
    assert [one.name for one in charts.source_hours(daily).data] == ["mail"]


def test_hours_draw_a_line_a_source_and_no_more_than_can_be_told_apart():
    assert len(charts.source_hours(by_source(web=9, shop=9)).data) == 2
    assert len(charts.source_hours(by_source(**{f"f{at}": at for at in range(12)})).data) == 7
    assert "<b>" not in charts.source_hours(by_source(**{NAME: 3})).data[0].name
