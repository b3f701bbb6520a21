"""Notebooks: what is read of them, and which of their code goes into the box."""

import json
import re
import sys
import time
import warnings
from pathlib import Path

import pytest

from grader.collect import CollectError
from grader.collect import notebook as notebooks
from grader.collect.magics import without_magics
from grader.model import Definition, Location
from sandbox.base import Chunk
from tests.collect.submissions import loaded, messages, notebook


def chunks(submission) -> tuple[Chunk, ...]:
    (module,) = submission.modules
    return module.chunks


def test_a_function_is_found_by_name_with_its_cell_and_line(gather):
    source = notebook("print('hello')", "", "# my answer\n\n@staticmethod\ndef softmax(z):\n    return z")
    submission = gather(["softmax"], {"hw1.ipynb": source})
    assert submission.definitions == {"softmax": Definition("softmax", "hw1", Location("hw1.ipynb", 4, 3), 5)}
    assert chunks(submission) == (Chunk("hw1.ipynb#cell-3", 3, "@staticmethod\ndef softmax(z):\n    return z"),)


def test_markdown_does_not_count_as_a_cell(gather):
    document = json.loads(notebook("x = 1", "def softmax(z): ..."))
    document["cells"].insert(1, {"cell_type": "markdown", "metadata": {}, "source": "# Softmax"})
    document["cells"].insert(0, {"cell_type": "raw", "metadata": {}, "source": ["def softmax"]})
    submission = gather(["softmax"], {"hw1.ipynb": json.dumps(document)})
    assert submission.definitions["softmax"].location == Location("hw1.ipynb", 1, 2)


def test_exploration_failing_cells_and_unused_imports_stay_out(gather):
    submission = gather(
        ["softmax"],
        {
            "hw1.ipynb": notebook(
                "from google.colab import drive\nimport numpy as np\ndrive.mount('/content')",
                "X = load('/content/data.npy')\nX.shape",
                "def softmax(z):\n    X = np.exp(z)\n    return X / X.sum()",
                "assert softmax(X) == 1\nresult = softmax(X)\nfor x in X:\n    print(softmax(x))",
                "1 / 0",
            )
        },
    )
    assert [chunk.text for chunk in chunks(submission)] == [
        "import numpy as np",
        "def softmax(z):\n    X = np.exp(z)\n    return X / X.sum()",
    ]
    assert loaded(submission, "softmax")([0.0, 0.0]).tolist() == [0.5, 0.5]


def test_the_closure_follows_constants_classes_decorators_and_defaults(gather):
    submission = gather(
        ["nms", "iou"],
        {
            "hw1.ipynb": notebook(
                "from __future__ import annotations\nimport functools\nimport math as m",
                "unused = 1\nbase = 2; eps = base * 5\n\ndef plus(x):\n    return x + offset",
                "offset = 1\nTABLE = [plus(i) for i in range(3)]",
                "TABLE[0] = m.floor(7.5)\nTABLE += [9]",
                "class Box:\n    size = eps\n    def area(self):\n        return helper(self.size)",
                "def traced(f):\n    @functools.wraps(f)\n    def inner(*a):\n        return f(*a)\n    return inner",
                "@traced\ndef nms(x: Tensor, k=eps):\n    return Box().area() + k + sum(TABLE)",
                "helper = lambda v: v + local_offset",
                "if offset:\n    local_offset = 100\nelse:\n    local_offset = 0",
                "iou = functools.partial(plus)",
            )
        },
    )
    kept = [(c.label.partition("-")[2], c.line, c.text) for c in chunks(submission)]
    assert ("2", 2, "base = 2") in kept and ("2", 2, "eps = base * 5") in kept
    assert not any("unused" in text for _, _, text in kept)
    assert loaded(submission, "nms")(0) == 110 + 10 + (7 + 2 + 3 + 9)
    assert loaded(submission, "iou")(4) == 5


