"""The scorer: one forward pass, written once for Keras' tensors and for NumPy's arrays.

A candidate asks two things of a user: which of the past events speak to it (target attention over the
history), and which fields of the profile (attention over fields). Both answers go beside the plain
numbers of the pair into a small network (the MLP branch), whose output is the score.

Sources: target attention as in Zhou et al., "Deep Interest Network for Click-Through Rate
Prediction", KDD 2018; attention over fields as in Song et al., "AutoInt", CIKM 2019.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Tensor = Any  # an array of NumPy or a tensor of Keras' backend

N_SAME = 3  # the event is on the same item, path, category as the candidate
N_EVENT = 3  # numbers of an event: log age, log steps since, log own count
MASKED = -1e9


@dataclass(frozen=True)
class Shape:
    """Sizes of the scorer.

    Args:
        pairs: Numbers of a (user, candidate) pair.
        users: Numbers of a profile.
        named: For each named field of a profile, how many names it has; one more stands for none.
        categories: Distinct categories, the one that stands for none included.
        paths: The same of category paths.
        width: Of embeddings and attention.
        hidden: Of the first layer of the network; the second has half.
        history_attention: Whether the history is attended to.
        field_attention: Whether the profile's fields are.
    """

    pairs: int
    users: int
    named: tuple[int, ...]
    categories: int
    paths: int
    width: int
    hidden: int
    history_attention: bool
    field_attention: bool

    @property
    def n_fields(self) -> int:
        """Fields of the profile."""
        return self.users + len(self.named)

    def weights(self) -> Mapping[str, tuple[int, ...]]:
        """Name -> shape of each weight."""
        d, h = self.width, self.hidden
        held: dict[str, tuple[int, ...]] = {
            "category": (self.categories, d),
            "path": (self.paths, d),
            "pair_wide": (self.pairs, 1),
            "pair_hidden": (self.pairs, h),
            "item_hidden": (d, h),
            "user_hidden": (self.users, h),
            "hidden_bias": (h,),
            "second": (h, h // 2),
            "second_bias": (h // 2,),
            "last": (h // 2, 1),
        }
        if self.history_attention or self.field_attention:
            held |= {"candidate": (self.pairs, d), "candidate_bias": (d,)}
        if self.history_attention:
            held |= {
                "event": (N_EVENT, d),
                "event_bias": (d,),
                "event_query": (d, d),
                "event_value": (d, d),
                "event_same": (N_SAME,),
                "event_near": (N_EVENT,),
                "event_hidden": (d, h),
                "event_met": (N_SAME + N_EVENT, h),
                "event_match": (d, h),
            }
        if self.field_attention:
            held |= {
                "field": (self.users, d),
                "field_bias": (self.n_fields, d),
                "field_query": (d, d),
                "field_value": (d, d),
                "field_hidden": (d, h),
                "field_match": (d, h),
            }
            if self.named:
                held["field_names"] = (sum(self.named) + len(self.named), d)
        return held


def forward(xp: Any, w: Mapping[str, Tensor], x: Mapping[str, Tensor], shape: Shape) -> Mapping[str, Tensor]:
    """Scores and attention of lists of candidates.

    Args:
        xp: `numpy`, or `keras.ops`.
        w: The weights of `Shape.weights`.
        x: Of B users with L candidates and H past events each: `pairs` (B, L, pairs), `category`,
            `path`, `item` (B, L), `users` (B, users), `named` (B, n_named) places in one table of all
            names, `event_category`, `event_path`, `event_item` (B, H), `events` (B, H, 3),
            `event_real` (B, H) 1, or 0 for padding. Optionally `event_presence` (B, H) and
            `field_presence` (B, n_fields), factors on the embeddings, and `field_real` (B, n_fields) 0
            where nothing may look at a field.
        shape: Sizes.

    Returns:
        `score` (B, L); with history attention `event_weight` (B, L, H), with field attention
        `field_weight` (B, L, n_fields).
    """
    found: dict[str, Tensor] = {}
    pairs = x["pairs"]
    item = _rows(xp, w["category"], x["category"]) + _rows(xp, w["path"], x["path"])
    hidden = xp.matmul(pairs, w["pair_hidden"]) + xp.matmul(item, w["item_hidden"]) + w["hidden_bias"]
    hidden = hidden + xp.matmul(x["users"], w["user_hidden"])[:, None, :]
    scale = float(1 / np.sqrt(shape.width))
    if shape.history_attention or shape.field_attention:
        candidate = item + xp.matmul(pairs, w["candidate"]) + w["candidate_bias"]
    if shape.history_attention:
        event = _rows(xp, w["category"], x["event_category"]) + _rows(xp, w["path"], x["event_path"])
        event = event + xp.matmul(x["events"], w["event"]) + w["event_bias"]
        if "event_presence" in x:
            event = event * x["event_presence"][:, :, None]
        same = [
            _as(xp, xp.equal(x[name][:, :, None], x[f"event_{name}"][:, None, :]), pairs)
            for name in ("item", "path", "category")
        ]
        logit = scale * xp.matmul(xp.matmul(candidate, w["event_query"]), _turned(xp, event))
        for place, flag in enumerate(same):
            logit = logit + w["event_same"][place] * flag
        logit = logit + xp.sum(x["events"] * w["event_near"], axis=-1)[:, None, :]
        weight = _softmax(xp, logit, x["event_real"][:, None, :])
        found["event_weight"] = weight
        seen = xp.matmul(weight, xp.matmul(event, w["event_value"]))
        met = [xp.sum(weight * flag, axis=-1)[:, :, None] for flag in same]
        met = xp.concatenate([*met, xp.matmul(weight, x["events"])], axis=-1)
        hidden = hidden + xp.matmul(seen, w["event_hidden"]) + xp.matmul(met, w["event_met"])
        hidden = hidden + xp.matmul(seen * candidate, w["event_match"])
    if shape.field_attention:
        fields = x["users"][:, :, None] * w["field"][None, :, :]
        if shape.named:
            fields = xp.concatenate([fields, _rows(xp, w["field_names"], x["named"])], axis=1)
        fields = fields + w["field_bias"]
        there = xp.ones_like(fields[:, :, 0])
        if "field_presence" in x:
            fields = fields * x["field_presence"][:, :, None]
        if "field_real" in x:
            there = x["field_real"]
        logit = scale * xp.matmul(xp.matmul(candidate, w["field_query"]), _turned(xp, fields))
        weight = _softmax(xp, logit, there[:, None, :])
        found["field_weight"] = weight
        told = xp.matmul(weight, xp.matmul(fields, w["field_value"]))
        hidden = hidden + xp.matmul(told, w["field_hidden"]) + xp.matmul(told * candidate, w["field_match"])
    hidden = xp.maximum(hidden, 0.0)
    second = xp.maximum(xp.matmul(hidden, w["second"]) + w["second_bias"], 0.0)
    found["score"] = (xp.matmul(second, w["last"]) + xp.matmul(pairs, w["pair_wide"]))[:, :, 0]
    return found


def _rows(xp: Any, table: Tensor, places: Tensor) -> Tensor:
    return xp.take(table, places, axis=0)


def _turned(xp: Any, values: Tensor) -> Tensor:
    """(B, n, d) -> (B, d, n)."""
    return xp.transpose(values, (0, 2, 1))


def _as(xp: Any, flag: Tensor, like: Tensor) -> Tensor:
    return flag.astype(like.dtype) if xp is np else xp.cast(flag, like.dtype)


def _softmax(xp: Any, logit: Tensor, real: Tensor) -> Tensor:
    """Over the last axis; exactly 0 where `real` is 0, and all 0 where nothing is real."""
    masked = logit * real + MASKED * (1.0 - real)
    top = xp.max(masked, axis=-1, keepdims=True)
    grown = xp.exp(masked - top) * real
    return grown / xp.maximum(xp.sum(grown, axis=-1, keepdims=True), 1e-20)
