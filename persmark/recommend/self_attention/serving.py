"""The trained model in NumPy: the same sums as `model`, for scores, attention and what-ifs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from persmark.recommend.forward import (
    Array,
    Mask,
    dense,
    heads_apart,
    heads_together,
    layer_norm,
    silu,
    softmax,
)
from persmark.recommend.self_attention.sequences import FARTHEST, Ints32, Windows, step_buckets

_BUCKET_OF = step_buckets(FARTHEST)


def bucket_of(distance: npt.NDArray[np.integer]) -> Ints32:
    """Distances in steps as buckets."""
    bucket: Ints32 = _BUCKET_OF[np.clip(distance, 0, FARTHEST)]
    return bucket


def of_network(place: int) -> str:
    """What the names of a network's arrays begin with."""
    return f"{place}/"


@dataclass(frozen=True, eq=False)
class Looked:
    """What one pass found.

    Args:
        found: (n_rows, width) the query's vector; of several networks their vectors side by side.
        weights: Per layer (n_rows, n_heads, n_queries, length) attention, the query layer last; its
            `n_queries` is 1. The heads of several networks stand side by side.
        values: Per layer (n_rows, n_heads, length) length of what each event hands over.
    """

    found: Array
    weights: tuple[Array, ...]
    values: tuple[Array, ...]


@dataclass(frozen=True, eq=False)
class Network:
    """One network.

    Args:
        arrays: As `Model.exported` gives them.
        n_heads: Of each attention.
        blocks: Layers before the query layer.
    """

    arrays: Mapping[str, Array]
    n_heads: int
    blocks: int

    @property
    def item(self) -> Array:
        """(n_items, width) item vectors."""
        vectors: Array = self.arrays["item"][1:]
        return vectors

    @cached_property
    def mean_event(self) -> Array:
        """(width,) the embedding of an event that says nothing: the mean of each of its parts."""
        parts = [self.item, self.arrays["gap"], *([self.arrays["kind"]] if "kind" in self.arrays else [])]
        mean: Array = np.sum([part.mean(axis=0) for part in parts], axis=0, dtype=np.float32)
        return mean

    def look(
        self,
        windows: Windows,
        query: Ints32,
        *,
        presence: Array | None,
        masked: Mask | None,
        baseline: Array | None,
        keep_weights: bool,
    ) -> Looked:
        """One query a row; see `Served.look`."""
        arrays = self.arrays
        real = windows.item > 0
        shown = real if masked is None else real & ~masked
        events = arrays["item"][windows.item] + arrays["gap"][windows.gap]
        if "kind" in arrays:
            events = events + arrays["kind"][windows.kind]
        share = (real if presence is None else real * presence)[..., None].astype(np.float32)
        events = events * share
        if baseline is not None:
            events += (real[..., None] - share) * baseline
        weights: list[Array] = []
        values: list[Array] = []
        if self.blocks:
            apart = windows.step[:, :, None] - windows.step[:, None, :]
            mask, bucket = (apart >= 0) & shown[:, None, :], bucket_of(apart)
            for number in range(1, self.blocks + 1):
                events, weight, value = self._block(number, events, None, mask, bucket, keep=keep_weights)
                weights.append(weight)
                values.append(value)
        apart = query[:, None, None] - windows.step[:, None, :]
        asking = np.broadcast_to(arrays["query"], (len(query), 1, len(arrays["query"])))
        mask = (apart >= 0) & shown[:, None, :]
        found, weight, value = self._block(
            self.blocks + 1, asking, events, mask, bucket_of(apart), keep=keep_weights
        )
        weights.append(weight)
        values.append(value)
        out = layer_norm(found[:, 0], arrays["norm_out.gamma"], arrays["norm_out.beta"])
        return Looked(out, tuple(weights), tuple(values))

    def _block(
        self, number: int, queries: Array, events: Array | None, mask: Mask, bucket: Ints32, *, keep: bool
    ) -> tuple[Array, Array, Array]:
        held, name = self.arrays, f"block_{number}."

        def normed(inputs: Array, norm: str) -> Array:
            return layer_norm(inputs, held[f"{name}{norm}.gamma"], held[f"{name}{norm}.beta"])

        read = normed(queries, "norm_query")
        source = read if events is None else normed(events, "norm_event")
        query = dense(read, held[name + "to_query.kernel"], held[name + "to_query.bias"])
        query = heads_apart(query, self.n_heads)
        key = heads_apart(dense(source, held[name + "to_key.kernel"]), self.n_heads)
        value = heads_apart(dense(source, held[name + "to_value.kernel"]), self.n_heads)
        level = query @ key.transpose(0, 1, 3, 2) * np.float32(query.shape[-1] ** -0.5)
        level += held[name + "distance"][bucket].transpose(0, 3, 1, 2)
        weights = softmax(level, mask[:, None])
        out_kernel = held[name + "to_out.kernel"]
        queries = queries + dense(heads_together(weights @ value), out_kernel, held[name + "to_out.bias"])
        wide = dense(normed(queries, "norm_dense"), held[name + "widen.kernel"], held[name + "widen.bias"])
        inner, gate = np.split(wide, 2, axis=-1)
        thought = dense(inner * silu(gate), held[name + "narrow.kernel"], held[name + "narrow.bias"])
        handed = np.zeros((0, 0, 0), np.float32)
        if keep:
            parts = out_kernel.reshape(self.n_heads, -1, out_kernel.shape[-1])
            handed = np.linalg.norm(value @ parts, axis=-1)
        return queries + thought, weights if keep else handed, handed


