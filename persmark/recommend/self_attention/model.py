"""The model in Keras, for training only: imported where a training starts, never by what serves.

Events are item vectors with what is known of the event. `blocks` layers of causal self-attention mix
them; then queries, which hold no item themselves, attend to the events. So attention is the only way
from an event to a score, and every event, the latest too, can be taken away: its embedding emptied
and its key masked in every layer. One pass trains every step's query.

Written with `keras.ops` and layers only, so that it runs on TensorFlow, PyTorch and JAX alike.

Sources: Kang, McAuley, "Self-attentive sequential recommendation", ICDM 2018 (causal attention over
items, tied output); Yang et al., "XLNet", NeurIPS 2019, section 2.3 (a query stream beside the
content stream); Klenitskiy, Vasilev, "Turning dross into gold loss", RecSys 2023 (cross-entropy with
shared negatives); Shaw et al., NAACL 2018 (relative positions).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from persmark.recommend.forward import NORM_EPSILON
from persmark.recommend.self_attention.sequences import (
    COUNT_BUCKETS,
    FARTHEST,
    GAP_BUCKETS,
    STEP_BUCKETS,
    step_buckets,
)

HIDDEN = -1e9


@dataclass(frozen=True)
class Shape:
    """What fixes the weights' shapes.

    Args:
        n_items: Size of the catalogue.
        n_kinds: Event types of the training.
        n_categories: Categories; 0 where items have none.
        width: Of a vector.
        n_heads: Of each attention.
        blocks: Layers that mix the events before the query layer.
        dropout: Share of activations left out in training.
        repeats: Whether own items get a score of their own.
        seed: Of all random numbers.
    """

    n_items: int
    n_kinds: int
    n_categories: int
    width: int
    n_heads: int
    blocks: int
    dropout: float
    repeats: bool
    seed: int


def _rows(batch: dict[str, Any], name: str) -> Any:
    """A flat array of the batch as rows."""
    return ops.reshape(batch[name], (ops.shape(batch["row"])[0], -1))


def _normal(stddev: float, seed: int) -> Any:
    return keras.initializers.RandomNormal(stddev=stddev, seed=seed)


class Block(layers.Layer):  # type: ignore[misc]
    """One layer: attention of queries to events, then a gated dense layer; both added to what came in."""

    def __init__(self, shape: Shape, number: int, *, cross: bool) -> None:
        super().__init__(name=f"block_{number}")
        self.shape, self.cross = shape, cross
        seed = shape.seed * 1000 + number * 10
        width = shape.width

        def matrix(name: str, size: int, initializer: Any, *, bias: bool = True) -> Any:
            return layers.Dense(size, use_bias=bias, kernel_initializer=initializer, name=name)

        def norm(name: str) -> Any:
            return layers.LayerNormalization(epsilon=NORM_EPSILON, name=name)

        self.norm_query, self.norm_dense = norm("norm_query"), norm("norm_dense")
        self.norm_event = norm("norm_event") if cross else None
        # Before any training a layer does nothing but hand on the mean of the events by recency.
        self.to_query = matrix("to_query", width, "zeros")
        # A bias of the keys would cancel in the softmax.
        self.to_key = matrix("to_key", width, keras.initializers.GlorotUniform(seed=seed + 1), bias=False)
        self.to_value = matrix("to_value", width, "identity", bias=False)
        self.to_out = matrix("to_out", width, "identity" if cross else "zeros")
        self.widen = matrix("widen", 4 * width, keras.initializers.GlorotUniform(seed=seed + 4))
        self.narrow = matrix("narrow", width, "zeros")
        self.drop = layers.Dropout(shape.dropout, seed=seed + 6)
        self.drop_weights = layers.Dropout(shape.dropout, seed=seed + 7)

    def build(self, *_shapes: Any) -> None:
        """Make the weights."""
        width = self.shape.width
        for norm in (self.norm_query, self.norm_event, self.norm_dense):
            if norm is not None:
                norm.build((None, None, width))
        for dense in (self.to_query, self.to_key, self.to_value, self.to_out, self.widen):
            dense.build((None, None, width))
        self.narrow.build((None, None, 2 * width))
        self.distance = self.add_weight(
            shape=(STEP_BUCKETS, self.shape.n_heads), initializer="zeros", name="distance"
        )
        least = np.searchsorted(step_buckets(FARTHEST), np.arange(STEP_BUCKETS))
        self.distance.assign(-np.log1p(np.repeat(least[:, None], self.shape.n_heads, axis=1)))
        self.built = True

    def call(self, queries: Any, events: Any, mask: Any, bucket: Any, training: bool | None = None) -> Any:
        """Attend and think.

        Args:
            queries: (n, n_queries, width).
            events: (n, length, width); the queries themselves where the layer is not `cross`.
            mask: (n, n_queries, length) 1 where a query may look.
            bucket: (n, n_queries, length) distance in steps as a bucket.
            training: Whether dropout is on.
        """
        n_heads, width = self.shape.n_heads, self.shape.width
        read = self.norm_query(queries)
        source = read if self.norm_event is None else self.norm_event(events)

        def apart(vectors: Any) -> Any:
            parts = (ops.shape(vectors)[0], ops.shape(vectors)[1], n_heads, width // n_heads)
            return ops.transpose(ops.reshape(vectors, parts), (0, 2, 1, 3))

        query, key = apart(self.to_query(read)), apart(self.to_key(source))
        value = apart(self.to_value(source))
        level = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) * (width // n_heads) ** -0.5
        level += ops.transpose(ops.take(self.distance, bucket, axis=0), (0, 3, 1, 2))
        seen = mask[:, None]
        # Where nothing may be seen the weights are all 0, not all alike.
        weights = ops.softmax(level + (1.0 - seen) * HIDDEN, axis=-1) * seen
        weights = self.drop_weights(weights, training=training)
        mixed = ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3))
        mixed = ops.reshape(mixed, (ops.shape(queries)[0], ops.shape(queries)[1], width))
        queries = queries + self.drop(self.to_out(mixed), training=training)
        inner, gate = ops.split(self.widen(self.norm_dense(queries)), 2, axis=-1)
        thought = self.narrow(inner * ops.silu(gate))
        return queries + self.drop(thought, training=training)


class Model(keras.Model):  # type: ignore[misc]
    """Events in, one vector a query out; trained by cross-entropy against shared negatives."""

    def __init__(self, shape: Shape, category_of_item: np.ndarray) -> None:
        super().__init__(name="self_attention")
        self.shape = shape
        width, seed = shape.width, shape.seed * 1000
        small = 0.05

        def table(name: str, rows: int, place: int) -> Any:
            return self.add_weight(shape=(rows, width), initializer=_normal(small, seed + place), name=name)

        # Row 0 is padding, and is never looked at.
        self.item = table("item", shape.n_items + 1, 901)
        self.kind = table("kind", shape.n_kinds + 1, 902) if shape.n_kinds > 1 else None
        self.gap = table("gap", GAP_BUCKETS, 903)
        self.category = table("category", shape.n_categories + 1, 904) if shape.n_categories else None
        self.category_of_item = category_of_item.astype(np.int32)
        self.query = self.add_weight(shape=(width,), initializer=_normal(small, seed + 905), name="query")
        self.demand = self.add_weight(shape=(shape.n_items + 1,), initializer="zeros", name="demand")
        self.mixing = [Block(shape, number + 1, cross=False) for number in range(shape.blocks)]
        self.asking = Block(shape, shape.blocks + 1, cross=True)
        self.norm_out = layers.LayerNormalization(epsilon=NORM_EPSILON, name="norm_out")
        self.drop = layers.Dropout(shape.dropout, seed=seed + 906)
        self.bucket_of = step_buckets(FARTHEST)
        if shape.repeats:
            self.since = self.add_weight(shape=(STEP_BUCKETS,), initializer="zeros", name="since")
            self.often = self.add_weight(shape=(COUNT_BUCKETS,), initializer="zeros", name="often")
            self.return_to = self.add_weight(
                shape=(shape.n_items + 1,), initializer="zeros", name="return_to"
            )

    def build(self, *_shapes: Any) -> None:
        """Make the weights."""
        for block in (*self.mixing, self.asking):
            block.build()
        self.norm_out.build((None, None, self.shape.width))
        self.built = True

    def vectors(self, item: Any) -> Any:
        """Item vectors, of what is read and of what is asked for alike."""
        found = ops.take(self.item, item, axis=0)
        if self.category is not None:
            found += ops.take(self.category, ops.take(self.category_of_item, item, axis=0), axis=0)
        return found

    def _bucket(self, distance: Any) -> Any:
        return ops.take(self.bucket_of, ops.clip(distance, 0, FARTHEST), axis=0)

    def call(self, batch: dict[str, Any], training: bool | None = None) -> Any:
        """(n, n_queries, width): what each query found."""
        item, step, query = (_rows(batch, name) for name in ("item", "step", "query"))
        shown = _rows(batch, "shown")
        events = self.vectors(item) + ops.take(self.gap, _rows(batch, "gap"), axis=0)
        if self.kind is not None:
            events += ops.take(self.kind, _rows(batch, "kind"), axis=0)
        events = self.drop(events * shown[..., None], training=training)
        if self.mixing:
            apart = step[:, :, None] - step[:, None, :]
            mask = ops.cast(apart >= 0, "float32") * shown[:, None, :]
            bucket = self._bucket(apart)
            for block in self.mixing:
                events = block(events, events, mask, bucket, training=training)
        apart = query[:, :, None] - step[:, None, :]
        mask = ops.cast(apart >= 0, "float32") * shown[:, None, :]
        asking = ops.zeros_like(ops.cast(query, "float32"))[..., None] + self.query
        found = self.asking(asking, events, mask, self._bucket(apart), training=training)
        return self.norm_out(found)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Mean cross-entropy of what was asked for against what was drawn, and the user's own items.

        A drawn item counts as many times as it stands for items that were not drawn.
        """
        batch, width = x, self.shape.width
        flat = ops.reshape(y_pred, (-1, width))
        found = ops.take(flat, batch["real_query"], axis=0)
        against = ops.matmul(found, ops.transpose(self.vectors(batch["negative"])))
        against += ops.take(self.demand, batch["negative"], axis=0) - batch["log_expected"]
        against += ops.reshape(batch["clash"], (ops.shape(batch["real_query"])[0], -1)) * HIDDEN
        rest = ops.logsumexp(against, axis=-1)
        at = batch["asked_query"]
        level = ops.sum(ops.take(found, at, axis=0) * self.vectors(batch["asked_item"]), axis=-1)
        level += ops.take(self.demand, batch["asked_item"], axis=0)
        if self.shape.repeats:
            own = batch["asked_own"]
            level += own * self._returning(batch["asked_since"], batch["asked_count"], batch["asked_item"])
            rest = ops.logaddexp(rest, ops.take(self._own(batch, y_pred), batch["real_query"], axis=0))
            # An own item is among the own ones already.
            level_apart = level + own * HIDDEN
        else:
            level_apart = level
        loss = ops.logaddexp(ops.take(rest, at, axis=0), level_apart) - level
        weight = batch["asked_weight"]
        return ops.sum(loss * weight) / ops.sum(weight)

    def _returning(self, since: Any, count: Any, item: Any) -> Any:
        return (
            ops.take(self.since, self._bucket(since), axis=0)
            + ops.take(self.often, count, axis=0)
            + ops.take(self.return_to, item, axis=0)
        )

    def _own(self, batch: dict[str, Any], found: Any) -> Any:
        """(n * n_queries,) log-sum over the user's own items; the latest event of each speaks for it."""
        item, step, query = (_rows(batch, name) for name in ("item", "step", "query"))
        query = query[:, :, None]
        level = ops.matmul(found, ops.transpose(self.vectors(item), (0, 2, 1)))
        level += (ops.take(self.demand, item, axis=0) + ops.take(self.return_to, item, axis=0))[:, None, :]
        level += ops.take(self.often, _rows(batch, "count"), axis=0)[:, None, :]
        level += ops.take(self.since, self._bucket(query - step[:, None, :]), axis=0)
        speaks = ops.logical_and(step[:, None, :] <= query, _rows(batch, "again")[:, None, :] > query)
        level += (1.0 - ops.cast(speaks, "float32")) * HIDDEN
        return ops.reshape(ops.logsumexp(level, axis=-1), (-1,))

    def exported(self) -> dict[str, np.ndarray]:
        """Weights by name as NumPy; the category is folded into the item vectors."""
        numbered = {weight.path.removeprefix("self_attention/"): weight for weight in self.trainable_weights}
        made = {name.replace("/", "."): np.asarray(keras.ops.convert_to_numpy(weight))
                for name, weight in numbered.items()}  # fmt: skip
        if self.category is not None:
            made["item"] = made["item"] + made.pop("category")[self.category_of_item]
        made["item"] = made["item"].copy()
        made["item"][0] = 0
        return made