def test_only_the_last_value_counts_and_what_it_is_made_of(gather):
    submission = gather(
        ["softmax"],
        {
            "hw1.ipynb": notebook(
                "scale = load('weights.npy')",
                "scale = 2",
                "TABLE = scale * 10",
                "scale = 3",
                "def softmax(z):\n    return z * scale + TABLE",
            )
        },
    )
    assert [c.text for c in chunks(submission)][:3] == ["scale = 2", "TABLE = scale * 10", "scale = 3"]
    assert loaded(submission, "softmax")(1) == 23


def test_a_table_filled_in_a_loop_is_kept(gather):
    cells = ("table = {}", "for i in range(3):\n    table[i] = i * i", "def softmax(z):\n    return table[z]")
    assert loaded(gather(["softmax"], {"hw1.ipynb": notebook(*cells)}), "softmax")(2) == 4


def test_cells_run_in_another_order_still_find_their_names(gather):
    cells = ("def softmax(z):\n    return np.exp(z) * scale", "scale = 2", "import numpy as np")
    assert loaded(gather(["softmax"], {"hw1.ipynb": notebook(*cells)}), "softmax")(0) == 2


def test_names_from_nowhere_bring_star_imports(gather):
    cells = ("from math import *\nfrom unused import x", "def softmax(z):\n    return exp(z) + len([])")
    submission = gather(["softmax"], {"hw1.ipynb": notebook(*cells)})
    assert chunks(submission)[0].text == "from math import *"
    assert len(chunks(submission)) == 2


def test_a_function_stays_a_function_when_its_name_is_used_for_a_value(gather):
    cells = (
        "def momentum(w):\n    return w",
        "momentum = 0.9",
        "momentum = momentum(3)\nmomentum = np.mean(momentum(1))",
    )
    submission = gather(["momentum"], {"hw1.ipynb": notebook(*cells)})
    assert submission.definitions["momentum"].location.cell == 1
    assert loaded(submission, "momentum")(5) == 5


def test_a_name_twice_is_said_and_the_last_counts(gather):
    cells = ("big = load()", "def softmax(z):\n    return big", "x = 1", "y = 2", "def softmax(z):\n    return 5")
    submission = gather(["softmax"], {"hw1.ipynb": notebook(*cells)})
    assert messages(submission) == ["softmax is defined in hw1.ipynb in cell 2 and cell 5: the last one counts"]
    assert submission.problems[0].location == Location("hw1.ipynb", 1, 5)
    assert [c.text for c in chunks(submission)] == ["def softmax(z):\n    return 5"]


def test_a_name_twice_in_one_cell_is_said_with_its_lines(gather):
    cells = ("def softmax(z):\n    return 1\ndef softmax(z):\n    return 2", "x = 1")
    submission = gather(["softmax"], {"hw1.ipynb": notebook(*cells)})
    (said,) = messages(submission)
    assert said == "softmax is defined in hw1.ipynb in cell 1, line 1 and cell 1, line 3: the last one counts"


def test_a_syntax_error_costs_one_cell(gather):
    cells = ("def relu(x):\n    return x", "x = 1", "y = 2\ndef softmax(z)\n    return z")
    submission = gather(["relu", "softmax"], {"hw1.ipynb": notebook(*cells)})
    assert set(submission.definitions) == {"relu"}
    assert messages(submission) == ["hw1.ipynb cell 3, line 2: expected ':'"]
    assert submission.problems[0].location == Location("hw1.ipynb", 2, 3)
    assert (
        submission.absent["softmax"] == "hw1.ipynb cell 3 has a syntax error in line 2, so softmax could not be loaded"
    )


