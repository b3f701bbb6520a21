"""A figure as SVG that stands inside an HTML page: no style of its own, no metadata, and ids that nothing else has."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FONT_SIZE = 12
_DROPPED = {"metadata", "style"}
_REFERENCE = re.compile(r"(?<=url\(#)[\w-]+|(?<=href=\"#)[\w-]+")
_NUMBER = re.compile(r"-?\d+\.\d+")
_SPACES = re.compile(r" ?([A-Za-z]) ?")
# Four corners and the first again, two by two at one height.
_RECTANGLE = re.compile(r"M([-\d.]+) ([-\d.]+)L([-\d.]+) \2L\3 ([-\d.]+)L\1 \4(?:L\1 \2)?Z", re.IGNORECASE)


def inline(figure: Figure, name: str, title: str, description: str) -> Markup:
    """Return the figure with its alternative text; `name` is unique in the page and starts every id.

    Style attributes become presentation attributes, which the page's policy lets through. Black is the colour of the
    text around the figure, so that it reads on light and on dark.
    """
    file = io.BytesIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    source = file.getvalue().decode()
    ids = {old: f"{name}-{number}" for number, old in enumerate(dict.fromkeys(_REFERENCE.findall(source)))}
    drawn = ET.fromstring(_REFERENCE.sub(lambda match: ids[match[0]], source))  # noqa: S314 - our own figure
    svg = ET.Element("svg", {"viewBox": drawn.attrib["viewBox"], "role": "img", "font-size": str(FONT_SIZE)})
    svg.attrib |= {"stroke-linejoin": "round", "stroke-linecap": "butt"}
    ET.SubElement(svg, "title").text = title
    ET.SubElement(svg, "desc").text = description
    svg.extend(_plain(child, ids) for child in drawn if _tag(child) not in _DROPPED)
    return Markup(ET.tostring(svg, encoding="unicode"))  # noqa: S704 - ElementTree has escaped every text


def _plain(element: ET.Element, ids: dict[str, str]) -> ET.Element:
    """Return a copy without namespaces, styles and layout of the source, and only with ids that something refers to."""
    plain = ET.Element(_tag(element))
    for key, value in element.attrib.items():
        match key.rsplit("}", 1)[-1]:
            case "id":
                if value in ids:
                    plain.set("id", ids[value])
            case "style":
                plain.attrib |= _attributes(value)
            case "d":
                plain.set("d", _path(value))
            case "x" | "y":
                plain.set(key, _NUMBER.sub(_rounded, value))
            case local:
                plain.set(local, " ".join(value.split()))
    if plain.tag == "text":
        plain.attrib = {"fill": "currentColor"} | plain.attrib
    plain.text = (element.text or "").strip()
    plain.extend(_plain(child, ids) for child in element if _tag(child) not in _DROPPED)
    _shared(plain)
    return plain


def _path(data: str) -> str:
    """Return path data without spaces that mean nothing, and rectangles in their short form."""
    tight = _SPACES.sub(r"\1", _NUMBER.sub(_rounded, " ".join(data.split())))
    return _RECTANGLE.sub(r"M\1 \2H\3V\4H\1Z", tight)


def _shared(group: ET.Element) -> None:
    """Move the attributes that all markers of a group share to the group."""
    children = list(group)
    if len(children) < 2 or {child.tag for child in children} != {"use"}:
        return
    first = children[0].attrib
    same = {key: value for key, value in first.items() if all(child.get(key) == value for child in children)}
    for key in sorted(same.keys() - {"href", "x", "y"}):
        group.set(key, same[key])
        for child in children:
            del child.attrib[key]


def _rounded(number: re.Match[str]) -> str:
    """Return a coordinate to a hundredth of a pixel, in half of the characters."""
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


def _attributes(style: str) -> dict[str, str]:
    """Return a style as presentation attributes; the font is the page's."""
    pairs = (declaration.partition(":")[::2] for declaration in style.split(";"))
    return {
        key.strip(): "currentColor" if value.strip() == "#000000" else value.strip()
        for key, value in pairs
        if not key.strip().startswith("font")
    }


def _tag(element: ET.Element) -> str:
    return element.tag.rsplit("}", 1)[-1]
