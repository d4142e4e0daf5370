"""What every chart shares: colours by place in the theme's palette, margins, axes, the cap on points.

Colours are Streamlit's placeholders, which its front end replaces by `chartCategoricalColors` and
`chartSequentialColors` of `.streamlit/config.toml`, so that one figure fits light and dark.
Source: streamlit.elements.lib.streamlit_plotly_theme, version 1.67.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import plotly.graph_objects as go

from persmark import columns
from persmark.ui.words import significant

SERIES: tuple[str, ...] = tuple(f"#{place:06d}" for place in range(1, 9))
SEQUENTIAL: tuple[tuple[float, str], ...] = tuple((step / 9, f"#{11 + step:06d}") for step in range(10))
MAX_POINTS = 5_000

# Same behaviour, same colour, on every page; earlier ones come first to a colour that two wish for.
_TYPE_PLACES: Mapping[str, int] = MappingProxyType({
    columns.PURCHASE: 0,
    columns.VIEW: 2,
    columns.CART: 1,
    columns.CLICK: 4,
    columns.CAMPAIGN_RECEIVED: 5,
    columns.SEARCH: 6,
    columns.IMPRESSION: 7,
    columns.REFUND: 3,
    columns.COUPON_REDEEMED: 1,
})  # fmt: skip


def colours(event_types: Sequence[str]) -> dict[str, str]:
    """Event type -> colour: its own, else a free one, else the last."""
    taken: dict[str, str] = {}
    for event_type, place in _TYPE_PLACES.items():
        if event_type in event_types and SERIES[place] not in taken.values():
            taken[event_type] = SERIES[place]
    free = [colour for colour in SERIES[:-1] if colour not in taken.values()]
    for event_type in event_types:
        if event_type not in taken:
            taken[event_type] = free.pop(0) if free else SERIES[-1]
    return taken


def figure(height: int = 280, *, legend: bool = False) -> go.Figure:
    """An empty figure with our margins and no background of its own."""
    # One layout in one go: each later change costs a page milliseconds.
    return go.Figure(
        layout={
            "height": height,
            "margin": {"l": 8, "r": 8, "t": 30 if legend else 8, "b": 8},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "showlegend": legend,
            "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"},
            "bargap": 0.25,
            "hovermode": "closest",
            "dragmode": False,
            "xaxis": {"automargin": True, "fixedrange": True, "zeroline": False},
            "yaxis": {"automargin": True, "fixedrange": True, "zeroline": False},
        }
    )


def safe(value: object) -> str:
    """A data value as a label: Plotly reads some HTML in labels, so its signs are escaped."""
    return str(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(value: object, length: int = 36) -> str:
    """`safe`, shortened in the middle of nowhere rather than squeezing the plot."""
    whole = str(value)
    return safe(whole if len(whole) <= length else whole[: length - 1].rstrip() + "…")


def brief(value: float) -> str:
    """A number beside a bar: exact while short, then in thousands or millions."""
    for limit, sign in ((1e9, "B"), (1e6, "M"), (1e5, "k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if sign == 'k' else limit):.3g}{sign}"
    return f"{value:,.0f}" if float(value).is_integer() else significant(value)


def count_axis(drawn: go.Figure, most: float) -> None:
    """A vertical axis of counts from zero; below six, only whole ones."""
    whole = {"dtick": 1} if most < 6 else {}
    drawn.update_yaxes(tickformat=",~s", rangemode="tozero", **whole)
