import re
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from persmark.columns import TABLES
from persmark.errors import InputError
from persmark.simulate import Simulation, events_csv, simulate, write_events_csv
from persmark.simulate.arrow import ARROW_TYPES, money
from persmark.simulate.draws import Draws

LOADER_COLUMNS = {"local_date", "local_hour", "source_id", "repeat_no", "by_rule"}
SHARED = ("events", "items", "item_offers", "users", "exposures", "outcomes")
PARTS = (*SHARED, "contacts", "consents", "truth", "item_truth")


@pytest.fixture(scope="module")
def demo() -> Simulation:
    return simulate()


@pytest.fixture(scope="module")
def events(demo: Simulation) -> pd.DataFrame:
    frame: pd.DataFrame = demo.events.to_pandas()
    frame["local"] = frame["event_time"].dt.tz_localize("UTC").dt.tz_convert(demo.time_zone)
    return frame


@pytest.fixture(scope="module")
def truth(demo: Simulation) -> pd.DataFrame:
    frame: pd.DataFrame = demo.truth.to_pandas()
    return frame.set_index("user_id")


@pytest.fixture(scope="module")
def small() -> Simulation:
    return simulate(n_users=200, seed=1, days=60)


def test_money_is_exact_and_signed() -> None:
    column = money(np.array([350, -5, 0]), np.array([True, True, False]))
    assert [str(value) for value in column.to_pylist()] == ["3.5000", "-0.0500", "None"]


def test_draws_depend_on_seed_purpose_and_id_only() -> None:
    ids = np.arange(100_000)
    drawn = Draws(7).grid("x", ids, 2)
    assert np.array_equal(Draws(7).grid("x", ids[40:50], 2), drawn[40:50])
    assert not np.array_equal(Draws(8).grid("x", ids, 2), drawn)
    # Means of 100,000 uniforms lie within 5 standard errors (0.0009) of one half; columns are unrelated.
    assert np.abs(drawn.mean(axis=0) - 0.5).max() < 0.0046
    assert abs(np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1]) < 0.016
    assert abs(np.corrcoef(drawn[1:, 0], drawn[:-1, 0])[0, 1]) < 0.016


@pytest.mark.parametrize("table", SHARED)
def test_tables_have_the_declared_columns(table: str, small: Simulation) -> None:
    declared = {name: ARROW_TYPES[kind] for name, kind in TABLES[table].items() if name not in LOADER_COLUMNS}
    schema = getattr(small, table).schema
    assert dict(zip(schema.names, schema.types, strict=True)) == declared


def test_same_seed_same_tables_in_chunks_of_any_size(small: Simulation) -> None:
    again = simulate(n_users=200, seed=1, days=60, chunk_users=37)
    for name in PARTS:
        assert getattr(again, name).equals(getattr(small, name)), name
    assert (again.campaign, again.ads) == (small.campaign, small.ads)
    assert not simulate(n_users=200, seed=2, days=60).events.equals(small.events)


def test_a_user_lives_the_same_life_in_a_smaller_shop(small: Simulation) -> None:
    few = simulate(n_users=20, seed=1, days=60)
    ids = few.users["user_id"]
    for name in ("events", "users", "exposures", "truth"):
        whole = getattr(small, name)
        assert whole.filter(pc.is_in(whole["user_id"], ids)).equals(getattr(few, name)), name