@pytest.mark.parametrize("indent", ["", "    "])
def test_a_merge_conflict_in_code_is_named(gather, indent):
    code = f"def softmax(z):\n<<<<<<< local\n{indent}return 1\n=======\n    return 2\n>>>>>>> remote"
    files = {"hw.ipynb": notebook("def relu(x): return x", code), "hw.py": code}
    submission = gather(["softmax", "relu"], files)
    assert set(submission.definitions) == {"relu"}
    told = (
        "line 2: a merge conflict: keep one version, and remove the lines that start with <<<<<<<, ======= and >>>>>>>"
    )
    assert messages(submission) == [f"hw.ipynb cell 2, {told}", f"hw.py, {told}"]


@pytest.mark.parametrize("kind", ["raw", "markdown"])
def test_a_function_in_a_cell_that_is_no_code_is_not_run_and_that_is_said(gather, kind):
    document = json.loads(notebook("def softmax(z)\n    return z"))
    document["cells"].insert(0, {"cell_type": kind, "source": "def relu(x):\n    return x\n\ndef softmax(z): ..."})
    submission = gather(["softmax", "relu"], {"hw.ipynb": json.dumps(document)})
    assert submission.absent == {
        "softmax": "hw.ipynb cell 1 has a syntax error in line 1, so softmax could not be loaded",
        "relu": f"hw.ipynb has it in a {kind} cell, which is not run, so relu could not be loaded",
    }


@pytest.mark.parametrize(
    "magic", ["%%time", "%%timeit -n 3", "%%capture out", "%%prun", "%%grade softmax", "\n\n%%time"]
)
def test_cell_magics_that_only_watch_are_transparent(gather, magic):
    cells = (f"x = 1\n{'pass'}", "PLACEHOLDER")
    source = notebook(*cells).replace('"PLACEHOLDER"', json.dumps(f"{magic}\ndef softmax(z):\n    return z"))
    submission = gather(["softmax"], {"hw1.ipynb": source})
    assert submission.definitions["softmax"].location == Location("hw1.ipynb", 2 + 2 * magic.startswith("\n"), 2)
    assert submission.problems == ()


def test_other_cell_magics_are_named_when_they_hold_a_wanted_function(gather):
    cells = ("%%writefile hw1.py\ndef softmax(z):\n    return z", "%%bash\nls", "%%html\n<b>", "def relu(x): ...")
    submission = gather(["softmax", "relu"], {"hw1.ipynb": notebook(*cells)})
    assert set(submission.definitions) == {"relu"}
    assert submission.absent["softmax"] == "hw1.ipynb cell 1 is inside %%writefile, so softmax could not be loaded"
    assert messages(submission) == [
        "hw1.ipynb cell 1 is inside %%writefile, so its softmax is not read: use a plain cell"
    ]


def test_line_magics_shell_and_help_are_taken_out(gather):
    source = """
        %matplotlib inline
        !pip install torch \\
            torchvision
        files = !ls
        t = %timeit -o f(x)
        np.exp?
        ?np.log
        if True:
            %time it's fine (
        def softmax(z):
            %timeit z
            text = '''
        %kept
        !kept
        '''
            return (z
                % 7), text, "it's (" # it's [
        """
    submission = gather(["softmax"], {"hw1.ipynb": notebook(source)})
    assert messages(submission) == []
    assert submission.definitions["softmax"].location.line == 10
    assert loaded(submission, "softmax")(9) == (2, "\n%kept\n!kept\n", "it's (")


