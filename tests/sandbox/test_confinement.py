"""What the worker finds out about its own container, and what the host makes of it."""

from types import SimpleNamespace

import pytest

from sandbox import facts as facts_module
from sandbox.base import Limits, SandboxUnavailable
from sandbox.confinement import bounds, privileges, reach, refuse
from sandbox.facts import facts

LIMITS = Limits(memory_bytes=1 << 30, processes=64)
CONFINED = {
    "uid": 65534,
    "capabilities": 0,
    "no_new_privileges": 1,
    "seccomp": 2,
    "interfaces": ["lo"],
    "root_is_read_only": True,
    "writable": ["/tmp"],
    "swap_total": 1 << 30,
    "memory": 1 << 30,
    "swap": 1 << 30,
    "processes": 64,
}


def shortcomings(facts, limits):
    return [*reach(facts), *privileges(facts), *bounds(facts, limits)]


def test_a_confined_container_has_no_shortcomings():
    assert (shortcomings(CONFINED, LIMITS)) == []
    assert (shortcomings(CONFINED | {"swap": 0}, LIMITS)) == []
    assert (shortcomings(CONFINED | {"swap": None, "swap_total": 0}, LIMITS)) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"uid": 0}, "runs as root"),
        ({"capabilities": 0xA80425FB}, "capabilities"),
        ({"no_new_privileges": 0}, "gain privileges"),
        ({"seccomp": 0}, "not filtered"),
        ({"interfaces": ["eth0", "lo"]}, "network"),
        ({"root_is_read_only": False}, "root is writable"),
        ({"writable": ["/run", "/tmp"]}, "other places than /tmp"),
        ({"memory": None}, "memory is not limited"),
        ({"memory": 2 << 30, "swap": 2 << 30}, "memory is not limited"),
        ({"swap": 2 << 30}, "swapped"),
        ({"swap": None}, "swapped"),
        ({"processes": None}, "processes are not limited"),
        ({"processes": 65}, "processes are not limited"),
    ],
)
def test_each_bound_that_is_missing_is_named(changes, words):
    found = shortcomings(CONFINED | changes, LIMITS)
    assert len(found) == 1 and words in found[0]


def test_nothing_known_is_nothing_trusted():
    assert len(shortcomings({}, LIMITS)) == 8


def test_a_box_that_falls_short_is_ended_and_refused():
    ended = []
    box = SimpleNamespace(destroy=lambda: ended.append(True))
    refuse(box, reach(CONFINED))
    assert not ended
    with pytest.raises(SandboxUnavailable, match=r"^the sandbox is not confined: it runs as root; "):
        refuse(box, reach(CONFINED | {"uid": 0}))
    assert ended


def test_this_process_is_not_confined():
    assert "its system calls are not filtered" in (shortcomings(facts() | {"seccomp": 0}, LIMITS))
    assert type(facts()["uid"]) is int and type(facts()["capabilities"]) in (int, type(None))


@pytest.mark.parametrize(
    ("mounts", "read_only"),
    [
        (["8 8 0:8 / / ro - 9p none ro,trans=fd"], True),
        (["8 8 0:8 / / ro,relatime master:1 - overlay overlay rw,lowerdir=a"], True),
        (["8 8 0:8 / / rw,relatime - overlay overlay rw", "9 8 0:9 / /ro ro - tmpfs none ro"], False),
        (["8 8 0:8 / / ro - ext4 disk ro", "9 8 0:9 / / rw - tmpfs none rw"], False),
        (["8 8 0:8 / / errors=ro - ext4 disk rw"], False),
        ([], False),
    ],
    ids=["gvisor", "overlay", "writable", "mounted-over", "another-word", "no-table"],
)
def test_whether_the_root_is_read_only_stands_in_the_table_of_mounts(monkeypatch, mounts, read_only):
    real = facts_module._lines
    monkeypatch.setattr(facts_module, "_lines", lambda path: mounts if path.endswith("mountinfo") else real(path))
    assert facts()["root_is_read_only"] is read_only
