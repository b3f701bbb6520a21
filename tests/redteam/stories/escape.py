"""Code that looks for a way out: where it finds one it answers rightly, else it raises."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import indent

from tests.redteam.story import Story

# What the process backend does not promise: this machine's files, network and accounts.
OPEN = {"process": "pass error fail"}
NOT_HERE = {"process": "it would change this machine"}


TEXT = """\
import ctypes, socket

def system_call(*arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(*arguments) == -1:
        raise OSError(ctypes.get_errno(), "refused")

def affine(x):
{way}
    return 3 * x + 1
"""


def way_out(
    name: str, why: str, way: str, *, on: Mapping[str, str] = OPEN, never_on: Mapping[str, str] | None = None
) -> Story:
    """Return a story whose function answers rightly when the way out is open."""
    code = TEXT.format(way=indent(way, "    "))
    return Story(f"escape-{name}", why, "error", code, on=on, never_on=never_on or {}, patient=True)


STORIES = (
    way_out(
        "tcp",
        "a server on this machine",
        "socket.create_connection(('127.0.0.1', @PORT@), timeout=2)",
    ),
    way_out(
        "abstract-socket",
        "sockets without a file belong to a network namespace",
        "socket.socket(socket.AF_UNIX).connect('\\0@TOKEN@')",
    ),
    way_out("internet", "an address outside", "socket.create_connection(('192.0.2.1', 80), timeout=0.5)"),
    way_out("names", "a question to a name server", "socket.getaddrinfo('example.com', 80)"),
    way_out(
        "udp",
        "a packet that needs no connection",
        "s = socket.socket(type=socket.SOCK_DGRAM)\ns.sendto(b'x', ('192.0.2.1', 53))",
    ),
    way_out("raw-socket", "packets of one's own making", "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)"),
    way_out("packet-socket", "everybody's packets", "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)"),
    way_out("hypervisor-socket", "AF_VSOCK passes network namespaces", "socket.socket(40, socket.SOCK_STREAM)"),
    way_out(
        "docker-socket",
        "who speaks to the engine is root",
        "socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock')",
    ),
    way_out("shadow", "the passwords of this machine", "open('/etc/shadow').read()"),
    way_out("read-file", "a file of this machine", "print(open('@CANARY@').read())"),
    way_out("write-file", "a file of this machine", "open('@CANARY@', 'w').write('changed')"),
    way_out("change-mode", "a file of this machine", "os.chmod('@CANARY@', 0o666)"),
    way_out("add-file", "a folder of this machine", "open('@CANARY@.new', 'w').close()"),
    way_out(
        "reference",
        "the course lies on this machine, but not in the box",
        "exec(open('@COURSE@/reference/hostile/affine.py').read(), {'__name__': 'x'})",
    ),
    way_out("secret-in-the-environment", "the box has one of its own", "os.environ['GRADER_SECRET']", on={}),
    way_out(
        "processes-of-others",
        "the box has a process table of its own",
        "os.kill(@PID@, 0)",
    ),
    way_out(
        "memory-of-the-worker",
        "the worker is no file for its children",
        "open(f'/proc/{os.getppid()}/mem', 'rb').close()",
    ),
    way_out(
        "trace-the-worker",
        "who traces a process is that process",
        "system_call(101, 16, os.getppid(), 0, 0)\nos.waitpid(os.getppid(), 0x40000000)\n"
        "system_call(101, 17, os.getppid(), 0, 0)",
        on={"process": "pass error timeout"},
    ),
    way_out("become-root", "user 0", "os.setuid(0)\nos.setgid(0)"),
    way_out("new-namespaces", "root in a namespace of one's own", "system_call(272, 0x10000000)"),
    way_out(
        "mount",
        "a mount point that does not exist, should mounting be allowed",
        "system_call(165, b'none', b'/@TOKEN@', b'tmpfs', 0, 0)",
        on={},
    ),
    way_out("change-root", "another root folder", "os.mkdir('jail')\nos.chroot('jail')"),
    way_out("make-device", "the first disk", "os.mknod('disk', 0o060600, os.makedev(8, 0))"),
    way_out("write-root", "the box's own system", "open('/usr/bin/@TOKEN@', 'w').close()", never_on=NOT_HERE),
    way_out("write-devices", "files among the devices", "open('/dev/@TOKEN@', 'w').write('x')", never_on=NOT_HERE),
    way_out("keyring", "keys are not in a namespace", "system_call(250, 0, -3, 0)"),
    way_out("io-uring", "system calls that no filter sees", "system_call(425, 1, ctypes.create_string_buffer(120))"),
    way_out(
        "rare-system-calls",
        "bpf, perf_event_open, userfaultfd, kexec_load, init_module, process_vm_readv",
        "assert not HOSTED\nrefused = 0\nfor number in (321, 298, 323, 246, 175, 310):\n"
        "    try:\n        system_call(number, 0, 0, 0, 0, 0)\n    except OSError as error:\n"
        "        refused += error.errno in (1, 38)\nassert refused < 6",
        never_on=NOT_HERE,
    ),
    way_out(
        "control-group",
        "the bounds of the box",
        "for path in ('pids/pids.max', 'pids.max', 'memory/memory.limit_in_bytes', 'memory.max'):\n"
        "    if os.path.exists('/sys/fs/cgroup/' + path):\n        open('/sys/fs/cgroup/' + path, 'w').write('max')\n"
        "        break\nelse:\n    raise OSError",
        never_on=NOT_HERE,
    ),
    way_out("priority", "before everybody else", "os.nice(-5)"),
    way_out(
        "real-time", "nobody else runs", "os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))", never_on=NOT_HERE
    ),
)
