"""Several sources, one person: merged, listed, kept apart again, and joined by what comes later."""

from __future__ import annotations

from pathlib import Path

import pytest

from persmark import actions, events
from persmark.actions import Actor
from persmark.campaigns.audiences import email_consent
from persmark.errors import InputError, NotFoundError
from persmark.events import Mapping
from persmark.events.quality import MergeUsers, apply_rules, rules_pending, saved_rules, switch_rule
from persmark.privacy import Vault
from persmark.store import Workspace, create_workspace
from tests.conftest import copied, house
from tests.events.files import event_rows, load, write

LIZ = 'o\'Neil "王" 🦊'
CRM = (
    "customer_id,email,phone,accepts_marketing\n"
    '"o\'Neil ""王"" 🦊",Liz@shop.example,+44 20 7946 0958,yes\n'
    "C18,wang@shop.example,,no\n"
)
SHOP = (
    "email,item_id,event_type,event_time\n"
    "liz@shop.example,1,view,2026-01-01 10:00:00\n"
    "LIZ@shop.example,1,purchase,2026-01-01 10:05:00\n"
    "wang@shop.example,2,view,2026-01-01 11:00:00\n"
    "new@shop.example,2,view,2026-01-01 12:00:00\n"
)
# Two phones: one of Liz, who logs in on it, and one of nobody known. Ids that name nobody are no person.
APP = (
    "device_id,customer,item_id,event_type,event_time\n"
    "d-1,,3,view,2026-01-02 10:00:00\n"
    f'd-1,"{LIZ.replace(chr(34), chr(34) * 2)}",3,cart,2026-01-02 10:05:00\n'
    "d-2,-1,3,view,2026-01-02 10:05:00\n"
    "d-2,null,4,view,2026-01-02 10:06:00\n"
)
APP_MAPPING = Mapping(
    "events",
    {"user_id": "customer", "item_id": "item_id", "event_type": "event_type", "event_time": "event_time"},
    keys={"device": "device_id"},
)


def counted(workspace: Workspace) -> dict[str, int]:
    """Events of each user; pseudonyms as what they stand for."""
    rows = event_rows(workspace, "user_id")
    sources = Vault(workspace.folder).source_ids([row[0] for row in rows])
    names = [sources.get(row[0], row[0]) for row in rows]
    return {name: names.count(name) for name in names}


def sources_by(workspace: Workspace, order: str) -> None:
    """Load the three files in an order, as a job does: rules that are behind are applied."""
    folder = workspace.folder.parent / f"files {order}"
    folder.mkdir()
    for one in order:
        if one == "c":
            load(workspace, write(folder / "crm.csv", CRM))
        elif one == "s":
            load(workspace, write(folder / "shop.csv", SHOP))
        else:
            load(workspace, write(folder / "app.csv", APP), mapping=APP_MAPPING)
        if rules_pending(workspace):
            apply_rules(workspace)


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    with house(tmp_path_factory.mktemp("joined")):
        made = create_workspace("shop-商店")
        sources_by(made, "csa")
    return made


@pytest.fixture
def shop(joined: Workspace, data_folder: Path) -> Workspace:
    return copied(joined, data_folder)


MERGED = {LIZ: 4, "C18": 1, "new@shop.example": 1, "d-2": 2}


@pytest.mark.parametrize("order", ["csa", "sac", "asc"])
def test_three_sources_make_one_person_in_any_order(empty: Workspace, order: str) -> None:
    sources_by(empty, order)
    assert counted(empty) == MERGED
    with empty.reader() as reader:
        assert events.n_merged(reader) == 3
        assert reader.rows(
            "SELECT user_id, CAST(sum(n_events) AS BIGINT) FROM sessions GROUP BY 1 ORDER BY 1"
        )[0] == ("C18", 1)
        stood = reader.rows(
            "SELECT source_user_id, user_id, reason FROM identities WHERE source_user_id = 'd-1'"
        )
    assert stood == [("d-1", LIZ, "device")]
    assert empty.stats("events")["n_users"] == 4


def test_merges_are_listed_with_what_joined_them(shop: Workspace) -> None:
    with shop.reader() as reader:
        found = events.merges(reader)
        assert events.merges(reader, limit=1)["user_id"].unique().tolist() == [LIZ]
        assert events.merges(reader, user_id="C18")["n_events"].tolist() == [0, 1]
    sources = Vault(shop.folder).source_ids(found["source_user_id"].tolist())
    found["source_user_id"] = [sources.get(one, one) for one in found["source_user_id"]]
    assert found.values.tolist() == [
        [LIZ, LIZ, "", 1, 3],
        [LIZ, "liz@shop.example", "email", 2, 3],
        [LIZ, "d-1", "device", 1, 3],
        ["C18", "C18", "", 0, 2],
        ["C18", "wang@shop.example", "email", 1, 2],
    ]


