"""The card of a notebook: everything escaped, nothing but inline styles, readable on whatever is around it."""

import re
from dataclasses import replace

import pytest

from grader.live import OFFICIAL, Card
from grader.model import Location, Problem
from tests.report.sample_reports import HOSTILE, every_verdict, hostile

FUNCTIONS = every_verdict().functions


def card_of(function):
    return Card(function.name, function, (Problem("A call did not end."),))


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_every_verdict_has_its_word_in_every_form(function):
    from grader.report import words

    card, word = card_of(function), words.status(function).word
    for text in (repr(card), card._repr_markdown_(), card._repr_html_()):
        assert word in text and OFFICIAL in text and "A call did not end" in text


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_there_is_no_script_no_style_sheet_and_no_colour_of_text(function):
    html = card_of(function)._repr_html_()
    assert not re.search(r"<(script|style|link|img|svg|iframe)|\bclass=|\bid=|\bon\w+=", html)
    assert set(re.findall(r"(?<![-\w])color:([^;\"]+)", html)) == {"inherit"}
    assert set(re.findall(r"background[^:;]*:([^;\"]+)", html)) == {"transparent"}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_inert(name):
    (function, *_) = hostile(HOSTILE[name]).functions
    card = Card(HOSTILE[name], function, (Problem(HOSTILE[name]),))
    html = card._repr_html_()
    assert not re.search(r"<(?!/?(div|b|span|code|pre|details|summary)\b)", html)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", html + repr(card))
    prose = re.sub(r"(`+).*?\1", "", card._repr_markdown_(), flags=re.DOTALL)
    assert not re.search(r"(?<!\\)<script", prose)


def test_without_a_result_the_card_says_why():
    card = Card("softmx", None, (Problem("softmx is not a function of hw1: did you mean <softmax>?"),))
    assert repr(card) == "softmx: not checked\n  softmx is not a function of hw1: did you mean <softmax>?"
    assert "&lt;softmax&gt;" in card._repr_html_() and "not checked" in card._repr_markdown_()


def test_a_place_in_a_live_session_is_named_by_its_execution_count():
    (function,) = [function for function in FUNCTIONS if function.checks and function.hundredths == 0][:1]
    checks = [replace(check, location=Location("", 2, 7)) for check in function.checks]
    assert "cell [7], line 2" in repr(card_of(replace(function, checks=tuple(checks))))
