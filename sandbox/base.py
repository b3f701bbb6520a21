"""The sandbox protocol: what a grader may ask of a box, and what a box may answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np

Framework: TypeAlias = Literal["numpy", "torch"]
Device: TypeAlias = Literal["cpu", "cuda"]
# glibc gives freed memory back to the system, and fetches it anew page by page, by rules that depend on what was freed
# before: the same code then takes now 1x and now 2x the CPU time. These keep up to 32 MiB a piece in the process.
STEADY_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "MALLOC_TOP_PAD_": str(16 << 20),
    "NUMPY_MADVISE_HUGEPAGE": "0",
}


@dataclass(frozen=True, slots=True)
class Rng:
    """A random generator argument: the worker builds `numpy.random.Generator` or `torch.Generator` from the seed."""

    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A torch tensor that a box returned, as an array; bfloat16 arrives widened to float32 under its own dtype name."""

    array: np.ndarray
    dtype: str


@dataclass(frozen=True, slots=True)
class Function:
    """A callable argument: the worker looks the name up in a module of the source, which need not be the student's."""

    module: str
    name: str


Value: TypeAlias = (
    "bool | int | float | str | np.ndarray | Tensor | Rng | Function"
    " | tuple[Value, ...] | list[Value] | dict[str, Value] | None"
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of student source; `label` is the file name in tracebacks, `line` the number of its first line."""

    label: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Module:
    """A module of the submission: its chunks run in order in one namespace."""

    name: str
    chunks: tuple[Chunk, ...]
    package: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """All that a box needs to know of a submission before the first call."""

    modules: tuple[Module, ...]
    framework: Framework = "numpy"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a box may use. Bytes for memory and output, seconds for deadlines.

    `memory_bytes` bounds the whole box; `processes` bounds processes and threads; `result_bytes` one encoded
    answer; `printed_bytes` the standard output and error kept of one call (the rest is read and dropped).
    `device` is where tensors are when the student's function gets them; a card's own memory is not bounded.
    """

    memory_bytes: int = 1 << 30
    processes: int = 64
    load_deadline_s: float = 20.0
    result_bytes: int = 64 << 20
    printed_bytes: int = 8 << 10
    device: Device = "cpu"

    @classmethod
    def for_framework(cls, framework: Framework, device: Device = "cpu") -> Limits:
        """Return the default limits: torch needs more memory and more threads, and a card's driver still more."""
        if framework == "numpy":
            return cls(device=device)
        return replace(cls(device=device), memory_bytes=(3 if device == "cpu" else 8) << 30, processes=128)


@dataclass(frozen=True, slots=True)
class Block:
    """One step of timed work, of which the host reads the cost from outside.

    "base" leaves the call's arguments in the box, with the function that varies them. "run" calls the function
    `repeat` times on inputs that follow from `seed`, and "idle" does the same but for the calls; "ready" makes the
    inputs of the next of the two ahead, and puts them on the device. "project" returns of each result, array by array,
    size, and the norm and the signed sum of random elements that follow from `seed`.
    """

    step: Literal["base", "ready", "run", "idle", "project"]
    seed: int = 0
    repeat: int = 1
    vary: Function | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a student's function.

    `group` names the topic: calls of one group share a forked child, other groups never do. With `dout`, a torch
    box answers with the autograd gradients of sum(dout * output) with respect to the arguments named in `wrt`.
    `definitions_only` loads the module without its top-level expression statements, loops and conditionals. With
    `block` the call is a step of timed work.
    """

    group: str
    module: str
    function: str
    arguments: Mapping[str, Value]
    dout: Value = None
    wrt: tuple[str, ...] = ()
    definitions_only: bool = False
    block: Block | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """A line of a traceback that lies in the student's source."""

    label: str
    line: int
    function: str


@dataclass(frozen=True, slots=True)
class Values:
    """The function returned; `changed` names the arguments that it modified."""

    value: Value
    changed: tuple[str, ...] = ()
    printed: str = ""


@dataclass(frozen=True, slots=True)
class Raised:
    """The function, or loading its module (`loading`), raised; frames are the student's own, outermost first."""

    error: str
    message: str
    frames: tuple[Frame, ...] = ()
    printed: str = ""
    loading: bool = False


@dataclass(frozen=True, slots=True)
class TimedOut:
    """No answer within the deadline; `loading` says that the module itself did not finish loading."""

    deadline_s: float
    loading: bool = False
    printed: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """The call, or loading its module (`loading`), asked for more memory than the box has."""

    limit_bytes: int
    loading: bool = False
    printed: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Crashed:
    """The process ended without an answer: a signal, an exit in the middle of a call, a lost box (`box_lost`).

    `loading` says that the module itself did not finish loading.
    """

    reason: str
    box_lost: bool = False
    loading: bool = False
    printed: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Missing:
    """The module loaded, but has no such function."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The answer is not one that the wire carries: a foreign type, too large, or a forged frame."""

    reason: str


Reply: TypeAlias = Values | Raised | TimedOut | OutOfMemory | Crashed | Missing | Refused


class SandboxUnavailable(Exception):  # noqa: N818
    """The backend cannot work here; the message is one line that says what to do."""


class Session(Protocol):
    """One box, used for one submission and thrown away."""

    def call(self, call: Call, deadline_s: float) -> Reply:
        """Run one call; never raises for anything that the student's code does.

        Raises SandboxUnavailable when something else has ended or stopped the box.
        """
        ...

    def cpu_seconds(self) -> float:
        """Return the CPU time of everything that ever ran in the box, read outside it."""
        ...

    def close(self) -> None:
        """End the box and every process in it; safe to call twice."""
        ...


class Sandbox(Protocol):
    """A backend."""

    @property
    def name(self) -> str: ...

    @property
    def guarantees(self) -> str:
        """One sentence: what this backend protects and what it does not."""
        ...

    @property
    def details(self) -> Mapping[str, str]:
        """What its boxes are made of, by name, where that is known: for the grader's staff."""
        ...

    def warm(self, framework: Framework, limits: Limits, keep: int = 0) -> None:
        """Start a box ahead of its source, for the next `open` with the same framework and limits.

        With `keep`, so many boxes wait from now on: each one taken is replaced in the background.
        """
        ...

    def open(self, source: Source, limits: Limits) -> Session:
        """Return a session on a box that is ready. Raises SandboxUnavailable when no box can be had."""
        ...

    def close(self) -> None:
        """End every box and release what the backend holds; safe to call twice."""
        ...
