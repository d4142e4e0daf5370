"""Long statements go on reporting; what is told raises where the work is done."""

from __future__ import annotations

import threading
import time

import pytest

from persmark.store import create_workspace
from persmark.store.pulse import Pulse
from persmark.text import Text, text


def test_a_running_statement_is_reported_again_and_moves_on_to_the_next_stop() -> None:
    told: list[tuple[float, str]] = []
    enough = threading.Event()

    def tell(fraction: float, message: Text) -> None:
        told.append((fraction, message.render()))
        if len(told) == 4:
            enough.set()

    pulse = Pulse(tell, (0.1, 0.7), lambda: 0.5, seconds=0.01)
    pulse(0.1, text("Reading {n} lines", n=1000))
    with pulse.statement():
        assert enough.wait(20)
    pulse.end()
    assert told[0] == (0.1, "Reading 1,000 lines")
    assert {message for _, message in told} == {"Reading 1,000 lines"}
    assert [fraction for fraction, _ in told[1:]] == pytest.approx([0.4] * (len(told) - 1))


def test_nothing_is_repeated_while_no_statement_runs() -> None:
    told: list[float] = []
    pulse = Pulse(lambda fraction, message: told.append(fraction), (0.1,), lambda: 0.5, seconds=0.005)
    pulse(0.1, text("Reading"))
    time.sleep(0.1)
    pulse.end()
    assert told == [0.1]


def test_the_fraction_never_falls() -> None:
    told: list[float] = []
    pulse = Pulse(lambda fraction, message: told.append(fraction), (), lambda: -0.01, seconds=60)
    for fraction in (0.1, 0.6, 0.2):
        pulse(fraction, text("Reading"))
    pulse.end()
    assert told == [0.1, 0.6, 0.6]


def test_what_the_told_one_raises_ends_the_statement() -> None:
    raised = threading.Event()

    def tell(fraction: float, message: Text) -> None:
        if threading.current_thread() is not threading.main_thread():
            raised.set()
            raise ValueError("enough")

    pulse = Pulse(tell, (), lambda: 0.0, seconds=0.01)
    pulse(0.1, text("Reading"))
    with pytest.raises(ValueError, match="enough"), pulse.statement():
        assert raised.wait(20)
    pulse.end()


def test_a_writer_reports_during_one_long_statement(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("persmark.store.pulse.PULSE_SECONDS", 0.02)
    told: list[tuple[float, str]] = []
    with create_workspace("w", root=tmp_path).write("events") as w:
        report = w.watch(lambda fraction, message: told.append((fraction, message.render())), (0.1, 0.9))
        report(0.1, text("Counting"))
        # Some hundred million pairs: longer than many beats on any machine.
        w.rows("SELECT count(*) FROM range(40000) a, range(20000) b WHERE (a.range * b.range) % 7 = 3")
        w.discarded = True
    assert len(told) > 3
    assert {message for _, message in told} == {"Counting"}
    assert all(0.1 <= fraction <= 0.9 for fraction, _ in told)
