"""Which modules the files become."""

import keyword

from hypothesis import given
from hypothesis import strategies as st

from grader.collect.modules import module_names
from sandbox.base import Module

part = (
    st.text("aB1 -_.é/", min_size=1, max_size=4).map(lambda s: s.replace("/", "_")).filter(lambda s: s.strip(".") == s)
)


def test_names_are_dotted_paths():
    names, bare = module_names(["hw1.py", "yolo/__init__.py", "yolo/nms.py", "a/b/c.py", "__init__.py"])
    assert names == {
        "hw1.py": "hw1",
        "yolo/__init__.py": "yolo",
        "yolo/nms.py": "yolo.nms",
        "a/b/c.py": "a.b.c",
        "__init__.py": "__init__",
    }
    assert bare == ("a", "a.b")


def test_names_that_python_cannot_import_are_made_safe_and_unique():
    names, _ = module_names(["hw 1.py", "hw_1.py", "hw-1.py", "2nd.py", "class.py", "hw1.ipynb", "hw1.py", "é.py"])
    assert names["hw_1.py"] == "hw_1" and names["hw1.py"] == "hw1" and names["é.py"] == "é"
    assert {names["hw 1.py"], names["hw-1.py"]} == {"hw_1_2", "hw_1_3"}
    assert names["2nd.py"] == "_2nd" and names["class.py"] == "class_" and names["hw1.ipynb"] == "hw1_2"


def test_a_package_keeps_its_name_as_in_python_and_a_bare_folder_gives_way():
    assert module_names(["a.py", "a/__init__.py"])[0] == {"a/__init__.py": "a", "a.py": "a_2"}
    assert module_names(["a.py", "a/b.py"]) == ({"a.py": "a", "a/b.py": "a_2.b"}, ("a_2",))


@given(
    st.sets(st.builds(lambda parts, end: "/".join(parts) + end, st.lists(part, min_size=1, max_size=3), st.just(".py")))
)
def test_names_are_always_unique_and_importable(files):
    names, bare = module_names(files)
    assert set(names) == files
    everything = [*names.values(), *bare]
    assert len(set(everything)) == len(everything)
    for name in everything:
        assert all(piece.isidentifier() and not keyword.iskeyword(piece) for piece in name.split("."))
        parent = name.rpartition(".")[0]
        assert not parent or parent in everything


def test_folders_become_packages(gather):
    submission = gather(["f"], {"pkg/__init__.py": "", "pkg/m.py": "from . import x\ndef f(): ...", "bare/m.py": ""})
    assert [(m.name, m.package) for m in submission.modules] == [
        ("bare.m", False),
        ("pkg", True),
        ("pkg.m", False),
        ("bare", True),
    ]
    assert submission.definitions["f"].module == "pkg.m"


def test_relative_imports_in_the_root_find_a_package_there(gather):
    files = {"__init__.py": "", "hw.py": "from .util import x\ndef f(): ...", "util.py": "x = 1\ndef g(): ..."}
    submission = gather(["f", "g"], files)
    assert submission.definitions["f"].module == "alice.hw"
    assert submission.definitions["g"].module == "util"
    by_name = {m.name: m for m in submission.modules}
    assert by_name["alice"].package and set(by_name) == {"__init__", "hw", "util", "alice", "alice.hw", "alice.util"}


def test_relative_imports_in_the_root_work_without_init(gather):
    submission = gather(["f"], {"sub/hw.py": "from ..util import x\ndef f(): ...", "util.py": "x = 1"})
    assert submission.definitions["f"].module == "alice.sub.hw"
    assert Module("alice", (), package=True) in submission.modules
    assert Module("alice.sub", (), package=True) in submission.modules


def test_a_file_with_a_syntax_error_is_still_a_module(gather):
    submission = gather(["f"], {"hw.py": "import util\ndef f(): ...", "util.py": "1 +"})
    assert [m.name for m in submission.modules] == ["hw", "util"]


def test_what_lies_beside_a_script_is_found_by_its_bare_name(gather):
    files = {
        "src/hw.py": "from utils import up\nimport layers.basic as b, numpy\ndef f(): ...",
        "src/utils.py": "def up(): ...",
        "src/layers/__init__.py": "",
        "src/layers/basic.py": "",
        "src/unused.py": "",
    }
    names = {m.name: m.package for m in gather(["f"], files).modules}
    assert names == {
        "src": True,
        "src.hw": False,
        "src.utils": False,
        "src.unused": False,
        "src.layers": True,
        "src.layers.basic": False,
        "utils": False,
        "layers": True,
        "layers.basic": False,
    }


def test_a_bare_name_that_could_mean_two_files_means_none(gather):
    files = {f"{folder}/{name}.py": "import utils" for folder in "ab" for name in ("hw", "utils")}
    assert not [m for m in gather([], files).modules if m.name == "utils"]
    files = {"a/hw.py": "import utils", "a/utils.py": "x = 1", "utils.py": "x = 2"}
    (utils,) = [m for m in gather([], files).modules if m.name == "utils"]
    assert utils.chunks[0].label == "utils.py"


def test_a_folder_that_is_called_like_an_installed_module_is_a_package_of_another_name(gather):
    submission = gather(["f"], {"code/hw.py": "from .utils import up\ndef f(): ...", "code/utils.py": "def up(): ..."})
    assert submission.definitions["f"].module == "code_.hw"
    assert {m.name for m in submission.modules} == {"code_", "code_.hw", "code_.utils"}
