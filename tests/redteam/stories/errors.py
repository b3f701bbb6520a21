"""Text that is meant for those who read the report."""

from __future__ import annotations

from tests.redteam.story import Story

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>"


def raises(name: str, why: str, error: str, before: str = "", allowed: str = "error") -> Story:
    """Return a story whose function raises."""
    return Story(f"errors-{name}", why, allowed, f"{before}\ndef affine(x):\n    raise {error}\n")


STORIES = (
    raises("markup", "HTML in a message", f"ValueError({MARKUP!r})"),
    raises("markdown", "links and images", "ValueError('[x](javascript:alert(1)) ![x](http://192.0.2.1/x)')"),
    raises("template", "a template's own syntax", "ValueError('{{ 7*7 }} {% for x in y %} ${7*7}')"),
    raises("escapes", "control sequences of a terminal", r"ValueError('\x1b]0;title\x07\x1b[2J\x1b[31m\x9b31m')"),
    raises("bidirectional", "text that reads backwards", r"ValueError('\u202e\u2066evil\u2069')"),
    raises("runner-commands", "commands of a CI runner", r"ValueError('\n::set-output name=x::1\n##vso[task.x]')"),
    raises("nul", "a NUL byte", r"ValueError('a\0b')"),
    raises("surrogates", "half a character", r"ValueError('\ud800')"),
    raises("ten-megabytes", "a message of ten megabytes", "ValueError('x' * 10_000_000)"),
    raises("many-lines", "a message of a million lines", r"ValueError('\n' * 1_000_000)"),
    raises(
        "str-raises",
        "a message that cannot be had",
        "E",
        "class E(Exception):\n    def __str__(self): raise self\n    __repr__ = __str__",
    ),
    raises(
        "str-hangs",
        "a message that never comes",
        "E",
        "class E(Exception):\n    def __str__(self):\n        while True: pass",
        "timeout",
    ),
    raises("str-recurses", "a message of itself", "E", "class E(Exception):\n    def __str__(self): return str(self)"),
    raises(
        "str-exits",
        "a message that ends the process",
        "E",
        "class E(Exception):\n    def __str__(self): os._exit(0)",
        "crash",
    ),
    raises(
        "str-of-another-kind",
        "a message of a string's subclass",
        "E",
        "class S(str):\n    def __getitem__(self, key): return self\n    def encode(self, *a): return [self]\n"
        "class E(Exception):\n    def __str__(self): return S('x')",
        "error fail crash",
    ),
    raises("class-name", "markup in the name of a class", f"type({MARKUP!r}, (Exception,), {{}})"),
    raises("class-without-name", "a class whose name is empty", "type('', (Exception,), {})"),
    raises("name-of-ours", "an error of the sandbox", "type('GradientError', (Exception,), {})", allowed="error"),
    raises("not-implemented", "an unfinished function", "NotImplementedError", allowed="missing"),
    raises("stop-iteration", "an exception of Python's own", "StopIteration(x)"),
    raises("group", "many exceptions in one", "ExceptionGroup('g', [ValueError(i) for i in range(10_000)])"),
    raises(
        "chain",
        "each the cause of the next",
        "chain()",
        "def chain():\n    e = None\n    for _ in range(10_000):\n        n = ValueError()\n        n.__cause__ = e\n"
        "        n.__context__ = n\n        e = n\n    return e",
    ),
    raises("not-an-exception", "a number", "3"),
    raises(
        "hostile-traceback",
        "a traceback of ten thousand frames with names of markup",
        "deep(9000)",
        "sys.setrecursionlimit(20_000)\n"
        f"exec(compile('def deep(n): return deep(n - 1) if n else 1 / 0', {MARKUP!r}, 'exec'))",
        "error crash",
    ),
    Story(
        "errors-printed-markup",
        "what is printed is shown too",
        "fail",
        f"def affine(x):\n    print({MARKUP!r}, '\\x1b[2J', '\\u202e', '`' * 10)\n    return x\n",
    ),
    Story(
        "errors-file-names",
        "markup in names of files",
        "error",
        files={
            "<script>alert(1)<b>.py": "def affine(x):\n    raise ValueError\n",
            "`x`|$(touch y)\n::error::.py": "import no_such\n",
            "[a](b).ipynb": "{}",
        },
    ),
    Story(
        "errors-syntax-error-text",
        "the line of a syntax error is the student's text",
        "missing",
        f"def affine(x):\n    '{MARKUP}' = x",
        apart=True,
    ),
)
