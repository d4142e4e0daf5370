"""The look as `.streamlit/config.toml` sets it: text that can be read, colours that can be told apart."""

import itertools
import tomllib
from pathlib import Path

import numpy as np
import pytest

from persmark.ui.cards import TONES

THEME = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text())["theme"]
SCHEMES = ("light", "dark")
TEXTS = (
    "textColor",
    "linkColor",
    "grayTextColor",
    "greenTextColor",
    "orangeTextColor",
    "redTextColor",
    "blueTextColor",
)
# Machado, Oliveira & Fernandes, A Physiologically-based Model for Simulation of Color Vision
# Deficiency, IEEE TVCG 15(6), 2009: matrices at severity 1, on linear RGB.
SIGHTS = {
    "normal": np.eye(3),
    "red-blind": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "green-blind": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "blue-blind": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour: str) -> np.ndarray:
    rgb = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    bright, dim = sorted((float(XYZ[1] @ linear(one)), float(XYZ[1] @ linear(other))), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = XYZ @ np.clip(rgb, 0, 1) / np.array([0.95047, 1, 1.08883])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_contrast_equals_known_values():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def backgrounds(scheme: str) -> list[str]:
    held = THEME[scheme]
    return [
        held["backgroundColor"],
        held["secondaryBackgroundColor"],
        held["sidebar"]["backgroundColor"],
        held["sidebar"]["secondaryBackgroundColor"],
        held["dataframeHeaderBackgroundColor"],
    ]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", TEXTS)
def test_text_meets_wcag_aa_on_every_background(scheme, name):
    for background in backgrounds(scheme):
        assert contrast(THEME[scheme][name], background) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
def test_quiet_text_meets_wcag_aa(scheme):
    """Notes are drawn at 78% opacity of the text colour."""
    for background in backgrounds(scheme):
        front, back = (
            np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)])
            for colour in (THEME[scheme]["textColor"], background)
        )
        mixed = "#" + "".join(f"{round(value):02x}" for value in 0.78 * front + 0.22 * back)
        assert contrast(mixed, background) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
def test_primary_colour_carries_its_text_and_stands_out(scheme):
    primary = THEME[scheme]["primaryColor"]
    assert contrast(primary, THEME[scheme]["backgroundColor"]) >= 4.5
    assert max(contrast(primary, "#ffffff"), contrast(primary, THEME["dark"]["backgroundColor"])) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
def test_series_colours_show_on_the_background(scheme):
    for colour in THEME[scheme]["chartCategoricalColors"]:
        assert contrast(colour, THEME[scheme]["backgroundColor"]) >= 3.0


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("sight", SIGHTS)
def test_series_colours_can_be_told_apart(scheme, sight):
    """CIE76 of at least 13 (2.3 is just noticeable) for all pairs of the seven colours that name things."""
    colours = [lab(SIGHTS[sight] @ linear(one)) for one in THEME[scheme]["chartCategoricalColors"][:7]]
    assert min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(colours, 2)) >= 13


@pytest.mark.parametrize("scheme", SCHEMES)
def test_sequential_colours_run_one_way(scheme):
    brightness = [float(XYZ[1] @ linear(one)) for one in THEME[scheme]["chartSequentialColors"]]
    assert len(brightness) == 10
    assert brightness in (sorted(brightness), sorted(brightness, reverse=True))


@pytest.mark.parametrize("tone", TONES)
def test_tiles_carry_white_text(tone):
    assert contrast(tone, "#ffffff") >= 4.5


def test_no_font_is_fetched():
    assert THEME["font"] == "sans-serif"
    assert "fontFaces" not in THEME
