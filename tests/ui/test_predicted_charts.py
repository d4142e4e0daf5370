"""Charts of how far predictions can be believed, and the sentences under them."""

from __future__ import annotations

import pandas as pd

from persmark.ui.charts import gains, read_gains, read_reliability, reliability

PROMISED = pd.DataFrame(
    {
        "mean": [0.1, 0.6], "share": [0.2, 0.5], "share_low": [0.15, 0.4], "share_high": [0.25, 0.7],
        "n": [30, 10],
    }
)  # fmt: skip
HELD = pd.DataFrame({"part": [0.1, 1.0], "share": [0.4, 1.0], "low": [0.3, 1.0], "high": [0.5, 1.0]})


def test_reliability_is_drawn_with_its_band_and_read() -> None:
    drawn = reliability(PROMISED)
    assert [trace.name for trace in drawn.data] == ["as promised", "95% interval", "what came"]
    assert list(drawn.data[1].y) == [0.25, 0.7, 0.4, 0.15]
    assert list(drawn.data[2].x) == [0.1, 0.6]
    assert read_reliability(PROMISED).render() == (
        "On average 22.5% was promised and 27.5% came. In 1 of 2 groups of like chances the promise lies"
        " within the interval of what came; the largest miss is 10.0% promised, 20.0% came"
        " (15.0% to 25.0%, 30 rows)."
    )
    assert read_reliability(PROMISED.head(0)).render() == "There was nobody to judge by."


def test_gains_start_at_nothing_and_are_read_at_the_tenth() -> None:
    drawn = gains(HELD, "the money")
    assert list(drawn.data[2].x) == [0.0, 0.1, 1.0]
    assert list(drawn.data[2].y) == [0.0, 0.4, 1.0]
    assert read_gains(HELD, "the money").render() == (
        "The best-scored tenth holds 40.0% of the money (95% 30.0% to 50.0%); picked at random it would hold"
        " 10%."
    )
    unsure = HELD.assign(low=None, high=None)
    assert "holds 40.0% of the money; picked" in read_gains(unsure, "the money").render()
    assert gains(unsure, "the money").data[1].y is not None
    assert read_gains(HELD.tail(1), "the money").render() == "There was nothing to hold."
