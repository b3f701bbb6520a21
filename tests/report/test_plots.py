"""The plots of a timed function: small, safe inside a page, told in words, and the same every time."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from grader.model import Pace
from grader.report import plots
from tests.report.sample_reports import growth, timing

CONV = timing("conv2d", Pace.SLOW, 14.2, growth=growth(2.9))
SVG_ATTRIBUTE = re.compile(r"on\w+|style|class|xmlns.*|src|.*:.*")


@pytest.fixture(params=[plots.rounds, plots.growth], ids=["rounds", "growth"])
def draw(request: pytest.FixtureRequest):
    return request.param


def test_a_figure_is_small_and_safe(draw) -> None:
    figure = draw(CONV, "f1-plot")
    assert len(figure) < 10_000
    elements = list(ET.fromstring(figure).iter())
    assert {element.tag for element in elements} <= {
        *("svg", "title", "desc", "defs", "g", "path", "use", "text", "clipPath", "rect"),
    }
    for element in elements:
        assert not [key for key in element.attrib if SVG_ATTRIBUTE.fullmatch(key)]
    assert set(re.findall(r"url\((.)|href=\"(.)", figure)) <= {("#", ""), ("", "#")}
    assert not re.search("#000000|black|#fff", figure)


def test_every_reference_has_its_only_target_in_the_figure(draw) -> None:
    figure = draw(CONV, "f1-plot")
    ids = re.findall(r'\bid="([^"]+)"', figure)
    assert len(ids) == len(set(ids)) > 0
    assert set(re.findall(r'(?:url\(|href=")#([\w-]+)', figure)) == set(ids)
    assert all(name.startswith("f1-plot-") for name in ids)


def test_a_figure_is_the_same_in_every_process(draw) -> None:
    code = f"""
from tests.report.test_plots import CONV, plots
print(plots.{draw.__name__}(CONV, "f1-plot"), end="")
"""
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True).stdout
    assert other == draw(CONV, "f1-plot")


def test_settings_of_the_user_change_nothing(draw) -> None:
    import matplotlib

    plain = draw(CONV, "f1-plot")
    with matplotlib.rc_context(
        {"font.size": 30, "axes.facecolor": "red", "lines.linewidth": 9, "svg.fonttype": "path"}
    ):
        assert draw(CONV, "f1-plot") == plain


def test_rounds_are_told_in_words() -> None:
    title, description = list(ET.fromstring(plots.rounds(CONV, "f1")))[:2]
    assert title.text == "Time of conv2d in each round, in multiples of the reference's"
    assert description.text == "11 rounds, from 13.9x to 22.7x, estimate 14.2x ±4 %, limit 3x."
    shown = [text.text for text in ET.fromstring(plots.rounds(CONV, "f1")).iter("text")]
    assert {"rounds", "14.2x ±4 %", "limit 3x", "5x", "10x", "20x", "1", "5", "10"} <= set(shown)


def test_growth_is_told_in_words() -> None:
    figure = ET.fromstring(plots.growth(CONV, "f1"))
    title, description = list(figure)[:2]
    assert title.text == "Time of one call of conv2d by the number of boxes"
    assert description.text == (
        "you n^2.9: 20 µs at 64, 149 µs at 128, 1 ms at 256; reference n^2.0: 15 µs at 64, 60 µs at 128, 240 µs at 256."
    )
    assert {"you n^2.9", "reference n^2.0", "64", "128", "256"} <= {text.text for text in figure.iter("text")}


def test_texts_are_escaped() -> None:
    hostile = replace(CONV, function="<b>&\x1b" * 50, growth=growth(2.0, unit='"><script>'))
    for figure in (plots.rounds(hostile, "f1"), plots.growth(hostile, "f1")):
        assert "<b>" not in figure and "<script" not in figure and "\x1b" not in figure
        assert "\\x1b" in ET.fromstring(figure)[0].text


def test_rounds_that_were_not_measured_are_not_drawn() -> None:
    gaps = replace(CONV, rounds=(float("nan"), 2.0, 0.0, float("inf"), 2.5))
    assert "2 rounds, from 2.0x to 2.5x" in plots.rounds(gaps, "f1")
    assert plots.rounds(replace(CONV, rounds=(float("inf"),)), "f1") == ""
    assert plots.growth(replace(CONV, growth=None), "f1") == ""


@pytest.mark.parametrize("ratio", [0.002, 1.0, 3.0, 3_000.0])
def test_every_axis_has_labels(ratio: float) -> None:
    figure = ET.fromstring(plots.rounds(timing("f", Pace.FULL, ratio), "f1"))
    ticks = [text.text for text in figure.iter("text") if re.fullmatch(r"[\d.e+-]+x", text.text or "")]
    assert 2 <= len(ticks) <= 7