@dataclass(frozen=True, eq=False)
class Served:
    """One network, or several whose scores are averaged.

    Args:
        arrays: As `Model.exported` gives them; of several networks each name stands behind `of_network`.
        n_heads: Of each attention of each network.
        blocks: Layers before the query layer.
        n_networks: How many they are.
    """

    arrays: Mapping[str, Array]
    n_heads: int
    blocks: int
    n_networks: int = 1

    @cached_property
    def networks(self) -> tuple[Network, ...]:
        """Each of them."""
        if self.n_networks == 1:
            return (Network(self.arrays, self.n_heads, self.blocks),)
        heads = [of_network(place) for place in range(self.n_networks)]
        return tuple(
            Network(
                {
                    name.removeprefix(head): held
                    for name, held in self.arrays.items()
                    if name.startswith(head)
                },
                self.n_heads,
                self.blocks,
            )
            for head in heads
        )

    @cached_property
    def item(self) -> Array:
        """(n_items, n_networks * width) vectors: times what was found they give the mean of the scores."""
        if self.n_networks == 1:
            return self.networks[0].item
        made: Array = np.concatenate([one.item for one in self.networks], axis=1)
        made /= np.float32(self.n_networks)
        return made

    @cached_property
    def demand(self) -> Array:
        """(n_items,) what is added to each item's score for everybody."""
        return self._mean("demand")[1:]

    @cached_property
    def mean_event(self) -> Array:
        """(n_networks * width,) the embedding of an event that says nothing, for each network."""
        made: Array = np.concatenate([one.mean_event for one in self.networks])
        return made

    @cached_property
    def repeats(self) -> bool:
        """Whether own items get a score of their own."""
        return "since" in self.networks[0].arrays

    @cached_property
    def _returns(self) -> tuple[Array, Array, Array]:
        return self._mean("since"), self._mean("often"), self._mean("return_to")

    def _mean(self, name: str) -> Array:
        made: Array = np.mean([one.arrays[name] for one in self.networks], axis=0, dtype=np.float32)
        return made

    def look(
        self,
        windows: Windows,
        query: Ints32,
        *,
        presence: Array | None = None,
        masked: Mask | None = None,
        baseline: Array | None = None,
        keep_weights: bool = False,
    ) -> Looked:
        """One query a row.

        Args:
            windows: The events.
            query: (n_rows,) the step up to which each row is read.
            presence: (n_rows, length) factor on each event's embedding; 1 where left out.
            masked: (n_rows, length) events that nothing may look at; none where left out.
            baseline: (n_networks * width,) what an event of presence 0 is; empty where left out.
            keep_weights: Whether the weights are wanted.
        """
        own = [None] * self.n_networks if baseline is None else np.split(baseline, self.n_networks)
        looked = [
            one.look(
                windows, query, presence=presence, masked=masked, baseline=what, keep_weights=keep_weights
            )
            for one, what in zip(self.networks, own, strict=True)
        ]
        if self.n_networks == 1:
            return looked[0]
        return Looked(
            np.concatenate([one.found for one in looked], axis=1),
            *(
                tuple(np.concatenate(layer, axis=1) for layer in zip(*held, strict=True))
                for held in ([one.weights for one in looked], [one.values for one in looked])
            ),
        )

    def scores(
        self,
        windows: Windows,
        query: Ints32,
        *,
        presence: Array | None = None,
        masked: Mask | None = None,
        items: npt.NDArray[np.int64] | None = None,
        baseline: Array | None = None,
    ) -> Array:
        """(n_rows, n_items) logits.

        Args:
            windows: The events.
            query: (n_rows,) the step up to which each row is read.
            presence: (n_rows, length) factor on each event's embedding; 1 where left out.
            masked: (n_rows, length) events that nothing may look at; none where left out.
            items: Columns wanted; all where left out.
            baseline: (n_networks * width,) what an event of presence 0 is; empty where left out.
        """
        found = self.look(windows, query, presence=presence, masked=masked, baseline=baseline).found
        wanted = slice(None) if items is None else items
        made: Array = found @ self.item[wanted].T
        made += self.demand[wanted]
        if self.repeats:
            self._add_returns(made, windows, query, presence=presence, masked=masked, items=items)
        return made

    def _add_returns(
        self,
        scores: Array,
        windows: Windows,
        query: Ints32,
        *,
        presence: Array | None,
        masked: Mask | None,
        items: npt.NDArray[np.int64] | None,
    ) -> None:
        """Own items' share: by the latest event on each that is there and has not been taken away."""
        by_since, by_count, by_item = self._returns
        there = (windows.item > 0) & (windows.step <= query[:, None])
        if masked is None:
            speaks = there & (windows.again > query[:, None])
        else:
            there &= ~masked
            # Counted from behind: the latest that is left speaks for its item.
            row, place = np.nonzero(there)
            cell = row * (len(self.item) + 1) + windows.item[row, place]
            _, last = np.unique(cell[::-1], return_index=True)
            speaks = np.zeros_like(there)
            speaks[row[::-1][last], place[::-1][last]] = True
        row, place = np.nonzero(speaks)
        column = windows.item[row, place].astype(np.int64) - 1
        if items is not None:
            place_of = np.full(len(self.item), -1, np.int64)
            place_of[items] = np.arange(len(items))
            column = place_of[column]
            row, place, column = row[column >= 0], place[column >= 0], column[column >= 0]
        item = windows.item[row, place]
        since = bucket_of(query[row] - windows.step[row, place])
        added = by_since[since] + by_count[windows.count[row, place]] + by_item[item]
        if presence is not None:
            added = added * presence[row, place].astype(np.float32)
        scores[row, column] += added
