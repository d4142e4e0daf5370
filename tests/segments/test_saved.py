"""Named segments: versions, undo, and what they may be called."""

from __future__ import annotations

import json

import pytest

from persmark.errors import EmptyError, InputError, NotFoundError
from persmark.profiles import build_profiles
from persmark.segments import (
    BUILT_IN,
    BUILT_IN_RULES,
    count,
    delete_segment,
    get_segment,
    list_segments,
    members,
    restore_segment,
    save_segment,
    saved_rules,
    segment_sizes,
)
from persmark.store import Reader, Workspace, create_workspace
from tests.segments.conftest import ODD

LATELY = {"column": "recency_days", "is": "<=", "value": 30}
EARLIER = {"not": {"segment": ODD}}


def test_saving_again_makes_a_version(shop: Workspace) -> None:
    before = shop.versions()
    assert save_segment(shop, f" {ODD} ", LATELY, "me") == 1
    assert save_segment(shop, ODD, {"column": "user_id", "is": "=", "value": ODD}, "me") == 2
    found = get_segment(shop, ODD)
    assert (found.version, found.n_users_saved, found.built_in) == (2, 1, False)
    assert found.definition.render() == f"Users: User is “{ODD}”"
    old = get_segment(shop, ODD, version=1)
    assert (old.rule, old.n_users_saved) == (LATELY, 2)
    assert shop.versions() == before  # only SQLite was touched
    assert [row["verb"] for row in shop.state.rows("audit")][-2:] == ["save segment"] * 2


def test_names_equal_after_unicode_composition_are_one(shop: Workspace) -> None:
    assert save_segment(shop, "Cafe\u0301", LATELY, "me") == 1
    assert save_segment(shop, "Café", LATELY, "me") == 2
    assert get_segment(shop, "Cafe\u0301").version == 2


def test_delete_and_restore(shop: Workspace) -> None:
    save_segment(shop, ODD, LATELY, "me")
    save_segment(shop, ODD, {"all": []}, "me")
    delete_segment(shop, ODD, "me")
    assert ODD not in saved_rules(shop)
    with pytest.raises(NotFoundError, match="must exist"):
        get_segment(shop, ODD)
    assert restore_segment(shop, ODD, "me") == 2
    assert get_segment(shop, ODD).rule == {"all": []}
    assert restore_segment(shop, ODD, "me", version=1) == 3
    assert get_segment(shop, ODD).rule == LATELY
    with pytest.raises(NotFoundError, match=r"must have that version\. Received: 9"):
        restore_segment(shop, ODD, "me", version=9)
    with pytest.raises(NotFoundError, match=r"must have been saved once\. Received: nothing"):
        restore_segment(shop, "nothing", "me")
    delete_segment(shop, ODD, "me")
    assert save_segment(shop, ODD, LATELY, "me") == 4


def test_segments_of_segments(shop: Workspace) -> None:
    save_segment(shop, ODD, LATELY, "me")
    save_segment(shop, "earlier", EARLIER, "me")
    with shop.reader() as reader:
        assert members(reader, {"segment": "earlier"}, saved=saved_rules(shop))["user_id"].to_pylist() == [
            "b",
            "w",
        ]
    with pytest.raises(InputError, match="used by earlier"):
        delete_segment(shop, ODD, "me")
    with pytest.raises(InputError, match="must not depend on itself"):
        save_segment(shop, ODD, {"all": [{"segment": "earlier"}]}, "me")
    with pytest.raises(InputError, match="must not depend on itself"):
        save_segment(shop, "new", {"segment": "new"}, "me")
    assert get_segment(shop, ODD).version == 1


def test_restoring_cannot_close_a_circle(shop: Workspace) -> None:
    save_segment(shop, "a", LATELY, "me")
    save_segment(shop, "b", {"segment": "a"}, "me")
    save_segment(shop, "b", LATELY, "me")
    save_segment(shop, "a", {"segment": "b"}, "me")
    with pytest.raises(InputError, match="must not depend on itself"):
        restore_segment(shop, "b", "me", version=1)


@pytest.mark.parametrize("name", ["", "   ", "two\nlines", "x" * 121, "everyone", "rfm: champions"])
def test_unfit_names_are_refused(shop: Workspace, name: str) -> None:
    with pytest.raises(InputError, match="A segment's name must"):
        save_segment(shop, name, LATELY, "me")


def test_built_in_segments_stay(shop: Workspace) -> None:
    names = [segment.name for segment in list_segments(shop)]
    assert names == list(BUILT_IN)
    assert len(names) == 1 + 11 + 6
    with pytest.raises(InputError, match=r"must stay\. Received: everyone"):
        delete_segment(shop, "everyone", "me")
    with pytest.raises(NotFoundError, match=r"Did you mean rfm: champions\?"):
        get_segment(shop, "rfm: champion")


def test_built_in_groups_share_the_users_out(reader: Reader) -> None:
    """Each buyer is in one RFM segment, each user in one lifecycle stage."""
    sizes = {name: count(reader, rule) for name, rule in BUILT_IN_RULES.items()}
    assert sum(n for name, n in sizes.items() if name.startswith("rfm: ")) == 3
    assert sum(n for name, n in sizes.items() if name.startswith("lifecycle: ")) == sizes["everyone"] == 4


def test_sizes_are_json_and_survive_a_rule_that_no_longer_fits(shop: Workspace) -> None:
    save_segment(shop, ODD, LATELY, "me")
    save_segment(shop, "tier", {"column": "attribute_tier", "is": "is not empty"}, "me")
    with shop.write("catalogue") as writer:
        writer.create("items")
    build_profiles(shop, actor="me")
    with shop.reader() as reader:
        sizes = {size.segment.name: size for size in segment_sizes(shop, reader)}
    assert sizes[ODD].as_json() == {"segment": ODD, "n_users": 1, "rule": LATELY}
    assert (sizes["everyone"].n_users, sizes["lifecycle: never_purchased"].n_users) == (5, 2)
    assert sizes["tier"].n_users is None
    assert "Received: 'attribute_tier'" in str(sizes["tier"].problem)
    json.dumps([size.as_json() for size in sizes.values()])


def test_saving_needs_profiles(tmp_path: object) -> None:
    with pytest.raises(EmptyError, match="Profiles must be built first"):
        save_segment(create_workspace("bare", root=tmp_path), "x", LATELY, "me")  # type: ignore[arg-type]
