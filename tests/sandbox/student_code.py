"""What students hand in, good and bad; read as text, and run in boxes only."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np

count = 0


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def ping():
    return "pong"


def echo(value):
    return value


def kinds_of(**arguments):
    return {name: type(value).__name__ for name, value in arguments.items()}


def lies(array):
    flags = array.flags
    array[...] = array  # it must be writable
    return "C" if flags.c_contiguous else "F" if flags.f_contiguous else "strided"


def bump():
    global count
    count += 1
    return count


def patch_numpy():
    np.exp = lambda z: z
    np.allclose = lambda *a, **k: True
    return np.exp(3.0)


def exp_of_zero():
    return float(np.exp(0.0))


def draw(rng, n):
    return rng.standard_normal(n)


def apply(f, x):
    return f(x) + f(x)


def raise_value_error():
    def inner():
        raise ValueError("wrong shape")

    inner()


def raise_unprintable():
    class BadError(Exception):
        def __str__(self):
            raise RuntimeError

    raise BadError


def raise_huge():
    raise ValueError("x" * 50_000_000)


def raise_system_exit():
    sys.exit(0)


def raise_keyboard_interrupt():
    raise KeyboardInterrupt


def recurse():
    return recurse()


def read_input():
    return input()


def hang():
    time.sleep(1000)


def busy_in_c():
    # Holds the interpreter's lock in C code that looks at no signal.
    return pow(7, 10**9)


def eat_lists():
    kept = []
    while True:
        kept.append([0] * 1_000_000)


def eat_arrays():
    kept = []
    while True:
        kept.append(np.ones(10_000_000))


def eat_at_once():
    return np.zeros((1 << 20, 1 << 20))


def fork_bomb(n):
    pids = []
    for _ in range(n):
        try:
            pid = os.fork()
        except OSError:
            break
        if pid == 0:
            time.sleep(30)
            os._exit(0)
        pids.append(pid)
    return len(pids)


def fork_and_return():
    os.fork()
    return "pong"


def flood(stream, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        print("spam" * 1000, file=getattr(sys, stream))
    return "done"


def print_bytes():
    os.write(1, b"\xff\xfe\x00 raw \x1b[31m")
    print("to stderr", file=sys.stderr)


def huge_result():
    return np.zeros(20_000_000)


def huge_view():
    return np.broadcast_to(np.float64(0), (1 << 40,))


def exit_now(code):
    os._exit(code)


def segfault():
    ctypes.string_at(0)


def kill_self():
    os.kill(os.getpid(), signal.SIGKILL)


def close_everything():
    os.closerange(0, 256)
    return "pong"


def kill_parent():
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(5)


def stop_parent():
    os.kill(os.getppid(), signal.SIGSTOP)
    time.sleep(5)


def write_everywhere(raw):
    written = 0
    for fd in range(64):
        try:
            written += os.write(fd, raw.tobytes()) > 0
        except OSError:
            continue
    return written


def write_to_ancestors(raw):
    opened = 0
    for pid in ("1", str(os.getppid())):
        for fd in range(16):
            try:
                with open(f"/proc/{pid}/fd/{fd}", "wb", buffering=0) as file:
                    file.write(raw.tobytes())
                    opened += 1
            except OSError:
                continue
    return opened


def answers_fd():
    """Find the pipe to the parent: the last of our descriptors that is a writable pipe."""
    found = []
    for fd in range(3, 64):
        try:
            if os.readlink(f"/proc/self/fd/{fd}").startswith("pipe:"):
                os.write(fd, b"")
                found.append(fd)
        except OSError:
            continue
    return found


def answer_twice_later(raw):
    """Send a frame of our own some time after the answer."""
    (fd,) = answers_fd()

    def later():
        time.sleep(0.05)
        os.write(fd, raw.tobytes())

    threading.Thread(target=later, daemon=True).start()
    return "pong"


def daemonise(path):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for i in range(3000):
                time.sleep(0.01)
                with open(path, "w") as file:
                    file.write(str(i))
        os._exit(0)
    os.wait()
    time.sleep(0.1)
    return os.path.exists(path)


def daemonise_and_kill_parent(path):
    daemonise(path)
    kill_parent()


def start_program():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    return child.pid


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return "gone"


def read_text(path):
    with open(path) as file:
        return file.read()


def leave_thread():
    def spin():
        while True:
            sum(range(1000))

    threading.Thread(target=spin, daemon=True).start()
    return os.getpid()


def process_id():
    return os.getpid()


def add_in_place(x):
    x += 1
    return x


def grow(items, table):
    items.append(3)
    table["new"] = 1


def touch_nan(x):
    return x


def matrix():
    import warnings

    warnings.simplefilter("ignore")
    return np.matrix([[1, 2]])


def masked():
    return np.ma.masked_array([1.0, 2.0], [True, False])


def in_list():
    return [np.zeros(2), {1, 2}]


def objects():
    return np.array([{}, None], dtype=object)


def integer_keys():
    return {1: 2}


class Series:
    __module__ = "pandas.core.series"

    def __array__(self):
        return np.zeros(3)


def lazy():
    return Series()


def scalar_types():
    return (np.float32(1.5), np.int64(3), np.bool_(True), np.float64(2.0))


def deep():
    value = []
    for _ in range(100):
        value = [value]
    return value


def odd_layouts():
    x = np.arange(12.0).reshape(3, 4)
    return (x.T, x[::-1], x[:, ::2], x.astype(">f8"), np.array(5, ">i4"), np.asfortranarray(x))


def long_lists():
    return ([0.5] * 5000, tuple(range(5000)))


def environment():
    return dict(os.environ)


def paths():
    return {"cwd": os.getcwd(), "path": [str(p) for p in sys.path], "argv": [str(a) for a in sys.argv]}


def exists(path):
    return os.path.exists(path)


def write_file(path, size):
    try:
        with open(path, "wb") as file:
            for _ in range(size):
                file.write(bytes(1 << 20))
    except OSError as error:
        return error.strerror
    finally:
        if os.path.exists(path):
            os.remove(path)
    return "written"


def writable_folders():
    found = []
    for folder, inner, _ in os.walk("/"):
        if folder in ("/proc", "/sys"):
            inner.clear()
        try:
            path = os.path.join(folder, "new")
            open(path, "w").close()
            os.remove(path)
        except OSError:
            continue
        found.append(folder)
    return sorted(found)


def connect(host, port):
    import socket

    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError as error:
        return type(error).__name__
    return "connected"


def interfaces():
    import socket

    return [name for _, name in socket.if_nameindex()]


def vsock():
    import socket

    try:
        socket.socket(40, socket.SOCK_STREAM).close()
    except OSError as error:
        return error.errno
    return 0


def system_call(number):
    libc = ctypes.CDLL(None, use_errno=True)
    return [libc.syscall(number, 1, 0, 0), ctypes.get_errno()]


def status():
    with open("/proc/self/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def control_groups():
    found = {}
    for path in ("/sys/fs/cgroup/pids/pids.max", "/sys/fs/cgroup/pids.max"):
        if os.path.exists(path):
            with open(path) as file:
                found["pids"] = file.read().strip()
    return found


def work(n):
    total = 0
    for i in range(n):
        total += i * i
    return total


def needs_helper():
    return helper(1)  # noqa: F821 - this is what the tests want
