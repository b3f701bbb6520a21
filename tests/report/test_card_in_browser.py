"""The card in a real browser, among the styles of notebooks: readable in light and dark, and quiet."""

import pytest

from tests.report.test_card import FUNCTIONS, card_of
from tests.report.test_page_in_browser import CONTRASTS, browser, events, open_page, pytestmark  # noqa: F401

# What JupyterLab, VS Code and Colab have around an output, as far as it touches a card.
NOTEBOOK = """<!doctype html><meta charset="utf-8"><title>A notebook</title><style>
body {{ background: {page}; color: {ink}; font: 14px sans-serif; margin: 8px }}
pre, code {{ background-color: {page}; color: {ink}; font-size: 13px }}
pre {{ margin: 0; padding: 0; line-height: 1.2 }}
</style><body>{cards}</body>"""
COLOURS = {"light": ("#ffffff", "rgba(0, 0, 0, 0.87)"), "dark": ("#111111", "#d4d4d4"), "black": ("#000000", "#cccccc")}


@pytest.mark.parametrize("scheme", COLOURS)
def test_cards_are_readable_and_quiet_on_any_background(open_page, events, scheme):  # noqa: F811
    page_colour, ink = COLOURS[scheme]
    cards = "".join(card_of(function)._repr_html_() for function in FUNCTIONS)
    page = open_page(
        NOTEBOOK.format(page=page_colour, ink=ink, cards=cards), scheme="light" if scheme == "light" else "dark"
    )
    for details in page.query_selector_all("details"):
        details.evaluate("details => details.open = true")
    assert page.evaluate(CONTRASTS) == []
    assert page.evaluate("document.scripts.length + document.images.length") == 0
    assert events == []


def test_a_card_fits_a_narrow_panel(open_page):  # noqa: F811
    cards = "".join(card_of(function)._repr_html_() for function in FUNCTIONS)
    page = open_page(NOTEBOOK.format(page="#fff", ink="#000", cards=cards), width=320)
    for details in page.query_selector_all("details"):
        details.evaluate("details => details.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") == 320
