"""The Jinja environments: in each, every printed value passes its target's sanitiser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from markupsafe import escape as html_escape

from grader.report import escape, facts, findings, found, source, words
from grader.report.escape import Markdown

FOLDER = Path(__file__).parent.parent / "_templates"
_CODE = re.compile(r"`([^`]+)`")


def html_environment() -> Environment:
    """Return the environment for HTML: cleaned of hidden characters, then escaped by Jinja."""
    environment = _environment(lambda value: value if isinstance(value, Markup) else escape.html(str(value)))
    environment.autoescape = True
    environment.filters |= {"line": escape.excerpt, "prose": _prose, "block": escape.html}
    environment.globals |= {"plots": _plots, "pictures": _pictures, "source": source}
    return environment


def _plots() -> ModuleType:
    """Return the module that draws: importing it costs more than a report without timings needs."""
    from grader.report import plots

    return plots


def _pictures() -> ModuleType:
    from grader.report import pictures

    return pictures


def _prose(text: str, limit: int = escape.LINE) -> Markup:
    """Return one line of HTML in which `names in backticks` are code; the tags go around what is escaped already."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(html_escape(escape.excerpt(text, limit)))))  # noqa: S704


def markdown_environment() -> Environment:
    """Return the environment for GitHub-flavoured Markdown: prose unless a filter says code or fence."""
    environment = _environment(lambda value: value if isinstance(value, Markdown) else escape.markdown(str(value)))
    environment.filters |= {
        "code": escape.markdown_code,
        "cell": lambda text: escape.markdown_code(text, cell=True),
        "fence": escape.markdown_fence,
    }
    return environment


def _environment(finalize: Callable[[Any], Any]) -> Environment:
    environment = Environment(  # noqa: S701 - the HTML environment turns autoescape on; Markdown has escapes of its own
        loader=FileSystemLoader(FOLDER),
        finalize=finalize,
        undefined=StrictUndefined,
        auto_reload=False,
        optimized=False,  # there are no constants to fold, and looking for them takes 3 ms
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals |= {
        "words": words,
        "status": words.status,
        "facts": facts.facts,
        "findings": findings.findings,
        "faults": findings.faults,
        "passed": findings.passed,
        "timings": findings.timings,
        "found": found.found,
    }
    return environment
