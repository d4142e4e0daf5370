"""Two periods of a few users, worked by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from persmark.attention.shifts import Periods, fatigue, shifts
from persmark.errors import EmptyError, InputError
from persmark.store import Reader
from tests.profiles.made import event, workspace

ODD = 'o\'Neil "张" 😀%'
PERIODS = Periods(date(2026, 3, 1), date(2026, 4, 1), date(2026, 4, 1), date(2026, 5, 1))


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Everybody attends to tea by half in March; in April wholly, while half their money goes to rye."""
    events = []
    for user, drift in ((ODD, 0), ("b", 0), ("c", 0), ("late", 1)):
        if not drift:
            events += [
                event(user, "view", "2026-03-02T10:00:00", "tea"),
                event(user, "purchase", "2026-03-02T10:05:00", "rye", value=10),
            ]
        events += [
            event(user, "view", "2026-04-02T10:00:00", "tea"),
            event(user, "view", "2026-04-02T10:02:00", "tea"),
            event(user, "view", "2026-04-02T12:00:00", "tea"),
            event(user, "purchase", "2026-04-20T12:05:00", "rye", value=10),
        ]
    items = [{"item_id": "tea", "category": ODD}, {"item_id": "rye", "category": "Bread"}]
    return workspace(tmp_path_factory.mktemp("moved"), events, items=items).reader()


def test_shares_move_by_hand(reader: Reader) -> None:
    found = shifts(reader, "category", PERIODS).set_index("name")
    tea, rye = found.loc[ODD], found.loc["Bread"]
    # `late` was not there in March: three users are compared.
    assert (tea.n_users, tea.n_attending) == (3, 3)
    assert (tea.attention_before, tea.attention_now) == (pytest.approx(0.5), pytest.approx(0.75))
    assert (rye.spend_before, rye.spend_now) == (1, 1)
    # Every user moved alike: the change is sure, and spend did not follow.
    assert (tea.attention_low, tea.attention_high) == (pytest.approx(0.25), pytest.approx(0.25))
    assert bool(tea.rising)
    assert not bool(rye.rising)


def test_dwell_is_the_silence_before_the_next_event(reader: Reader) -> None:
    """March: five minutes upon tea. April: two minutes, then nothing within the half hour."""
    found = shifts(reader, "category", PERIODS).set_index("name").loc[ODD]
    assert (found.n_dwelling, found.dwell_before, found.dwell_now) == (3, 1, 1)


def test_only_the_chosen_users_count(reader: Reader) -> None:
    found = shifts(reader, "category", PERIODS, users=[ODD])
    assert found.n_users.tolist() == [1, 1]
    # One user has no spread to tell an interval by.
    assert np.isnan(found.attention_low).all()
    assert not found.rising.any()
    with pytest.raises(EmptyError, match="active in both"):
        shifts(reader, "category", PERIODS, users=["late"])


def test_hours_and_types_of_events(reader: Reader) -> None:
    hours = shifts(reader, "hour", PERIODS).set_index("name")
    # Two of two events at ten in March, two of four in April.
    assert (hours.loc["10"].attention_before, hours.loc["10"].attention_now) == (1, 0.5)
    kinds = shifts(reader, "event_type", PERIODS).set_index("name")
    assert kinds.loc["view"].attention_now == pytest.approx(0.75)


def test_wrong_questions_are_refused(reader: Reader) -> None:
    with pytest.raises(InputError, match="Received: mood"):
        shifts(reader, "mood", PERIODS)
    with pytest.raises(InputError, match="must follow each other"):
        Periods(date(2026, 4, 1), date(2026, 5, 1), date(2026, 4, 15), date(2026, 6, 1))


def test_contacts_answered_by_how_many_came_before(tmp_path: Path) -> None:
    """Ann is written to on the 1st (comes by on the 3rd) and the 4th (does not); bob once, in vain."""
    events = [
        event("ann", "campaign_received", "2026-03-01T08:00:00"),
        event("ann", "view", "2026-03-03T08:00:00", "tea"),
        event("ann", "campaign_received", "2026-03-04T08:00:00"),
        event("bob", "campaign_received", "2026-03-01T08:00:00"),
        event("cid", "view", "2026-04-01T08:00:00", "tea"),
        # Its week is not over when the data end.
        event("bob", "campaign_received", "2026-03-30T08:00:00"),
    ]
    made = workspace(tmp_path, events, items=[{"item_id": "tea", "category": "Tea"}])
    found = fatigue(made.reader(), 7)
    assert found.n_before.tolist() == [0, 1]
    assert found.n_contacts.tolist() == [2, 1]
    assert found.n_answered.tolist() == [1, 0]
    assert found.rate.tolist() == [0.5, 0.0]
    assert found.low[0] < 0.5 < found.high[0]
    assert np.isnan(found.low[1])
    assert fatigue(made.reader(), 7, users=["cid"]).empty
