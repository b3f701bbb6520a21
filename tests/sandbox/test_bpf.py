"""The filter of system calls, run by a small interpreter of its language."""

from __future__ import annotations

import errno
import json
import re
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

import sandbox
from sandbox.bpf import (
    ALLOW,
    ARCHITECTURES,
    CLONE,
    CLONE3,
    ERROR,
    FORKS,
    KILL,
    LAST_KNOWN,
    REFUSED,
    SOCKET,
    childless,
    program,
)

EPERM, ENOSYS = ERROR | errno.EPERM, ERROR | errno.ENOSYS
MACHINES = tuple(ARCHITECTURES)
HEADERS = {"x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "/usr/include/asm-generic/unistd.h"}


def verdict(
    machine: str,
    number: int,
    argument: int = 0,
    calling_as: str | None = None,
    compiled: Callable[[str], bytes | None] = program,
) -> int:
    """Return what the filter answers, as the kernel would run it."""
    rules = compiled(machine)
    assert rules is not None
    data = struct.pack("=IIQ6Q", number, ARCHITECTURES[calling_as or machine], 0, argument, *[0] * 5)
    at = value = 0
    while True:
        code, if_true, if_false, k = struct.unpack_from("=HBBI", rules, at * 8)
        at += 1
        if code == 0x06:
            return k
        if code == 0x20:
            (value,) = struct.unpack_from("=I", data, k)
        else:
            holds = {0x15: value == k, 0x35: value >= k, 0x45: bool(value & k)}[code]
            at += if_true if holds else if_false


@pytest.mark.parametrize("machine", MACHINES)
def test_what_is_refused_is_refused_and_its_neighbours_are_not(machine: str) -> None:
    which = MACHINES.index(machine)
    refused = {numbers[which] for numbers in REFUSED.values() if numbers[which]}
    special = {CLONE3, SOCKET[which]}
    for number in set(range(LAST_KNOWN + 1)) - special:
        assert verdict(machine, number) == (EPERM if number in refused else ALLOW), number


@pytest.mark.parametrize("machine", MACHINES)
def test_new_namespaces_are_refused_and_forks_and_threads_are_not(machine: str) -> None:
    clone = CLONE[MACHINES.index(machine)]
    sigchld, thread = 17, 0x3D0F00
    assert verdict(machine, clone, sigchld) == verdict(machine, clone, thread) == ALLOW
    for bit in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        assert verdict(machine, clone, sigchld | bit) == EPERM
    assert verdict(machine, CLONE3) == ENOSYS


@pytest.mark.parametrize("machine", MACHINES)
def test_only_common_sockets_are_made(machine: str) -> None:
    number = SOCKET[MACHINES.index(machine)]
    allowed = {family for family in range(64) if verdict(machine, number, family) == ALLOW}
    assert allowed == {socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, 16}
    assert verdict(machine, number, 40) == EPERM  # AF_VSOCK


@pytest.mark.parametrize("machine", MACHINES)
def test_what_is_newer_than_the_filter_is_unknown(machine: str) -> None:
    assert verdict(machine, LAST_KNOWN + 1) == ENOSYS
    assert verdict(machine, 0x40000000) == ENOSYS  # the second numbering of x86-64
    assert verdict(machine, 0xFFFFFFFF) == ENOSYS


def test_calls_by_another_architectures_table_end_the_process() -> None:
    assert verdict("x86_64", 1, calling_as="aarch64") == KILL
    assert program("riscv64") is None


def test_nothing_that_containers_may_do_is_refused() -> None:
    rules = json.loads((Path(sandbox.__file__).parent / "seccomp.json").read_text())["syscalls"]
    free = {
        name for rule in rules if rule["action"] == "SCMP_ACT_ALLOW" and "args" not in rule for name in rule["names"]
    }
    # In a container the pages of memory files are counted.
    assert len(free) > 200 and free & set(REFUSED) == {"memfd_create"}


@pytest.mark.parametrize("machine", MACHINES)
def test_the_numbers_are_the_systems(machine: str) -> None:
    header = Path(HEADERS[machine])
    if not header.exists():
        pytest.skip(f"no {header}")
    found = re.findall(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text(), re.MULTILINE)
    numbers = {name: int(number) for name, number in found}
    table = {name: pair[MACHINES.index(machine)] for name, pair in REFUSED.items()}
    table |= {"clone": CLONE[MACHINES.index(machine)], "clone3": CLONE3, "socket": SOCKET[MACHINES.index(machine)]}
    wrong = {name for name, number in table.items() if number and numbers.get(name, number) != number}
    assert not wrong and len(numbers) > 200


@pytest.mark.parametrize("machine", MACHINES)
def test_the_filter_against_children_refuses_processes_and_nothing_else(machine: str) -> None:
    which = MACHINES.index(machine)
    vfork, thread = 0x4111, 0x3D0F00
    assert verdict(machine, CLONE[which], 17, compiled=childless) == EPERM
    assert verdict(machine, CLONE[which], vfork, compiled=childless) == EPERM
    assert verdict(machine, CLONE[which], thread, compiled=childless) == ALLOW
    assert verdict(machine, CLONE3, compiled=childless) == ENOSYS
    for number in set(range(LAST_KNOWN + 1)) - {CLONE3, CLONE[which]}:
        assert verdict(machine, number, compiled=childless) == (EPERM if number in FORKS[which] else ALLOW), number
    assert verdict(machine, 0x40000000 + 57, compiled=childless) == ENOSYS
    assert verdict(machine, 57, calling_as=MACHINES[1 - which], compiled=childless) == KILL


def test_there_is_no_filter_for_unknown_machines() -> None:
    assert childless("riscv64") is program("riscv64") is None