def test_one_user_is_enough() -> None:
    assert simulate(n_users=1, days=60).users.num_rows == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"n_users": 0}, r"n_users must be at least 1. Received: 0."),
        ({"days": 30}, r"days must be from 60 to 32,000. Received: 30."),
        ({"campaign_effect": 0.9}, r"campaign_effect must be from 0 to 0.5. Received: 0.9."),
    ],
)
def test_numbers_out_of_range_are_refused(wrong: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        simulate(**wrong)  # type: ignore[arg-type]


def test_events_refer_to_users_and_items_in_order_and_once(demo: Simulation, events: pd.DataFrame) -> None:
    assert 150_000 <= len(events) <= 300_000
    assert set(events["user_id"]) <= set(demo.users["user_id"].to_pylist())
    assert set(events["item_id"].dropna()) <= set(demo.items["item_id"].to_pylist())
    key = events["user_id"] + events["event_time"].dt.strftime("%Y%m%d%H%M%S")
    assert key.is_monotonic_increasing
    assert not events.duplicated(["user_id", "event_time", "event_type", "item_id", "properties"]).any()
    assert (events["local"].dt.date.min(), events["local"].dt.date.max()) == (
        date(2026, 1, 2),
        date(2026, 6, 30),
    )


def test_catalogue_reads_as_a_shop_and_a_magazine(demo: Simulation) -> None:
    items = demo.items.to_pandas()
    assert items["kind"].value_counts().to_dict() == {"product": 600, "content": 204, "ad": 40}
    assert items.loc[items["kind"] != "ad", "title"].is_unique
    assert set(items["category"]) == set(demo.categories)
    assert (items.loc[items["kind"] == "product", "price"] > 0).all()
    assert items.loc[items["kind"] == "content", "text"].str.len().min() > 20
    offers = demo.item_offers.to_pandas()
    kinds = items.set_index("item_id")["kind"]
    assert set(kinds[offers["offer_id"]]) == {"ad"}
    assert set(kinds[offers["item_id"]]) == {"product"}
    assert (offers["starts_on"] <= offers["ends_on"]).all()
    assert (offers["ends_on"] == date(2026, 6, 30)).sum() >= 12, "ads for today's slates"


def test_most_carts_without_a_due_staple_are_left_behind(events: pd.DataFrame) -> None:
    lines = events["event_type"].value_counts()
    assert 0.4 < 1 - lines["purchase"] / lines["cart"] < 0.8
    bought = events[events["event_type"] == "purchase"]
    carts = events[events["event_type"] == "cart"]
    # Every purchase was put in the cart by the same person within the hour before.
    pairs = bought.merge(carts, on=["user_id", "item_id"], suffixes=("", "_cart"))
    age = (pairs["event_time"] - pairs["event_time_cart"]).dt.total_seconds()
    has_cart = pairs[(age > 0) & (age < 3600)][["user_id", "item_id", "event_time"]].drop_duplicates()
    assert len(has_cart) == len(bought)
    assert bought["order_id"].notna().all()
    assert (bought.groupby("order_id")["user_id"].nunique() == 1).all()


def test_refunds_undo_a_purchase_line_later(events: pd.DataFrame) -> None:
    refunds = events[events["event_type"] == "refund"]
    lines = refunds.merge(
        events[events["event_type"] == "purchase"],
        on=["order_id", "item_id", "user_id"],
        suffixes=("", "_bought"),
    )
    days = (lines["event_time"] - lines["event_time_bought"]).dt.days
    in_time = lines[days.between(2, 14)]
    assert len(refunds) > 0
    assert len(in_time.drop_duplicates(["order_id", "item_id", "event_time"])) == len(refunds)
    assert (refunds["value"] < 0).all()


def test_tastes_and_favourites_show_in_what_people_do(
    demo: Simulation, events: pd.DataFrame, truth: pd.DataFrame
) -> None:
    items = demo.items.to_pandas().set_index("item_id")
    views = events[(events["event_type"] == "view") & events["campaign_id"].isna()]
    category = views["item_id"].map(items["category"])
    favourite = views["user_id"].map(truth["favourite_category"])
    strength = truth["taste"].map(max).mean()
    assert 0.6 * strength < (category == favourite).mean() < 1.2 * strength
    organic = views.assign(hour=views["local"].dt.hour)
    parts = pd.cut(organic["hour"], [-1, 5, 11, 17, 23], labels=["night", "morning", "afternoon", "evening"])
    in_habit = (parts.astype(str) == organic["user_id"].map(truth["favourite_daypart"])).mean()
    # 0.65 by habit and the rest by everyone's hours, of which the favourite takes its part.
    assert 0.7 < in_habit < 0.85
    in_channel = (organic["channel"] == organic["user_id"].map(truth["favourite_channel"])).mean()
    assert 0.72 < in_channel < 0.88


def test_attention_spans_show_in_views_per_visit(events: pd.DataFrame, truth: pd.DataFrame) -> None:
    views = events[(events["event_type"] == "view") & events["campaign_id"].isna()].copy()
    gap = views.groupby("user_id")["event_time"].diff().dt.total_seconds()
    views["visit"] = (gap.isna() | (gap > 1800)).astype(int)
    by_user = views.groupby("user_id").agg(n=("visit", "size"), visits=("visit", "sum"))
    by_user = by_user[by_user["visits"] >= 10]
    per_visit = by_user["n"] / by_user["visits"]
    assert per_visit.corr(truth["attention_span"].reindex(by_user.index), method="spearman") > 0.7


def test_staples_are_bought_again_about_when_they_are_used_up(
    demo: Simulation, events: pd.DataFrame, truth: pd.DataFrame
) -> None:
    bought = events[(events["event_type"] == "purchase") & events["campaign_id"].isna()]
    ratios = []
    for user, row in truth.head(400).iterrows():
        own = bought[bought["user_id"] == user]
        for item, cycle in zip(row["staple_items"], row["reorder_days"], strict=True):
            if item is not None:
                days = own.loc[own["item_id"] == item, "event_time"].drop_duplicates()
                ratios += [gap / 86400 / cycle for gap in days.diff().dt.total_seconds().dropna()]
    assert len(ratios) > 100
    # A cycle, and a few days until the next visit brings it about.
    assert 1.0 < np.median(ratios) < 1.25


def test_articles_raise_later_interest(demo: Simulation, events: pd.DataFrame, truth: pd.DataFrame) -> None:
    items = demo.items.to_pandas().set_index("item_id")
    views = events[(events["event_type"] == "view") & events["campaign_id"].isna()].copy()
    views["category"] = views["item_id"].map(items["category"])
    views["kind"] = views["item_id"].map(items["kind"])
    views["day"] = views["local"].dt.date
    daily = views.groupby(["user_id", "day"]).agg(
        category=("category", "first"), kind=("kind", "first"), n=("item_id", "size")
    ).reset_index()  # fmt: skip
    following = daily.groupby("user_id").shift(-1)
    soon = (pd.to_datetime(following["day"]) - pd.to_datetime(daily["day"])).dt.days <= 5
    place = {name: number for number, name in enumerate(demo.categories)}
    taste = np.array(
        [truth["taste"][u][place[c]] for u, c in zip(daily["user_id"], daily["category"], strict=True)]
    )
    same = (following["category"] == daily["category"]) & soon
    weak = (taste < 0.2) & soon & (daily["n"] >= 3)
    read, shopped = weak & (daily["kind"] == "content"), weak & (daily["kind"] == "product")
    # People come back to what they read about more than their taste says; shopping has no such pull.
    assert same[read].mean() - taste[read].mean() > 0.08
    assert same[read].mean() > same[shopped].mean()


def test_more_contacts_bring_fewer_responses(events: pd.DataFrame) -> None:
    news = events[events["campaign_id"].str.startswith("news", na=False)].copy()
    news["day"] = news["local"].dt.tz_localize(None).dt.normalize()
    sent = news[news["event_type"] == "campaign_received"][["user_id", "day", "campaign_id"]]
    came = news[news["event_type"] != "campaign_received"][
        ["user_id", "day", "campaign_id"]
    ].drop_duplicates()
    sent = sent.merge(came.assign(responded=True), on=["user_id", "day", "campaign_id"], how="left")
    sent["responded"] = sent["responded"].notna()
    pairs = sent.merge(sent[["user_id", "day"]], on="user_id", suffixes=("", "_before"))
    age = (pairs["day"] - pairs["day_before"]).dt.days
    pressure = pairs[age.between(1, 7)].groupby(["user_id", "day"]).size().rename("pressure")
    sent = sent.join(pressure, on=["user_id", "day"]).fillna({"pressure": 0})
    rate = sent.groupby(sent["pressure"].clip(upper=3))["responded"].mean()
    assert rate.is_monotonic_decreasing
    # Fatigue is 0.35 on average: three contacts leave roughly exp(-1.05) of the response, or less.
    assert rate[3] < 0.6 * rate[0]


def test_consent_is_kept_when_contacting(demo: Simulation, events: pd.DataFrame) -> None:
    consents = demo.consents.to_pandas()
    assert len(consents) == 4 * demo.users.num_rows
    assert consents.groupby("purpose")["state"].nunique().to_dict() == dict.fromkeys(
        ["ad_personalization", "ad_user_data", "email", "sms"], 3
    )
    state = consents.pivot(index="user_id", columns="purpose", values="state")
    news = events[events["event_type"] == "campaign_received"]
    by = {channel: set(state.loc[part["user_id"]].get(channel, pd.Series(dtype=str)))
          for channel, part in news.groupby("channel")}  # fmt: skip
    assert by["email"] == {"granted", "unknown"}
    assert by["sms"] == {"granted"}
    assert by["push"] == set(), "push asks for no consent of its own"


def test_the_campaigns_lift_is_recovered_within_its_interval(demo: Simulation, truth: pd.DataFrame) -> None:
    outcomes = demo.outcomes.to_pandas()
    rates = outcomes.groupby("arm")["converted"].agg(["mean", "size"])
    difference = rates["mean"]["target"] - rates["mean"]["holdout"]
    error = np.sqrt((rates["mean"] * (1 - rates["mean"]) / rates["size"]).sum())
    assert abs(difference - demo.campaign["rate_difference"]) < 1.96 * error
    assert difference > 1.96 * error, "the demo's campaign can be seen to work"
    assert abs(rates["size"]["target"] / len(outcomes) - 0.5) < 3 * 0.5 / np.sqrt(len(outcomes))
    told = truth.loc[outcomes["user_id"]]
    expected = np.where(outcomes["arm"] == "target", told["buys_if_targeted"], told["buys_if_held_out"])
    assert (outcomes["converted"].to_numpy() == expected.astype(bool)).all()


def test_outcomes_are_what_the_events_say(demo: Simulation, events: pd.DataFrame) -> None:
    start = datetime(2026, 5, 26, 22)  # midnight of 27 May in Berlin; 35 days before the last one ends
    bought = events[
        (events["event_type"] == "purchase")
        & (events["event_time"] >= start)
        & (events["event_time"] < start + pd.Timedelta(days=28))
    ]
    spent = bought.groupby("user_id")["value"].sum()
    outcomes = demo.outcomes.to_pandas().set_index("user_id")
    assert (outcomes["converted"] == outcomes.index.isin(spent.index)).all()
    assert (outcomes["value"].astype(float) == spent.reindex(outcomes.index).fillna(0).astype(float)).all()
    received = events[
        (events["event_type"] == "campaign_received") & (events["campaign_id"] == "spring_lift")
    ]
    assert set(received["user_id"]) == set(outcomes.index[outcomes["arm"] == "target"])


def test_a_campaign_without_effect_has_none_and_shares_are_kept() -> None:
    flat = simulate(n_users=300, days=60, campaign_effect=0.0, target_share=0.8)
    assert flat.campaign["rate_difference"] == flat.campaign["lift"] == 0.0
    arms = flat.outcomes["arm"].to_pylist()
    assert abs(arms.count("target") / len(arms) - 0.8) < 0.08


def test_exposures_carry_the_probability_of_what_was_shown(demo: Simulation, events: pd.DataFrame) -> None:
    shown = demo.exposures.to_pandas()
    assert len(shown) == (events["event_type"] == "impression").sum()
    assert shown["clicked"].sum() == (events["event_type"] == "click").sum()
    assert shown["probability"].between(0, 1, inclusive="right").all()
    assert set(shown.groupby(["user_id", "exposure_time"])["slot"].nunique()) == {3}
    assert (shown["position"] == shown["slot"].map({"home_top": 1, "home_side": 2, "article_foot": 3})).all()
    # Where probabilities sum to 1 over the ads that ran, 1/p is on average their number.
    offers = demo.item_offers.to_pandas()
    day = shown["exposure_time"].dt.tz_localize("UTC").dt.tz_convert(demo.time_zone).dt.date
    running = day.map({d: ((offers["starts_on"] <= d) & (d <= offers["ends_on"])).sum() for d in set(day)})
    surplus = 1 / shown["probability"] - running
    assert abs(surplus.mean()) < 4 * surplus.std() / np.sqrt(len(shown))
    # Importance weighting finds the click rate that uniform choice would have had.
    weighted = shown["clicked"] / (running * shown["probability"])
    assert abs(weighted.mean() - demo.ads["uniform"]) < 4 * weighted.std() / np.sqrt(len(shown))
    assert abs(shown["clicked"].mean() - demo.ads["logged"]) < 4 * 0.17 / np.sqrt(len(shown))
    assert demo.ads["best"] > demo.ads["logged"] > demo.ads["uniform"]


def test_contacts_are_invented_and_unreachable(demo: Simulation) -> None:
    contacts = demo.contacts.to_pandas()
    assert contacts["email"].is_unique
    assert contacts["email"].str.fullmatch(r"[a-z]+\.[a-z]+\.\d+@example\.(com|org|net)").all()
    fiction = {
        "US": r"\+1\d{3}55501\d\d",
        "GB": r"\+44(7700900|2079460|1632960|3069990)\d{3}",
        "DE": r"\+49(3023125|6990009|4066969|2214710|8999998)\d{3}",
        "FR": r"\+33(19900|26191|35301|46571|53649|63998)\d{4}",
    }
    assert contacts["phone"].dropna().is_unique
    for country, part in contacts.groupby("country"):
        phones = part["phone"].dropna()
        assert phones.str.fullmatch(fiction[country]).all() if country in fiction else phones.empty
    assert set(contacts["country"]) == {"US", "GB", "DE", "FR", "CN"}
    names = set(contacts["first_name"]) | set(contacts["last_name"])
    assert {"O'Connor", "Müller", "Käthe", "Lefèvre", "欧阳"} <= names


def test_phones_run_out_rather_than_repeat() -> None:
    from persmark.simulate.people import contacts_table

    phones = contacts_table(Draws(3), 20_000)["phone"].drop_null().to_pylist()
    assert len(set(phones)) == len(phones) > 4_200


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, parse_dates=["event_time"], dtype={"order_id": str})


