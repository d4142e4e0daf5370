"""New items and new users, measured apart, against chance and against popularity.

    python -m tests.benchmarks.bench_cold_start --workspace sample [--windows-back 1] [--join repeat,markov]

Reads a workspace under `PERSMARK_DATA`; writes nothing. The window asked for is 28 local days, so many
windows before the last one; 0 is the final one, on which nothing may be chosen.

New items, ranked among themselves for every user who bought one in the window. "held out": a tenth of
the catalogue, all of whose events are taken out of training. "first sold": items without an event
before the window. `popular` is placed by what sells among the items described most alike.

New users: a fifth of the users of the window leave training whole and arrive with it. After their
first 0, 1 and 2 baskets of the window the rest of it is asked for, over the full catalogue.

Intervals are 95%, bootstrap over users; differences are paired.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from persmark import metrics
from persmark.columns import PURCHASE
from persmark.recommend import (
    RECOMMENDERS,
    Interactions,
    Recommender,
    last_second,
    load_interactions,
)
from persmark.recommend.content import Space, with_new_items
from persmark.recommend.contract import blocks
from persmark.recommend.facts import Named, UserFacts
from persmark.recommend.popular_by_group import part_of_day
from persmark.recommend.split import local_midnight
from persmark.store import open_workspace

K, DAYS, MIN_EVENTS, SEED = 10, 28, 5, 0
PLAIN = "popular"


@dataclass(frozen=True, eq=False)
class Question:
    """Histories, and (row, column of a recommender's catalogue) pairs that are asked for."""

    histories: Interactions
    row: np.ndarray
    item_ids: np.ndarray  # (n_pairs,)
    offered: np.ndarray  # ids that are ranked


def measured(made: Recommender | None, question: Question) -> metrics.Floats:
    """(n_users,) NDCG@10; None ranks by chance."""
    if made is None:
        columns = np.arange(len(question.offered))
        item = np.searchsorted(question.offered, question.item_ids)
    else:
        columns = made._columns_of(question.offered)
        place = np.full(len(made.item_ids), -1)
        place[columns] = np.arange(len(columns))
        item = place[made._columns_of(question.item_ids)]
    found = []
    for block in blocks(question.histories.n_users, max(len(columns), 1) * 4):
        n_users = block.stop - block.start
        scores = (
            np.zeros((n_users, len(columns)), np.float32)
            if made is None
            else np.ascontiguousarray(made.score_matrix(question.histories, block)[:, columns])
        )
        pairs = slice(*np.searchsorted(question.row, [block.start, block.stop]))
        found.append(metrics.tied_ranks(scores, question.row[pairs] - block.start, item[pairs]))
    return metrics.ndcg(metrics.combined(found), K)


def table(title: str, rows: Mapping[str, metrics.Floats], n_offered: int) -> None:
    """Print one."""
    n_users = len(rows[PLAIN])
    print(f"\n{title}: {n_users} users, {n_offered} items ranked")
    print(f"  {'':28} NDCG@10  95% interval      ahead of {PLAIN}          ahead of chance")
    for name, values in rows.items():
        own = metrics.bootstrap_interval(values, seed=SEED)
        line = f"  {name:28} {own.mean:.4f}   {own.low:.4f} to {own.high:.4f}"
        for other in (PLAIN, "chance"):
            gap = metrics.paired_difference(values, rows[other], seed=SEED)
            line += f"   {gap.mean:+.4f} ({gap.low:+.4f} to {gap.high:+.4f})"
        print(line, flush=True)


def asked(window: Interactions, keep: np.ndarray, offered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct (user id, item id) purchases of the window among some items."""
    found = window.rows(keep & window.typed(PURCHASE) & np.isin(window.item_ids, offered)[window.item])
    cells = np.unique(found.user.astype(np.int64) * window.n_items + found.item)
    return window.user_ids[cells // window.n_items], window.item_ids[cells % window.n_items]


def question_of(
    histories: Interactions, users: np.ndarray, items: np.ndarray, offered: np.ndarray
) -> Question:
    """The pairs of users who are in `histories`."""
    places = {one: place for place, one in enumerate(histories.user_ids)}
    row = np.array([places.get(user, -1) for user in users])
    rows = np.unique(row[row >= 0])
    order = np.argsort(row[row >= 0], kind="stable")
    return Question(histories.users(rows), np.searchsorted(rows, row[row >= 0][order]),
                    items[row >= 0][order], np.sort(offered))  # fmt: skip


def new_items(known: Interactions, cut: int, join: list[str], neighbours: list[int]) -> None:
    """Both kinds of new items."""
    past, window = known.rows(known.time < cut), known.rows(known.time >= cut)
    past = replace(past, as_of=cut)
    count = np.bincount(past.item[past.typed(PURCHASE)], minlength=past.n_items)
    catalogue = count >= MIN_EVENTS
    drawn = catalogue & (np.random.default_rng(SEED).random(past.n_items) < 0.1)
    unseen = (np.bincount(past.item, minlength=past.n_items) == 0) & (
        np.bincount(window.item, minlength=past.n_items) > 0
    )
    assert known.item_facts is not None
    for title, new in (("held out items", drawn), ("items first sold in the window", unseen)):
        train = past.items(catalogue & ~new)
        both = catalogue | new
        facts = known.item_facts.items(both)
        space = Space.of(facts, axes=64, seed=SEED)
        users, items = asked(window, np.ones(len(window), bool), known.item_ids[new])
        question = question_of(train, users, items, known.item_ids[new])
        rows = {"chance": measured(None, question)}
        for name in (PLAIN, *join):
            base = RECOMMENDERS[name].train(train)
            for n in neighbours:
                made = with_new_items(base, known.item_ids[both], facts=facts, space=space, neighbours=n)
                said = name if n == neighbours[0] else f"{name}, {n} neighbours"
                rows[said] = measured(made, question)
        # What nobody bought is in the vocabulary of `content` as long as the catalogue has it.
        rows["content"] = measured(
            RECOMMENDERS["content"].train(past.rows(~new[past.item]).items(both)), question
        )
        table(title, rows, int(new.sum()))


def first_baskets(window: Interactions, n: int) -> np.ndarray:
    """(n_events,) whether an event is of one of its user's first n moments."""
    fresh = np.ones(len(window), bool)
    fresh[1:] = (window.user[1:] != window.user[:-1]) | (window.time[1:] != window.time[:-1])
    step = np.cumsum(fresh)
    first = np.zeros(window.n_users, np.int64)
    some = np.diff(window.starts) > 0
    first[some] = step[window.starts[:-1][some]]
    return step - first[window.user] < n


def new_users(known: Interactions, cut: int, time_zone: str, names: list[str]) -> None:
    """After 0, 1 and 2 baskets."""
    past, window = known.rows(known.time < cut), known.rows(known.time >= cut)
    past = replace(past, as_of=cut)
    count = np.bincount(past.item[past.typed(PURCHASE)], minlength=past.n_items)
    catalogue = count >= MIN_EVENTS
    came = np.unique(window.user)
    rng = np.random.default_rng(SEED)
    new = np.sort(rng.choice(came, len(came) // 5, replace=False))
    is_new = np.zeros(known.n_users, bool)
    is_new[new] = True
    train = past.users(np.flatnonzero(~is_new)).items(catalogue)
    arriving = window.users(new).items(catalogue)
    known_of = RECOMMENDERS["popular_by_group"].train(train)
    made = {
        PLAIN: RECOMMENDERS[PLAIN].train(train),
        f"by {known_of.attribute or 'no attribute'} (chosen)": known_of,
        **{f"by {name}": one for name, one in by_each(train, arriving, time_zone)},
        **{name: RECOMMENDERS[name].train(train) for name in names},
    }
    with_part = with_daypart(arriving, time_zone, first_only=True)
    for n in (0, 1, 2):
        early = first_baskets(arriving, n)
        users, items = asked(arriving, ~early, arriving.item_ids)
        history = replace(with_part.rows(early), as_of=int(arriving.time.max()))
        question = question_of(history, users, items, arriving.item_ids)
        rows = {"chance": measured(None, question)}
        # The attributes one by one are told once: more baskets change nothing for them.
        told = {name: one for name, one in made.items() if not n or not name.startswith("by ")}
        rows |= {name: measured(one, question) for name, one in told.items()}
        table(f"new users after {n} baskets", rows, arriving.n_items)


def with_daypart(interactions: Interactions, time_zone: str, *, first_only: bool) -> Interactions:
    """Users with the part of the day that they came in first, or mostly."""
    part = part_of_day(interactions.time, time_zone)
    n = max(len(part.names), 1)
    if first_only:
        has = np.diff(interactions.starts) > 0
        code = np.where(has, part.code[np.minimum(interactions.starts[:-1], len(interactions) - 1)], -1)
    else:
        cells = np.bincount(interactions.user * n + part.code, minlength=interactions.n_users * n)
        code = cells.reshape(-1, n).argmax(axis=1)
    held = dict(interactions.user_facts.fields) if interactions.user_facts else {}
    fields = UserFacts({**held, "part_of_day": Named(code.astype(np.int32), part.names)})
    return replace(interactions, user_facts=fields)


def by_each(train: Interactions, arriving: Interactions, time_zone: str) -> Iterator[tuple[str, Recommender]]:
    """Every attribute on its own, with the shrinkage that validation chooses."""
    told = with_daypart(train, time_zone, first_only=False)
    assert told.user_facts is not None
    for name in sorted(told.user_facts.fields):
        yield name, RECOMMENDERS["popular_by_group"].train(told, {"attribute": name})


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspace", default="sample")
    parser.add_argument("--windows-back", type=int, default=1)
    parser.add_argument("--join", default="repeat,markov", help="recommenders that new items join")
    parser.add_argument("--neighbours", default="10,30,100", help="known items that place a new one")
    parser.add_argument("--serve", default="markov,content", help="what new users are served by, beside")
    parser.add_argument("--only", choices=["items", "users"])
    chosen = parser.parse_args()
    workspace = open_workspace(chosen.workspace)
    with workspace.reader() as reader:
        end = last_second(reader) + 1
        for _ in range(chosen.windows_back):
            end = local_midnight(end - 1, days=DAYS, time_zone=workspace.time_zone)
        cut = local_midnight(end - 1, days=DAYS, time_zone=workspace.time_zone)
        known = load_interactions(reader, before=end, with_facts=True)
    print(f"window of {DAYS} days, {chosen.windows_back} before the last one; seed {SEED}")
    if chosen.only != "users":
        new_items(known, cut, [name for name in chosen.join.split(",") if name],
                  [int(n) for n in chosen.neighbours.split(",")])  # fmt: skip
    if chosen.only != "items":
        serve = [name for name in chosen.serve.split(",") if name]
        new_users(known, cut, workspace.time_zone, serve)


if __name__ == "__main__":
    main()
