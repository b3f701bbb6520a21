"""The filter of system calls for a box without an engine: a classic BPF program for x86-64 and AArch64 Linux.

It refuses what no course needs and what attacks on kernels begin with: what `seccomp.json` leaves out for containers.
A second one keeps a process from having children.
"""

from __future__ import annotations

import errno
import struct

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# Name: the numbers on x86-64 and AArch64; 0 where there is no such call.
REFUSED = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, 0),
    "iopl": (172, 0),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "lookup_dcookie": (212, 18),
    "memfd_create": (319, 279),  # its pages are files that no limit of a process counts
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "modify_ldt": (154, 0),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "name_to_handle_at": (303, 264),
    "nfsservctl": (180, 42),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
}
CLONE, SOCKET = (56, 220), (41, 198)
FORKS = ((57, 58), ())  # fork and vfork, which AArch64 does by clone
CLONE3 = 435  # its flags lie in memory, where a filter cannot look; ENOSYS makes the C library use clone
LAST_KNOWN = 456  # what is newer has not been weighed; x86-64's second numbering lies above it too
NEW_NAMESPACES = 0x7E020000  # all of the CLONE_NEW flags
THREAD = 0x00010000  # CLONE_THREAD
FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK: not AF_VSOCK, AF_ALG, AF_PACKET and the like

NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data; the low half of the argument
LOAD, RETURN, EQUAL, AT_LEAST, ANY_BIT = 0x20, 0x06, 0x15, 0x35, 0x45
ALLOW, KILL, ERROR = 0x7FFF0000, 0x80000000, 0x00050000
REFUSE = (RETURN, ERROR | errno.EPERM)


def program(machine: str) -> bytes | None:
    """Return the compiled filter for a machine as `platform.machine()` calls it; None for others."""
    if machine not in ARCHITECTURES:
        return None
    which = list(ARCHITECTURES).index(machine)
    return _compiled(
        *_known_calls(machine),
        *(step for numbers in REFUSED.values() if numbers[which] for step in _when(EQUAL, numbers[which], REFUSE)),
        *_when(EQUAL, CLONE[which], (LOAD, FIRST_ARGUMENT), *_when(ANY_BIT, NEW_NAMESPACES, REFUSE), (RETURN, ALLOW)),
        *_when(
            EQUAL,
            SOCKET[which],
            (LOAD, FIRST_ARGUMENT),
            *(step for family in FAMILIES for step in _when(EQUAL, family, (RETURN, ALLOW))),
            REFUSE,
        ),
        (RETURN, ALLOW),
    )


def childless(machine: str) -> bytes | None:
    """Return the compiled filter that allows threads and refuses processes; None for unknown machines."""
    if machine not in ARCHITECTURES:
        return None
    which = list(ARCHITECTURES).index(machine)
    return _compiled(
        *_known_calls(machine),
        *(step for number in FORKS[which] for step in _when(EQUAL, number, REFUSE)),
        *_when(EQUAL, CLONE[which], (LOAD, FIRST_ARGUMENT), *_unless(ANY_BIT, THREAD, REFUSE)),
        (RETURN, ALLOW),
    )


Step = tuple[int, int] | tuple[int, int, int, int]


def _known_calls(machine: str) -> tuple[Step, ...]:
    """End a process of another architecture, deny that newer calls exist, and load the call's number."""
    unknown = (RETURN, ERROR | errno.ENOSYS)
    return (
        (LOAD, ARCHITECTURE),
        *_unless(EQUAL, ARCHITECTURES[machine], (RETURN, KILL)),
        (LOAD, NUMBER),
        *_when(AT_LEAST, LAST_KNOWN + 1, unknown),
        *_when(EQUAL, CLONE3, unknown),
    )


def _when(test: int, value: int, *steps: Step) -> tuple[Step, ...]:
    """Run the steps if the test holds, else jump over them."""
    return ((test, value, 0, len(steps)), *steps)


def _unless(test: int, value: int, *steps: Step) -> tuple[Step, ...]:
    return ((test, value, len(steps), 0), *steps)


def _compiled(*steps: Step) -> bytes:
    """Return the steps, (code, value) or (code, value, jump if true, jump if false), as an array of sock_filter."""
    return b"".join(struct.pack("=HBBI", code, *(jumps or (0, 0)), value) for code, value, *jumps in steps)
