"""Which user ids are one person: ids that share a key value, resolved to one id each.

An id and a key value (an e-mail's digest, a device, another user id) are two ends of a link; ids that
links connect, directly or over others, are one person (connected components, as customer data
platforms resolve identities deterministically). Nothing is scored and nothing guessed: equal digests
link, all else does not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

KEYS = ("user_id", "email", "phone", "device")  # the strongest first

# What stands where no id was known, in exports of trackers and shops: signs for nothing, then words.
# Compared without case and surrounding blanks. A value of nothing but zeros, dashes and punctuation is
# blocked too: 0, 000-000, the UUID of zeros, "-", "?".
BLOCKED_WORDS = (
    "-1", "-1.0", "null", "nil", "none", "nan", "n/a", "na", "unknown", "undefined", "anonymous", "anon",
    "guest", "not set", "(not set)", "(none)", "未知", "匿名", "游客",
)  # fmt: skip
# RE2, as Arrow and DuckDB both read it; whole values.
BLOCKED = r"(?i)^[\s\p{Z}]*(?:[\s\p{Z}0\p{P}[:punct:]]*|" + "|".join(
    word.replace("(", r"\(").replace(")", r"\)").replace(".", r"\.") for word in BLOCKED_WORDS
) + r")[\s\p{Z}]*$"  # fmt: skip

# An e-mail's or a phone's stand-in, see `persmark.privacy.pseudonym`.
PSEUDONYM = r"^x[0-9a-f]{32}$"

_DECLARED, _PSEUDONYM, _DEVICE = 0, 1, 2

RESOLVED = pa.schema([("source_user_id", pa.string()), ("user_id", pa.string()), ("reason", pa.string())])


def is_blocked(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Which of these texts say that nobody is known; nulls do too."""
    found = pc.match_substring_regex(values.cast(pa.string()), BLOCKED)
    return pc.fill_null(found, True)


def _links(keys: pa.Table) -> pa.Table:
    """Distinct (source_user_id, key, digest) that can link at all."""
    wanted = [keys.column(name).cast(pa.string()) for name in ("source_user_id", "key", "digest")]
    links = pa.table(wanted, names=["source_user_id", "key", "digest"])
    links = links.group_by(["source_user_id", "key", "digest"]).aggregate([])
    known = pc.is_in(links.column("key"), value_set=pa.array(KEYS))
    blocked = pc.or_(is_blocked(links.column("source_user_id")), is_blocked(links.column("digest")))
    return links.filter(pc.and_(known, pc.invert(blocked)))


def _self(links: pa.Table) -> pa.ChunkedArray:
    """Links of an id to itself: they say that it is a declared user id, and link nobody."""
    return pc.and_(
        pc.equal(links.column("key"), "user_id"),
        pc.equal(links.column("source_user_id"), links.column("digest")),
    )


def _over(links: pa.Table, by: Sequence[str], limit: int) -> pa.Table:
    """Groups of links that hold more than `limit`: the columns of `by` and `n`."""
    counted = links.group_by(list(by)).aggregate([([], "count_all")]).rename_columns([*by, "n"])
    return counted.filter(pc.greater(counted.column("n"), limit))


def crowded(keys: pa.Table, *, limit: int) -> pa.Table:
    """What is shared too widely to be one person's, and therefore links nobody.

    Args:
        keys: As for `resolve`.
        limit: As for `resolve`.

    Returns:
        `key`; `side`: "value" for a key value that more than `limit` users have, "user" for a user
        that has more than `limit` values of the key; `id`: the digest or the user id; `n`: how many.
        Most first.
    """
    links = _links(keys)
    links = links.filter(pc.invert(_self(links)))
    parts = []
    for side, column in (("value", "digest"), ("user", "source_user_id")):
        over = _over(links, ("key", column), limit)
        parts.append(
            pa.table({
                "key": over.column("key"),
                "side": pa.array([side] * over.num_rows, pa.string()),
                "id": over.column(column),
                "n": over.column("n"),
            })
        )  # fmt: skip
    found = pa.concat_tables(parts)
    return found.sort_by(
        [("n", "descending"), ("key", "ascending"), ("side", "ascending"), ("id", "ascending")]
    )


