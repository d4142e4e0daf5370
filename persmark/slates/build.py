"""Candidates -> scores -> rules -> slate."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from persmark.columns import CONTENT, ITEM_ID
from persmark.errors import EmptyError, NotFoundError
from persmark.recommend import FILLED, Interactions, Recommender, history_weights, load_histories
from persmark.slates.candidates import PACKAGE, Moment, find_candidates, tastes
from persmark.slates.fill import Candidates, Vector, fill
from persmark.slates.scoring import ItemScores, score_items
from persmark.slates.shown import Scored, Shown
from persmark.slates.slate import Slate, SlateRequest
from persmark.store import Reader, read_sql
from persmark.text import Text, text


def build_slate(
    reader: Reader,
    recommender: Recommender,
    request: SlateRequest,
    *,
    as_of: datetime,
    time_zone: str,
    products: Candidates | None = None,
) -> Slate:
    """The slate that a user, or a segment, would be shown.

    - *Products*: by the recommender's score.
    - *Ads* that run on the local date of `as_of`: an ad scores as the best item that it covers, and
      each covered item is spoken for by one ad only.
    - *Content*: what the user's own events speak for, by the recommender; then, for the rest, the
      share of its category in what the user did lately.

    Args:
        reader: The workspace.
        recommender: Trained on it.
        request: For whom, what and under which rules.
        as_of: UTC; later events are not looked at.
        time_zone: IANA name; decides which day `as_of` is.
        products: `product_candidates` of this recommender and catalogue, where they are held already.

    Raises:
        EmptyError: There are no events, or the segment has no users.
        NotFoundError: The user, or a pinned item, is unknown.
        InputError: A pinned item is of another kind.
    """
    moment = Moment.of(as_of, time_zone)
    chosen, notes = _chosen_users(reader, request)
    users = pa.table({"user_id": pa.array(chosen, pa.string())})
    weights = history_weights(reader, recommender, request.weights)
    histories = load_histories(reader, recommender, users=chosen, as_of=moment.second, weights=weights)
    candidates, found = find_candidates(reader, recommender, request, users, moment, products=products)
    notes += found
    notes += _history_notes(request, histories)
    pooled = request.user_id is None
    scores = score_items(
        recommender, histories, columns=candidates.eligible, rules=request.rules, k=request.k, pooled=pooled
    )
    if request.kind == CONTENT:
        taste = tastes(reader, users, weights, moment)
        scored = _content(recommender, histories, candidates, scores, taste, pooled=pooled)
    else:
        stages = [(stage.rule, stage.n_removed, stage.score[candidates.code]) for stage in scores.stages]
        fits = scores.fits[candidates.code] if scores.fits is not None else None
        scored = Scored(stages, fits, None, {})
    filled = fill(candidates, scored.stages, request.rules, k=request.k)
    shown = Shown(reader, recommender, request, histories, candidates, scored, time_zone)
    items = shown.items(filled.rows, moment.day)
    if candidates.table.num_rows and len(items) < request.k:
        notes.append(text("Only {n} of {k} places could be filled.", n=len(items), k=request.k))
    return Slate(
        request=request,
        items=items,
        rules=filled.costs,
        notes=tuple(notes),
        recommender=recommender.name,
        data_version=reader.manifest.version,
        as_of=moment.as_of,
        n_candidates=filled.n_candidates,
        n_users=histories.n_users,
    )


def _refuse_empty(reader: Reader) -> None:
    if not reader.rows("SELECT 1 FROM events LIMIT 1"):
        raise EmptyError(
            text("A slate needs events. Received: a workspace without any."),
            title="No events",
            hint="Load events first.",
        )


def _chosen_users(reader: Reader, request: SlateRequest) -> tuple[list[str], list[Text]]:
    """The users to be scored, ascending."""
    if request.user_id is not None:
        if not reader.rows(read_sql(PACKAGE, "known_user"), {"user_id": request.user_id}):
            _refuse_empty(reader)
            raise NotFoundError(
                text("User '{user}' must have events or attributes. Received: an unknown id.",
                     user=request.user_id),
                title="No such user",
                hint="Ids are compared as text: upper and lower case, spaces and leading zeros count.",
            )  # fmt: skip
        return [request.user_id], []
    _refuse_empty(reader)
    users = list(request.users or ())
    if not users:
        raise EmptyError(
            text("A segment needs users for a slate. Received: '{segment}' with none.",
                 segment=request.segment or ""),
            title="Empty segment",
            hint="Choose another segment, or loosen its rule.",
        )  # fmt: skip
    if len(users) <= request.sample_users:
        return sorted(set(users)), [text("Made from all {n} users of the segment.", n=len(set(users)))]
    drawn = np.random.default_rng(request.seed).choice(len(users), request.sample_users, replace=False)
    sample = sorted({users[place] for place in drawn.tolist()})
    return sample, [
        text(
            "Made from {n} of {total} users of the segment, drawn at random.", n=len(sample), total=len(users)
        )
    ]


def _history_notes(request: SlateRequest, histories: Interactions) -> list[Text]:
    """Who has no history."""
    without = histories.n_users - len(np.unique(histories.user))
    if not without:
        return []
    if request.user_id is not None:
        return [text("This user has no history: popular items are shown.")]
    return [text("{n} of them have no history: popular items stand in for theirs.", n=without)]


def _content(
    recommender: Recommender,
    histories: Interactions,
    candidates: Candidates,
    scores: ItemScores,
    taste: dict[str, float],
    *,
    pooled: bool,
) -> Scored:
    """Scores of content: 1 to 2 where own events speak for it, else its category's share, 0 to 1."""
    code = candidates.code
    known = code >= 0
    shares = pd.Series(candidates.table["category"].to_pandas(), dtype=object).map(taste)
    base = shares.fillna(0.0).to_numpy(np.float64).copy()
    own = np.zeros(len(code), bool)
    raw = np.where(known, scores.stages[0].score[code], -np.inf) if len(code) else np.zeros(0)
    if known.any():
        if pooled:
            assert scores.fits is not None
            own = known & (scores.fits[code] > 0)
        else:
            ids = recommender.item_ids[code[known]]
            served = recommender.recommend(histories, k=len(ids), candidates=list(ids))
            spoken = set(served[ITEM_ID][~served[FILLED]])
            own[known] = [one in spoken for one in ids]
        order = np.empty(int(known.sum()))
        order[np.argsort(raw[known], kind="stable")] = np.arange(1, known.sum() + 1) / (known.sum() + 1)
        # Place among the known ones: within (0, 1), so that a taste is only a tie-break apart.
        place = np.zeros(len(code))
        place[known] = order
        base = np.where(own, 1 + place, base * 0.99 + 0.01 * place)
    stages: list[tuple[str, int, Vector]] = []
    for stage in scores.stages:
        gone = known & ~np.isfinite(np.where(known, stage.score[code], 0.0)) if len(code) else known
        stages.append((stage.rule, stage.n_removed, np.where(gone, -np.inf, base)))
    fits = np.where(known, scores.fits[code], 0.0) if scores.fits is not None and len(code) else None
    return Scored(stages, fits, own, taste)