def test_a_cell_that_is_python_is_not_touched(gather):
    source = "def softmax(z):\n    return (z\n% 7\n)"
    submission = gather(["softmax"], {"hw1.ipynb": notebook(source)})
    assert chunks(submission)[0].text == source


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("%x", "pass"),
        ("x = 1\n\t!ls\n", "x = 1\n\tpass\n"),
        ("!a \\\n b\nc", "pass\n\nc"),
        ("obj.attr?? # why", "pass"),
        ("x = (1,\n%y\n)", "x = (1,\n%y\n)"),
        ("x = '\\'' \\\n% 3", "x = '\\'' \\\n% 3"),
        ('x = """\n%y\n', 'x = """\n%y\n'),
        ("x = ')'\n%y", "x = ')'\npass"),
        ("# (\n%y\n", "# (\npass\n"),
        ("x != y\nx == 1", "x != y\nx == 1"),
        (")\n%y", ")\npass"),
        ("!a \\", "pass"),
        ("x['a', 0].b = !ls", "pass"),
        ("print('a=%d' % 1)\n%y", "print('a=%d' % 1)\npass"),
        ("x['a=%d' % 1] = 2\n%y", "x['a=%d' % 1] = 2\npass"),
        ("\npip install torch\n", "pass"),
        ("pip install torch\nx = 1", "pip install torch\nx = 1"),
        ("\n  def f():\n    x\n y", "\ndef f():\n  x\n y"),
        (">>> def f():\n...     x\n...\n>>> y", "def f():\n    x\n\ny"),
        ("\n\n", "\n\n"),
    ],
)
def test_magics_become_pass(text, plain):
    assert without_magics(text) == plain


def test_what_was_pasted_keeps_its_lines(gather):
    cells = ("\n>>> x = 1\n>>> def softmax(z):\n...     return z\n", "conda install -y torch")
    submission = gather(["softmax"], {"hw1.ipynb": notebook(*cells)})
    assert messages(submission) == [] and submission.definitions["softmax"].location == Location("hw1.ipynb", 2, 1)
    assert loaded(submission, "softmax")(3) == 3


def test_top_level_await_costs_nothing(gather):
    assert "softmax" in gather(["softmax"], {"n.ipynb": notebook("x = await f()\ndef softmax(z): ...")}).definitions