def test_one_merge_is_undone_and_the_others_stand(shop: Workspace) -> None:
    result = actions.run(shop, Actor(), actions.KeepApart("d-1", LIZ))
    assert result == {"n_events": 8, "n_changed": 3, "n_left_out": 0}
    assert counted(shop) == {**MERGED, LIZ: 3, "d-1": 1}
    (rule,) = [one for one in saved_rules(shop) if one.active]
    assert rule.rule == MergeUsers(10, ((min("d-1", LIZ), max("d-1", LIZ)),))
    with shop.reader() as reader:
        assert "d-1" not in events.merges(reader)["source_user_id"].tolist()
    # They stay apart when more comes.
    later = APP.replace("2026-01-02", "2026-01-03")
    load(shop, write(shop.folder.parent / "later.csv", later), mapping=APP_MAPPING)
    assert not rules_pending(shop)
    assert counted(shop) == {LIZ: 4, "d-1": 2, "C18": 1, "new@shop.example": 1, "d-2": 4}


def test_all_merges_are_undone_with_the_rule_and_stay_so(shop: Workspace) -> None:
    (rule,) = saved_rules(shop)
    switch_rule(shop, rule.rule_id, active=False)
    apply_rules(shop)
    apart = {LIZ: 1, "liz@shop.example": 2, "d-1": 1, "wang@shop.example": 1, "new@shop.example": 1, "d-2": 2}
    assert counted(shop) == apart
    with shop.reader() as reader:
        assert events.merges(reader).empty
    load(shop, write(shop.folder.parent / "crm again.csv", CRM.replace("C18", "C19")))
    assert not rules_pending(shop), "a rule that was switched off stays off"
    switch_rule(shop, rule.rule_id, active=True)
    apply_rules(shop)
    assert counted(shop)[LIZ] == 4


def test_what_comes_later_joins_the_person(shop: Workspace) -> None:
    load(shop, write(shop.folder.parent / "more.csv", SHOP.replace("2026-01-01", "2026-02-01")))
    assert not rules_pending(shop)
    assert counted(shop) == {LIZ: 6, "C18": 2, "new@shop.example": 2, "d-2": 2}
    again = load(shop, write(shop.folder.parent / "same.csv", SHOP))
    assert (again.loaded, again.duplicate) == (0, 4), "duplicates are told by the rows as they came"
    assert counted(shop)[LIZ] == 6
    # A new customer's list says that an address which stood alone is somebody.
    crm = "customer_id,email\nC77,new@shop.example\n"
    load(shop, write(shop.folder.parent / "new crm.csv", crm))
    assert rules_pending(shop)
    apply_rules(shop)
    assert counted(shop) == {LIZ: 6, "C18": 2, "C77": 2, "d-2": 2}


def test_a_no_of_one_id_is_the_persons(shop: Workspace, tmp_path: Path) -> None:
    assert email_consent(shop).granted == {LIZ}
    load(shop, write(tmp_path / "news.csv", "email,unsubscribed\nliz@shop.example,yes\n"))
    asked = email_consent(shop)
    assert (set(asked.granted), set(asked.denied)) == (set(), {LIZ, "C18"})


def test_the_same_links_again_make_no_new_version(shop: Workspace, tmp_path: Path) -> None:
    before = shop.versions()["events"]
    load(shop, write(tmp_path / "crm.csv", CRM))
    load(shop, write(tmp_path / "app.csv", APP), mapping=APP_MAPPING)
    assert (shop.versions()["events"], rules_pending(shop)) == (before, False)


@pytest.mark.parametrize(
    ("pair", "error", "said"),
    [
        (("d-1", "d-1"), InputError, "Two ids that are kept apart must differ. Received: 'd-1' twice."),
        (("d-1", "C18"), NotFoundError, "must stand as one user. Received: 'd-1' and 'C18'."),
        (("nobody", "王"), NotFoundError, "must stand as one user. Received: 'nobody' and '王'."),
    ],
)
def test_ids_that_are_not_merged_cannot_be_parted(
    shop: Workspace, pair: tuple[str, str], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        events.keep_apart(shop, *pair)
    assert len(saved_rules(shop)) == 1


@pytest.mark.parametrize("careful", [False, True], ids=["fast", "careful"])
def test_keys_beside_the_user_id_link_and_stay_out_of_the_events(
    empty: Workspace, tmp_path: Path, careful: bool
) -> None:
    rows = [
        "u1,Ann@b.example,0049 151 1234567,view,2026-01-01 10:00:00",
        "u2,ann@B.example ,,view,2026-01-01 11:00:00",
        "u3,,+49 (0)151-1234567,view,2026-01-01 12:00:00",
        "u4,null,000000,view,2026-01-01 13:00:00",
        "u5,null,000000,view,2026-01-01 14:00:00",
    ]
    if careful:
        rows += [",x@b.example,,view,2026-01-01 15:00:00", "u9,,,view,never"]
    path = write(tmp_path / "e.csv", "\n".join(["user_id,e-mail,phone number,event_type,event_time", *rows]))
    assert events.propose(path).mapping.keys == {"email": "e-mail", "phone": "phone number"}
    source = load(empty, path)
    assert (source.loaded, source.rejected) == (6, 1) if careful else (5, 0)
    apart = {"u1": 3, "u4": 1, "u5": 1}
    assert counted(empty) == ({**apart, "x@b.example": 1} if careful else apart)
    with empty.reader() as reader:
        assert reader.value("SELECT count(properties) FROM events") == 0
        digests = [row[0] for row in reader.rows("SELECT digest FROM identity_keys WHERE key <> 'user_id'")]
    assert all(len(one) == 33 and one.startswith("x") for one in digests)
