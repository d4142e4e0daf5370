"""What the figures of a test window say, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from persmark.text import Text, text

# What a prediction is measured against, as people call it, the hardest last.
AGAINST: Mapping[str, str] = {
    "base": "the base rate",
    "rfm": "recency, frequency and money alone",
    "gap": "the user's own mean gap",
    "again": "the last 12 weeks again",
    "bgnbd": "BG/NBD + Gamma-Gamma",
}
# Measures that must all be better for a prediction to be better.
COUNTED: Mapping[str, tuple[str, ...]] = {
    "chance": ("brier", "auc"),
    "amount": ("mae", "captured"),
    "days": ("mae",),
}
_MEASURED: Mapping[str, str] = {
    "brier": "Brier score", "auc": "AUC", "mae": "mean error", "captured": "the money with the best tenth",
}  # fmt: skip
BEATS, LEVEL, WORSE = "beats", "not separable from", "is worse than"
# Below this many who did it, or did not, in the test window, intervals are too wide to lean on.
FEW = 30


def standing(gains: Mapping[str, Sequence[float | None]], kind: str) -> str:
    """`BEATS` where every counted measure is better for certain, `WORSE` where one is worse for certain
    and none better, else `LEVEL`."""
    lows = [gains[measure][1] for measure in COUNTED[kind] if measure in gains]
    highs = [gains[measure][2] for measure in COUNTED[kind] if measure in gains]
    if lows and all(low is not None and low > 0 for low in lows):
        return BEATS
    better = any(low is not None and low > 0 for low in lows)
    if any(high is not None and high < 0 for high in highs) and not better:
        return WORSE
    return LEVEL


def standings(result: Mapping[str, Any]) -> dict[str, str]:
    """What it was measured against -> how it stands."""
    return {name: standing(gains, result["kind"]) for name, gains in result.get("gains", {}).items()}


def _better_by(result: Mapping[str, Any], name: str) -> list[str]:
    """Counted measures by which it is better for certain."""
    gains = result["gains"][name]
    return [one for one in COUNTED[result["kind"]] if (gains[one][1] or 0.0) > 0]


def _measured(measures: Sequence[str]) -> str:
    return " and ".join(_MEASURED[one] for one in measures)


def _named(names: Sequence[str]) -> str:
    shown = [AGAINST.get(name, name) for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _figure(values: Sequence[float | None], digits: int = 3) -> Text:
    value, low, high = values
    if value is None:
        return text("unknown")
    if low is None or high is None:
        return text("{value}", value=f"{value:,.{digits}f}")
    return text(
        "{value} (95% {low} to {high})",
        value=f"{value:,.{digits}f}", low=f"{low:,.{digits}f}", high=f"{high:,.{digits}f}",
    )  # fmt: skip


def verdict(result: Mapping[str, Any]) -> Text:
    """Whether a prediction can be believed, with its figures."""
    by_standing: dict[str, list[str]] = {BEATS: [], LEVEL: [], WORSE: []}
    for name, stands in standings(result).items():
        by_standing[stands].append(name)
    said: list[Text] = []
    if by_standing[BEATS]:
        said.append(text("It beats {names}.", names=_named(by_standing[BEATS])))
    even = [name for name in by_standing[LEVEL] if not _better_by(result, name)]
    if even:
        said.append(text("It is not separable from {names}.", names=_named(even)))
    for name in by_standing[LEVEL]:
        better = _better_by(result, name)
        if better:
            rest = [one for one in COUNTED[result["kind"]] if one not in better]
            said.append(
                text("By {better} it beats {name}; by {rest} they are not separable.",
                     better=_measured(better), rest=_measured(rest), name=_named([name]))
            )  # fmt: skip
    if by_standing[WORSE]:
        said.append(text("It is worse than {names}.", names=_named(by_standing[WORSE])))
    said.append(_figures(result))
    off, came = result.get("off", [None, None, None]), result["share"][0]
    if result["kind"] == "chance" and None not in off and (off[1] > 0 or off[2] < 0):
        said.append(
            text("Its level was off: {promised} was promised on average, {came} came.",
                 promised=f"{came + off[0]:.1%}", came=f"{came:.1%}")
        )  # fmt: skip
    if (
        result["kind"] == "chance"
        and min(result["n_positive"], result["n_rows"] - result["n_positive"]) < FEW
    ):
        said.append(text("Only {n} of {m} did it: the intervals are wide, so lean on it lightly.",
                         n=result["n_positive"], m=result["n_rows"]))  # fmt: skip
    return joined(said)


def _figures(result: Mapping[str, Any]) -> Text:
    ours = result["figures"]["model"]
    n = result["n_users"]
    if result["kind"] == "chance":
        return text(
            "AUC {auc}, Brier score {brier}, the best-scored tenth does it {lift} times as often; {n} users.",
            auc=_figure(ours["auc"]), brier=_figure(ours["brier"], 4), lift=_figure(ours["lift"], 2), n=n,
        )  # fmt: skip
    if result["kind"] == "amount":
        return text(
            "Off by {mae} on average, the best-scored tenth holds {share} of the money, all predictions"
            " together are {ratio} times what was paid; {n} users.",
            mae=_figure(ours["mae"], 2),
            share=_figure(ours["captured"]),
            ratio=_figure(ours["ratio"], 2),
            n=n,
        )  # fmt: skip
    return text("Off by {mae} days on average; {n} users.", mae=_figure(ours["mae"], 2), n=n)


def joined(sentences: Sequence[Text]) -> Text:
    """Sentences one after the other, as one."""
    names = [f"s{place}" for place in range(len(sentences))]
    return Text(" ".join(f"{{{name}}}" for name in names), dict(zip(names, sentences, strict=True)))


def packed(value: object) -> object:
    """A sentence as JSON."""
    if isinstance(value, Text):
        return {
            "template": value.template,
            "values": {name: packed(held) for name, held in value.values.items()},
        }
    return value


def unpacked(value: object) -> Any:
    """What `packed` made."""
    if isinstance(value, dict) and set(value) == {"template", "values"}:
        return Text(value["template"], {name: unpacked(held) for name, held in value["values"].items()})
    return value
