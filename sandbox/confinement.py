"""What a container must not be able to do, checked against what our worker found inside before any other code ran."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.base import Limits

WRITABLE = "/tmp"  # noqa: S108 - in the box


def shortcomings(facts: Mapping[str, Any], limits: Limits, own_kernel: bool = False) -> Iterator[str]:
    """Yield what is weaker than was asked for, in words.

    With `own_kernel` the box runs on a kernel of its own (gVisor's), which does not show what the host's does for it.
    """
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
    if own_kernel:
        return
    if facts.get("no_new_privileges") != 1:
        yield "it can gain privileges"
    if facts.get("seccomp") != 2:
        yield "its system calls are not filtered"
    memory, processes = facts.get("memory"), facts.get("processes")
    # The kernel keeps whole pages.
    if type(memory) is not int or memory > limits.memory_bytes:
        yield "its memory is not limited"
    elif facts.get("swap") not in (0, memory) and facts.get("swap_total") != 0:
        yield "its memory can be swapped (on a kernel of cgroup v1, boot with swapaccount=1)"
    if type(processes) is not int or processes > limits.processes:
        yield "its processes are not limited"
