"""Pictures of failures: small, safe inside a page, told in words and drawn without colour alone."""

import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from grader.model import Picture, Series
from grader.report import drawing
from grader.report.pictures import draw, told
from tests.report.sample_reports import BOXES, HOSTILE, MAPS, PICTURES, POINTS

ATTRIBUTE = re.compile(r"on\w+|style|class|xmlns.*|src|.*:.*")
TAGS = {"svg", "title", "desc", "defs", "g", "path", "use", "text", "clipPath", "rect"}


@pytest.fixture(params=PICTURES)
def picture(request: pytest.FixtureRequest) -> Picture:
    return PICTURES[request.param]


def texts(figure: str) -> list[str]:
    return [text.text or "" for text in ET.fromstring(figure).iter("text")]


def test_a_picture_is_small_and_safe(picture: Picture) -> None:
    figure = draw(picture, "f", "f1-picture")
    assert 1_000 < len(figure) < 20_000
    elements = list(ET.fromstring(figure).iter())
    assert {element.tag for element in elements} <= TAGS
    for element in elements:
        assert not [key for key in element.attrib if ATTRIBUTE.fullmatch(key)]
    assert set(re.findall(r"url\((.)|href=\"(.)", figure)) <= {("#", ""), ("", "#")}
    ids = re.findall(r'\bid="([^"]+)"', figure)
    assert len(ids) == len(set(ids))
    assert all(name.startswith("f1-picture-") for name in ids)


def test_a_picture_is_the_same_in_every_process(picture: Picture) -> None:
    code = f"""
from tests.report.test_pictures import PICTURES, draw
print(draw(PICTURES[{picture.kind!r}], "f", "f1"), end="")
"""
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True).stdout
    assert other == draw(picture, "f", "f1")


def test_the_alternative_text_tells_the_numbers(picture: Picture) -> None:
    title, description = list(ET.fromstring(draw(picture, "nms, small", "f1")))[:2]
    assert (title.text or "").endswith(", nms, small")
    assert description.text == told(picture)
    assert description.text.startswith(picture.caption)
    assert all(f"{series.name}: (" in description.text for series in picture.series)


def test_the_numbers_that_are_told_are_few() -> None:
    many = Picture("curves", "Many.", (Series("a", tuple((float(n), None) for n in range(400))),))
    assert told(many) == f"Many. a: {', '.join(f'({n}, none)' for n in range(8))} and 392 more."


def test_groups_of_boxes_differ_by_line_and_by_number() -> None:
    figure = draw(BOXES, "nms", "f1")
    assert {"kept", "removed", "wrongly kept", "wrongly removed", "0", "1", "2", "3"} <= set(texts(figure))
    assert len(set(re.findall(r'stroke-dasharray="[^"]+"', figure))) == 2
    assert len(set(re.findall(r'stroke="(#\w+)"', figure))) >= 4


def test_points_differ_by_marker() -> None:
    figure = ET.fromstring(draw(POINTS, "softmax", "f1"))
    shown = {use.get("href") for use in figure.iter("use")}
    assert len(shown) >= 4  # ticks of two axes, and a marker for each group
    assert {"off the line", "right", "equal values", "expected", "yours"} <= {t.text for t in figure.iter("text")}


def test_small_maps_show_their_numbers_and_large_ones_none() -> None:
    shown = texts(draw(MAPS, "conv2d", "f1"))
    assert shown.count("-5") == 1 and shown.count("-3") == 1
    assert {"input, up to 8", "expected, up to 4", "yours, up to 4", "difference, up to 5"} <= set(shown)
    rows = tuple(tuple(1000.0 + i + j for j in range(32)) for i in range(32))
    large = texts(draw(replace(MAPS, series=(Series("expected", rows), Series("yours", rows))), "conv2d", "f1"))
    assert len(large) == 2


def test_what_is_not_finite_is_crossed_out() -> None:
    holes = replace(MAPS, series=(Series("expected", ((1.0, 2.0),)), Series("yours", ((None, 2.0),))))
    assert drawing.LIMIT in draw(holes, "conv2d", "f1")
    assert drawing.LIMIT not in draw(replace(MAPS, series=MAPS.series[1:2]), "conv2d", "f1")


@pytest.mark.parametrize("background", ["#ffffff", "#1b1f23"])
@pytest.mark.parametrize("color", ["STUDENT", "REFERENCE", "LIMIT", "MISSED"])
def test_lines_stand_out_in_light_and_dark(color: str, background: str) -> None:
    def luminance(code: str) -> float:
        parts = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(getattr(drawing, color)), luminance(background)))
    assert (high + 0.05) / (low + 0.05) >= 3


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(name: str, picture: Picture) -> None:
    text = HOSTILE[name]
    hostile = replace(picture, caption=text, series=tuple(replace(s, name=text) for s in picture.series))
    figure = draw(hostile, text, "f1")
    assert figure
    assert {element.tag for element in ET.fromstring(figure).iter()} <= TAGS
    assert len(figure) < 60_000
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e\u2066]|<script", figure)


def test_dollars_are_no_formula() -> None:
    named = replace(POINTS, series=(Series(r"$\frac{1}$ $x^2$", ((0.0, 1.0), (1.0, 2.0))),))
    assert r"$\frac{1}$ $x^2$" in texts(draw(named, "f", "f1"))


@pytest.mark.parametrize(
    "rows",
    [
        (),
        ((),),
        ((None, None, None, None, None),),
        ((1e30, -1e30, 1e30, 1e30, 1.0),),
        ((1e308, -1e308, 1e308, 1e-308, 1e308),),
        ((math.inf, math.nan, 0.0, 0.0, 0.0),),
        ((1.0,), (1.0, 2.0), (1.0, 2.0, 3.0)),
        ((0.0, 0.0, 0.0, 0.0, 0.0),) * 3,
    ],
)
def test_any_numbers_are_drawn_or_left_out(rows, picture: Picture) -> None:
    odd = replace(picture, series=tuple(replace(series, rows=rows) for series in picture.series))
    figure = draw(odd, "f", "f1")
    assert figure == "" or ET.fromstring(figure).tag == "svg"
    assert told(odd).startswith(picture.caption)
    assert draw(replace(picture, series=()), "f", "f1") == "" or picture.kind in ("boxes", "histogram")
