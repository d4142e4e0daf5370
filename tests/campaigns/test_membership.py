"""Which audiences one user is in, on which side, and what was written since."""

from __future__ import annotations

import pyarrow as pa
import pytest

from persmark.campaigns import arms, audience, create_audience, export, memberships
from persmark.privacy import save_consents
from tests.campaigns.conftest import USERS


@pytest.fixture
def drawn(workspace):
    """Two audiences of everybody: one with a holdout that was written twice, one that was not."""
    create_audience(workspace, "Spring 春 'x'", segment="everyone", holdout_share=0.4, seed=3, actor="test")
    export(workspace, "Spring 春 'x'", k_items=0, actor="test")
    create_audience(workspace, "Summer", segment="everyone", holdout_share=0, seed=3, actor="test")
    return workspace


def _side(workspace, arm):
    rows = arms(workspace, audience(workspace, "Spring 春 'x'")).to_pylist()
    return [row["user_id"] for row in rows if row["arm"] == arm]


def test_every_user_of_an_arm_is_told_so(drawn):
    for arm, n_users in (("target", 6), ("holdout", 4)):
        users = _side(drawn, arm)
        assert len(users) == n_users
        for user in users:
            summer, spring = memberships(drawn, user)
            assert (summer.audience, summer.arm, summer.written) == ("Summer", "target", ())
            assert (spring.audience, spring.arm) == ("Spring 春 'x'", arm)
            # Nobody of the holdout stands on a target list.
            assert [one.destination for one in spring.written] == (["csv"] if arm == "target" else [])
            assert all(one.whole for one in spring.written)
            assert spring.note is None
    assert memberships(drawn, "nobody' OR 1=1") == []


def test_a_list_that_left_some_out_does_not_claim_to_hold_everyone(drawn):
    user, other = _side(drawn, "target")[:2]
    denied = pa.table({"user_id": [other], "purpose": ["email"], "state": ["denied"]})
    save_consents(drawn.state, denied)
    export(drawn, "Spring 春 'x'", k_items=0, actor="test")
    spring = memberships(drawn, user)[1]
    assert [one.whole for one in spring.written] == [False, True]
    assert str(spring.note) == (
        "Of a target list of 'Spring 春 'x'' some were left out for want of consent; the file tells who."
    )


def test_an_audience_whose_arms_were_changed_tells_nothing(drawn):
    (drawn.folder / audience(drawn, "Summer").file).write_bytes(b"changed")
    assert [one.audience for one in memberships(drawn, USERS[0])] == ["Spring 春 'x'"]
