"""Line colors: distinguishable from each other, and from their background."""

import re
from importlib import resources
from itertools import combinations

import numpy as np
import pytest

ASSETS = resources.files("posembed.report.html") / "assets"


def palette(theme):
    script = (ASSETS / "report.js").read_text(encoding="utf-8")
    return re.findall("#[0-9A-F]{6}", re.search(rf"{theme}: \[(.*?)\]", script)[1])


def grounds(theme):
    style = (ASSETS / "report.css").read_text(encoding="utf-8")
    return re.findall(r"--(?:ground|raised): (#[0-9a-f]{6})", style)[0 if theme == "light" else 2 :][:2]


def linear(color):
    """Red, green and blue as amounts of light."""
    parts = np.array([int(color[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """As WCAG 2 has it."""
    dark, light = sorted(linear(color) @ [0.2126, 0.7152, 0.0722] for color in (one, other))
    return (light + 0.05) / (dark + 0.05)


def oklab(color):
    """Ottosson 2020, whose distances follow the eye's."""
    to_cones = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    to_lab = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
    return np.array(to_lab) @ np.cbrt(np.array(to_cones) @ linear(color))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_two_series_look_alike(theme):
    colors = palette(theme)
    assert len(colors) == 7
    distance = {pair: np.linalg.norm(oklab(pair[0]) - oklab(pair[1])) for pair in combinations(colors, 2)}
    nearest = min(distance, key=distance.get)
    assert distance[nearest] > 0.12, nearest


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_lines_stand_out_from_the_ground(theme):
    assert len(grounds(theme)) == 2
    for ground in grounds(theme):
        assert min(contrast(color, ground) for color in palette(theme)) >= 3
