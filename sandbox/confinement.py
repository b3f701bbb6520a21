"""What a box must not be able to do, checked against what our worker found inside before any other code ran."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sandbox.base import Limits, SandboxUnavailable
from sandbox.pool import Destroyable

WRITABLE = "/tmp"  # noqa: S108 - in the box


def refuse(box: Destroyable, shortcomings: Iterable[str]) -> None:
    """End a box that is weaker than was asked for, and raise SandboxUnavailable with how."""
    found = list(shortcomings)
    if found:
        box.destroy()
        raise SandboxUnavailable(f"the sandbox is not confined: {', '.join(found)}; run `grader doctor`")


def reach(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the box can reach and must not."""
    if facts.get("uid") == 0:
        yield "it runs as root"
    if facts.get("capabilities") != 0:
        yield "it has capabilities"
    if facts.get("interfaces") != ["lo"]:
        yield "it has a network"
    if facts.get("root_is_read_only") is not True:
        yield "its root is writable"
    if facts.get("writable") != [WRITABLE]:
        yield f"it can write to other places than {WRITABLE}"


def privileges(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the box may ask of the kernel and must not."""
    if facts.get("no_new_privileges") != 1:
        yield "it can gain privileges"
    if facts.get("seccomp") != 2:
        yield "its system calls are not filtered"


def bounds(facts: Mapping[str, Any], limits: Limits) -> Iterator[str]:
    """Yield what of the limits its control group does not hold."""
    memory, processes = facts.get("memory"), facts.get("processes")
    if type(memory) is not int or memory > limits.memory_bytes:
        yield "its memory is not limited"
    elif facts.get("swap") not in (0, memory) and facts.get("swap_total") != 0:
        yield "its memory can be swapped (on a kernel of cgroup v1, boot with swapaccount=1)"
    if type(processes) is not int or processes > limits.processes:
        yield "its processes are not limited"