def _without_crowds(links: pa.Table, limit: int) -> pa.Table:
    """Links whose value and whose user are both a person's."""
    for by in (("key", "digest"), ("key", "source_user_id")):
        over = _over(links, by, limit)
        if over.num_rows:
            links = links.join(over.select(list(by)), keys=list(by), join_type="left anti")
    return links


def _ranks(ids: pa.Array, declared: np.ndarray) -> np.ndarray:
    """0 for a declared user id, 1 for a pseudonym, 2 for the rest, which are devices."""
    stand_ins = pc.match_substring_regex(ids, PSEUDONYM).to_numpy(zero_copy_only=False)
    return np.where(stand_ins, _PSEUDONYM, np.where(declared, _DECLARED, _DEVICE)).astype(np.int8)


def _places(ids: pa.Array, ranks: np.ndarray) -> np.ndarray:
    """Each id's place in the order of who names the person: rank, length, text."""
    order = pc.sort_indices(
        pa.table({"rank": ranks, "length": pc.utf8_length(ids), "id": ids}),
        sort_keys=[("rank", "ascending"), ("length", "ascending"), ("id", "ascending")],
    ).to_numpy()
    places = np.empty(len(ids), np.int64)
    places[order] = np.arange(len(ids))
    return places


def resolve(keys: pa.Table, *, limit: int, apart: Iterable[Sequence[str]] = ()) -> pa.Table:
    """One user id for all ids of a person.

    Two ids are linked where both have the same value of a key; a value of the key `user_id` is itself
    an id, so whoever has it is linked to that id. Never linking: ids and values that say that nobody
    is known (`BLOCKED`); a key value that more than `limit` users have; a user that has more than
    `limit` values of one key (a till, a shared account). Links of ids that are left hold over any
    number of steps.

    The person is named by a declared user id before a pseudonym before a device id, of equals by the
    shorter, then by the smaller text: 9 before 10. What later files add about a person therefore
    changes their name only where it brings such an id. Declared is what is a value of the key
    `user_id`; loading writes each id of a user column as its own value.

    The order of rows has no say.

    Args:
        keys: `source_user_id`, `key` (one of `KEYS`), `digest`, text; further columns are not read.
        limit: Users that may share one key value.
        apart: Pairs of ids that are two people, whatever links them. In a group that holds such a
            pair, links are taken one by one (user_id, then email, phone, device; then by digest; then
            in the order of naming), and one that would bring the two together is left out: who is
            linked to both stays with the one that comes first so.

    Returns:
        `source_user_id`, `user_id`, `reason`: one row for each id that is named by another, sorted;
        `reason` is the kinds of keys that link it, strongest first, joined by commas.
    """
    links = _links(keys)
    own = _self(links)
    declared_ids = pc.unique(links.filter(pc.equal(links.column("key"), "user_id")).column("digest"))
    links = _without_crowds(links.filter(pc.invert(own)), limit)
    if not links.num_rows:
        return RESOLVED.empty_table()
    source = links.column("source_user_id").combine_chunks()
    kind = pc.index_in(links.column("key"), value_set=pa.array(KEYS)).to_numpy()
    digest = links.column("digest").combine_chunks()
    to_id = kind == KEYS.index("user_id")
    ids = pc.unique(pa.concat_arrays([source, digest.filter(pa.array(to_id))]))
    users = pc.index_in(source, value_set=ids).to_numpy().astype(np.int64)
    values = _value_nodes(digest, kind, to_id, ids)
    n_nodes = int(max(users.max(), values.max())) + 1
    labels = _connected(users, values, n_nodes)
    ranks = _ranks(ids, pc.is_in(ids, value_set=declared_ids).to_numpy(zero_copy_only=False))
    places = _places(ids, ranks)
    index = {name: at for at, name in enumerate(ids.to_pylist())} if (apart := list(apart)) else {}
    enemies = [(index[a], index[b]) for a, b in apart if a in index and b in index and a != b]
    kept = np.ones(len(users), bool)
    troubled = {int(labels[a]) for a, b in enemies if labels[a] == labels[b]}
    if troubled:
        within = np.flatnonzero(np.isin(labels[users], list(troubled)))
        order = within[np.lexsort((places[users[within]], _text_places(digest, within), kind[within]))]
        kept[within] = False
        kept[_peaceful(order, users, values, enemies)] = True
        labels = _connected(users[kept], values[kept], n_nodes)
    return _named(ids, places, labels[: len(ids)], _reasons(users[kept], values[kept], kind[kept], len(ids)))