def test_events_csv_is_an_export_in_time_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_csv, "_SLICE_ROWS", 1_500)  # several slices, so that sessions cross them
    path, again = tmp_path / "ev'ents 事件.csv", tmp_path / "again.csv"
    for target in (path, again):
        write_events_csv(target, n_events=5_000, n_users=300, seed=5, n_items=500)
    assert path.read_bytes() == again.read_bytes()
    header, first, *_ = path.read_text().splitlines()
    assert header == "user_id,item_id,event_type,event_time,value,quantity,order_id,channel"
    assert re.fullmatch(r"u\d+,i\d+,view,\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,,,,[a-z]+", first)
    rows = read(path)
    assert len(rows) == 5_000
    assert rows["event_time"].is_monotonic_increasing
    assert not rows.duplicated().any()
    assert rows["user_id"].nunique() == 300
    assert set(rows["event_type"]) == {"view", "click", "cart", "purchase"}
    paid = rows["event_type"] == "purchase"
    assert (rows["order_id"].notna() == paid).all()
    assert (rows["value"].notna() == rows["event_type"].isin(["cart", "purchase"])).all()
    assert rows["event_time"].dt.date.max() <= date(2026, 6, 30)


def test_make_events_command_writes_a_file_and_the_next_days(tmp_path: Path) -> None:
    command = Path(__file__).parent / "benchmarks" / "make_events.py"
    base, more = tmp_path / "base.csv", tmp_path / "more.csv"
    common = ["--rows", "4000", "--users", "400", "--seed", "3"]
    for extra in (["--out", base], ["--append-of", "1200", "--out", more]):
        subprocess.run(
            [sys.executable, str(command), *common, *map(str, extra)], check=True, cwd=command.parents[2],
            env={"PYTHONPATH": str(command.parents[2])},
        )  # fmt: skip
    old, new = read(base), read(more)
    assert (len(old), len(new)) == (4_000, 1_200)
    assert new["event_time"].min() >= datetime(2026, 7, 1) > old["event_time"].max()
    known = new["user_id"].isin(old["user_id"]).mean()
    assert 0.85 < known < 1.0
    assert not set(new["order_id"].dropna()) & set(old["order_id"].dropna())


def test_events_csv_refuses_nothing_to_write(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"n_users must be at least 1. Received: 0."):
        write_events_csv(tmp_path / "x.csv", n_events=1, n_users=0, seed=1)
    assert not (tmp_path / "x.csv").exists()


def test_tables_are_arrow(small: Simulation) -> None:
    assert all(isinstance(getattr(small, name), pa.Table) for name in PARTS)