def test_widgets_outputs_nan_and_half_characters_do_not_matter(gather):
    document = json.loads(notebook("x = float('NaN')  # NaN, Infinity\ndef softmax(z):\n    return 'NaN'"))
    document["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {"a": [float("inf")]}}}
    document["cells"][0]["source"].append(" # \U0001f600\ud83d")
    document["metadata"]["cut"] = "\ude00 \ud83d"
    document["cells"][0]["outputs"] = [{"output_type": "display_data", "data": {"x": float("nan"), "y": float("-inf")}}]
    submission = gather(["softmax"], {"hw1.ipynb": json.dumps(document)})
    assert loaded(submission, "softmax")(0) == "NaN"


COLAB = """
#@title Softmax { run: "auto", vertical-output: true }
temperature = 0.5 #@param {type:"slider", min:0, max:1, step:0.1}
mode = "stable" #@param ["stable", "naive"]
from google.colab import drive, files
import google.colab.patches as patches
drive.mount('/content/drive')
%cd /content/drive/MyDrive
def softmax(z):
    return z / temperature, mode
"""


def test_a_notebook_from_colab(gather):
    metadata = {"colab": {"provenance": [], "gpuType": "T4"}, "accelerator": "GPU", "language_info": {"name": "python"}}
    document = json.loads(notebook(COLAB, "!pip install -q kernel-grader", **metadata))
    document["cells"][0]["metadata"] = {"cellView": "form", "id": "x", "colab": {"base_uri": "https://localhost:8080/"}}
    submission = gather(["softmax"], {"hw1.ipynb": json.dumps(document)})
    assert messages(submission) == [] and submission.definitions["softmax"].location.line == 8
    assert not [chunk for chunk in chunks(submission) if "google" in chunk.text]
    assert loaded(submission, "softmax")(2) == (4, "stable")


def peak_rss() -> int:
    """Return the most memory that this process has held, in MiB, since that was last reset."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) >> 10


def bytes_of(size: int, unit: str, before: str, after: str) -> bytes:
    return (before + unit * ((size - len(before) - len(after)) // len(unit)) + after).encode()


CODE = '{"nbformat": 4, "cells": [{"cell_type": "code", "source": "def softmax(z): return z", "outputs": ['
OUTPUTS = {
    "a picture": ('{"data": {"image/png": "', "iVBO", '"}}]}]}'),
    "many lines": ('{"output_type": "stream", "text": ["', "epoch 17: loss 0.0123\\n", '"]}]}]}'),
    "numbers of a plot": ('{"data": {"application/vnd.plotly.v1+json": {"x": [0', ", 0.1234567890123", "]}}}]}]}"),
    "NaN and emoji": ('{"data": {"text/plain": "\U0001f600", "x": [NaN', ", -Infinity", "]}}]}]}"),
}


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux to measure memory")
@pytest.mark.parametrize("kind", OUTPUTS)
def test_outputs_of_50_mb_are_skipped_in_bounded_memory(gather, kind):
    before, unit, after = OUTPUTS[kind]
    data = bytes_of(52_000_000, unit, CODE + before, after)
    gather([], {"warm.ipynb": notebook("x")})
    Path("/proc/self/clear_refs").write_text("5")
    held = peak_rss()
    submission = gather(["softmax"], {"hw1.ipynb": data})
    assert submission.definitions["softmax"].location == Location("hw1.ipynb", 1, 1)
    assert submission.problems == ()
    assert peak_rss() - held < 200


def test_a_notebook_that_needs_too_much_memory_costs_itself(gather):
    lists = bytes_of(48 << 20, "[],", '{"nbformat": 4, "cells": [', "0]}")
    submission = gather(["relu"], {"n.ipynb": lists, "hw.py": "def relu(x): ..."})
    assert set(submission.definitions) == {"relu"}
    assert messages(submission) == [f"n.ipynb {notebooks.GIVEN_UP}"]


def test_a_notebook_that_is_too_large_says_what_to_do(gather, root):
    with open(root / "big.ipynb", "wb") as sparse:
        sparse.truncate(101 << 20)
    submission = gather(["relu"], {"hw.py": "def relu(x): ..."})
    assert messages(submission) == [
        "big.ipynb is larger than 100 MiB and was not read: clear the outputs of its cells and save it again"
    ]


def test_a_reader_that_dies_costs_the_notebook_and_says_what_to_do(gather, monkeypatch):
    program = "print('ready', flush=True); raise MemoryError"
    monkeypatch.setattr(notebooks, "command", lambda job: [sys.executable, "-c", program])
    submission = gather(["relu"], {"n.ipynb": notebook("x"), "hw.py": "def relu(x): ..."})
    assert messages(submission) == [f"n.ipynb {notebooks.GIVEN_UP}"]
    assert "clear the outputs" in notebooks.GIVEN_UP


@pytest.mark.parametrize("version", [3, 4])
def test_what_nbformat_writes_is_read(gather, version):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import nbformat
        from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

        cells = [new_markdown_cell("# x"), new_code_cell("x = 2"), new_code_cell("def softmax(z):\n    return z * x")]
        document = new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})
        text = nbformat.writes(document, version=version)
    submission = gather(["softmax"], {"hw1.ipynb": text})
    assert submission.definitions["softmax"].location == Location("hw1.ipynb", 1, 2)
    assert loaded(submission, "softmax")(3) == 6


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty: save it in Jupyter and hand it in again"),
        (notebook("x = 1", "y = 2")[:150], "is cut off: save it in Jupyter and hand it in again, as a whole"),
        (notebook("x = 1")[:-1], "is cut off: save it in Jupyter and hand it in again, as a whole"),
        ("<!DOCTYPE html>\n<p>", "is a web page and not a notebook: download the .ipynb file itself"),
        ("def softmax(z): ...", "is not a notebook: line 1 is no valid JSON (Expecting value); hand in one that opens"),
        ('{\n<<<<<<< HEAD\n"nbformat": 4\n=======\n>>>>>>> x\n}', "holds a merge conflict (line 2): settle it, open"),
        ("{}", "is not a notebook (it has no nbformat): hand in the .ipynb file itself"),
        ("[]", "is not a notebook (it has no nbformat)"),
        ('{"nbformat": 1, "cells": []}', "is a notebook of the old format 1: open it in Jupyter and save it again"),
        ('{"nbformat": 4, "cells": {}}', "is not a readable notebook (its cells are no list): open it in Jupyter"),
        (
            '{"nbformat": 4, "cells": [{}]}',
            "is not a readable notebook (cell 1 of all has no type): open it in Jupyter",
        ),
        (
            '{"nbformat": 4, "cells": [{"cell_type": "code", "source": [1]}]}',
            "is not a readable notebook (cell 1 of all has no text)",
        ),
        ('{"nbformat": ' + "9" * 5000 + "}", "is not a readable notebook: open it in Jupyter and save it again"),
        ('{"nbformat": 4, "x": ' + "[" * 100_000, "is not a notebook: its JSON is nested too deeply"),
        (b'{"nbformat": 4, "cells": "\xe9"}', "is not UTF-8 text"),
        (notebook("x", kernelspec={"name": "ir", "language": "R"}), "is a notebook in R: only Python is graded"),
        (notebook("x", kernelspec={"name": "ir", "display_name": "R"}), "is a notebook in R: only Python is graded"),
        (notebook("x", kernelspec={"name": "julia-1.11"}), "is a notebook in Julia: only Python is graded"),
        (notebook("x", language_info={"name": "julia"}), "is a notebook in julia: only Python is graded"),
        (notebook("#" * ((1 << 20) + 1)), "holds more than 1 MiB of code and was not read"),
        (notebook(*["1"] * 10_001), "holds more than 10,000 cells of code and was not read"),
    ],
)
def test_what_is_no_python_notebook_is_refused(gather, content, said):
    with pytest.raises(CollectError) as error:
        gather(["softmax"], {"hw1.ipynb": content})
    assert f"hw1.ipynb {said}" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("document", [notebook(), notebook(""), '{"nbformat": 4}', notebook("x", kernelspec=None)])
def test_an_empty_notebook_defines_nothing(gather, document):
    submission = gather(["softmax"], {"hw1.ipynb": document})
    assert submission.absent == {"softmax": "softmax is not defined"} and submission.modules == ()


def test_a_notebook_beside_its_files_gets_its_own_module(gather):
    files = {
        "hw1.py": "def relu(x): ...",
        "hw1.ipynb": notebook("from hw1 import relu\ndef softmax(z):\n    return relu(z)"),
    }
    submission = gather(["softmax", "relu"], files)
    assert {n: d.module for n, d in submission.definitions.items()} == {"softmax": "hw1_2", "relu": "hw1"}


def test_a_notebook_without_a_chosen_function_is_left_out(gather):
    submission = gather(["relu"], {"hw1.py": "def relu(x): ...", "explore.ipynb": notebook("import torch")})
    assert [m.name for m in submission.modules] == ["hw1"]


def test_a_hostile_closure_is_bounded(gather, monkeypatch):
    monkeypatch.setattr(notebooks, "MAX_DEMANDS", 100)
    many = "\n".join(f"a{i} = lambda: ({', '.join(f'a{j}' for j in range(20))})" for i in range(20))
    submission = gather(["a0", "relu"], {"n.ipynb": notebook(many), "hw.py": "def relu(x): ..."})
    assert messages(submission) == ["n.ipynb is too entangled to be read: move the functions to a file of their own"]
    assert set(submission.definitions) == {"relu"}
    assert submission.absent["a0"] == messages(submission)[0]
    assert [m.name for m in submission.modules] == ["hw"]


@pytest.mark.parametrize("unit", ['"\\\\', '\\\\"', '"', "[NaN,", '{"a":'])
def test_broken_json_takes_linear_time(gather, unit):
    started = time.monotonic()
    with pytest.raises(CollectError):
        gather([], {"n.ipynb": '{"nbformat": 4, "x": "' + unit * 300_000})
    assert time.monotonic() - started < 3