def _value_nodes(digest: pa.Array, kind: np.ndarray, to_id: np.ndarray, ids: pa.Array) -> np.ndarray:
    """The node of each link's value: an id's own for user ids, else one after the ids for each value."""
    codes = digest.dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.int64)
    _, other = np.unique(codes * len(KEYS) + kind, return_inverse=True)
    named = pc.index_in(digest, value_set=ids).to_numpy(zero_copy_only=False)
    return np.where(to_id, np.nan_to_num(named, nan=0), other + len(ids)).astype(np.int64)


def _connected(users: np.ndarray, values: np.ndarray, n_nodes: int) -> np.ndarray:
    # Here, because reading a page should not wait for it.
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    ones = np.ones(len(users), np.int8)
    _, labels = connected_components(coo_matrix((ones, (users, values)), (n_nodes, n_nodes)), directed=False)
    return np.asarray(labels)


def _text_places(digest: pa.Array, rows: np.ndarray) -> np.ndarray:
    """Where each row's digest stands among those of `rows`, as text."""
    return np.asarray(pc.rank(digest.take(pa.array(rows)), tiebreaker="dense").to_numpy())


def _peaceful(
    order: np.ndarray, users: np.ndarray, values: np.ndarray, enemies: Sequence[tuple[int, int]]
) -> list[int]:
    """Links, taken in this order, that bring no two enemies together."""
    parent: dict[int, int] = {}
    hostile: dict[int, set[int]] = defaultdict(set)  # root -> nodes that must not join it
    members: dict[int, set[int]] = {}  # root -> nodes with enemies
    for a, b in enemies:
        hostile[a].add(b)
        hostile[b].add(a)
    for node in list(hostile):
        members[node] = {node}

    def root(node: int) -> int:
        while (above := parent.get(node, node)) != node:
            parent[node] = parent.get(above, above)
            node = above
        return node

    taken = []
    for link in order.tolist():
        a, b = root(int(users[link])), root(int(values[link]))
        if a != b:
            if hostile.get(a, set()) & members.get(b, set()):
                continue
            parent[b] = a
            for held in (hostile, members):
                if b in held:
                    held.setdefault(a, set()).update(held.pop(b))
        taken.append(link)
    return taken


def _reasons(users: np.ndarray, values: np.ndarray, kind: np.ndarray, n_ids: int) -> np.ndarray:
    """Bits of the kinds of keys that link each id to another id."""
    shared = np.bincount(values, minlength=n_ids) > 1
    linking = shared[values] | (values < n_ids)
    bits = np.zeros(n_ids, np.int64)
    np.bitwise_or.at(bits, users[linking], 1 << kind[linking].astype(np.int64))
    direct = values < n_ids
    np.bitwise_or.at(bits, values[direct], 1 << kind[direct].astype(np.int64))
    return bits


def _named(ids: pa.Array, places: np.ndarray, labels: np.ndarray, bits: np.ndarray) -> pa.Table:
    """Rows for the ids that another one names."""
    order = np.lexsort((places, labels))
    first = np.r_[True, labels[order][1:] != labels[order][:-1]]
    name = np.empty(len(ids), np.int64)
    name[order] = order[np.flatnonzero(first)[np.cumsum(first) - 1]]
    changed = np.flatnonzero(name != np.arange(len(ids)))
    words = pa.array(
        [",".join(key for at, key in enumerate(KEYS) if bit >> at & 1) for bit in range(1 << len(KEYS))]
    )
    made: Any = {
        "source_user_id": ids.take(pa.array(changed)),
        "user_id": ids.take(pa.array(name[changed])),
        "reason": words.take(pa.array(bits[changed])),
    }
    return pa.table(made, schema=RESOLVED).sort_by([("source_user_id", "ascending")])
