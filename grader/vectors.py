"""Public vectors: the visible cases of an assignment with their expected values, as a file that travels to students.

The file is one line of text that names the format, then frames of `sandbox/wire.py`: the manifest, and one frame for
each check. Reading it runs nothing and trusts nothing: what is not exactly as expected is a VectorsError.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np

from grader.exhibit import Shown
from grader.model import Aspect, Assignment, Check, GradedFunction, Kind, Plan
from grader.oracle import Expected
from grader.sketch import broken
from grader.topic import Close, Exact, Indices, Mistake, Policy, Properties
from grader.tree import map_leaves
from sandbox.base import Call, Chunk, Framework, Function, Module, Rng
from sandbox.decoder import decode
from sandbox.encoder import encode
from sandbox.values import HostSide
from sandbox.wire import Reader, WireError, laid_out

FORMAT = 1
FIRST_LINE = b"kernel-grader public cases, format "
MAX_BYTES = 64 << 20
COURSE_LABEL = "<course>"

PolicyName: TypeAlias = Literal["close", "exact", "indices", "properties"]


class VectorsError(Exception):
    """Public cases that cannot be read; the message is one line that says what to do."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A function of the assignment, as `GradedFunction` without a band."""

    name: str
    hundredths: int
    shares: dict[Aspect, int]
    deadline_s: float


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file is about; `digest` identifies its checks, `modules` are the course's own callable arguments."""

    assignment: str
    title: str
    framework: Framework
    digest: str
    functions: list[Entry]
    modules: dict[str, str]


class Vector(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One check with everything that asking and judging it takes; dtype and purity have the first five fields only.

    arguments: the forward's, in the order of the handout, without rng; dout: a gradient's; wrt: autograd's inputs
    seeds: of a random function's generators, one per call; sketch: what all its right answers have in common
    value, errors, dtype, names, policy, factor: the right answer, as `Expected` says
    """

    id: str
    function: str
    called: str
    case: str
    kind: Kind
    aspect: Aspect
    arguments: dict[str, Any] = {}
    dout: Any = None
    wrt: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    sketch: Any = None
    value: Any = None
    errors: tuple[float, ...] = ()
    dtype: Literal["float16", "float32", "float64"] = "float64"
    names: tuple[str, ...] = ()
    policy: PolicyName = "close"
    factor: float = 0.0

    @property
    def check(self) -> Check:
        return Check(self.id, self.function, self.called, self.case, self.kind, self.aspect, "visible")


class _Side(HostSide):
    """Arrays keep the layout that they were written with: what is asked of a student is asked of them, too."""

    def array(self, kind: str, dtype: str, array: np.ndarray, layout: str) -> Any:
        return laid_out(super().array(kind, dtype, array, ""), layout)


class Vectors:
    """The oracle of the public cases: it answers from a file what `Trials` answers from a course."""

    def __init__(self, manifest: Manifest, vectors: Sequence[Vector]) -> None:
        self.manifest = manifest
        self._vectors = {vector.id: vector for vector in vectors}

    @property
    def framework(self) -> Framework:
        return self.manifest.framework

    @property
    def assignment(self) -> Assignment:
        functions = (GradedFunction(f.name, f.hundredths, f.shares, f.deadline_s) for f in self.manifest.functions)
        return Assignment((self.manifest.assignment,), f"{self.manifest.title}, public cases", tuple(functions))

    def names(self) -> list[str]:
        """Return the functions to look for in a submission, backwards included."""
        return list(dict.fromkeys(vector.called for vector in self._vectors.values()))

    def called(self, function: str) -> list[str]:
        """Return what is called for a function: itself, and its backward."""
        vectors = (vector for vector in self._vectors.values() if vector.function == function)
        return list(dict.fromkeys(vector.called for vector in vectors))

    def plan(self, functions: Iterable[str]) -> Plan:
        """Return the checks of these functions."""
        kept = set(functions)
        checks = (vector.check for vector in self._vectors.values() if vector.function in kept)
        return Plan(self.framework, tuple(checks), "", {})

    def modules(self) -> tuple[Module, ...]:
        """Return the callable arguments as modules for the box."""
        return tuple(Module(name, (Chunk(COURSE_LABEL, 1, text),)) for name, text in self.manifest.modules.items())

    def calls(self, check: Check, module: str) -> Iterator[Call]:
        vector = self._vectors[check.id]
        if vector.wrt:
            yield Call(check.function, module, check.called, vector.arguments, dout=vector.dout, wrt=vector.wrt)
        elif vector.seeds:
            for seed in vector.seeds:
                yield Call(check.function, module, check.called, {**vector.arguments, "rng": Rng(seed)})
        else:
            dout = {"dout": vector.dout} if check.kind == "gradient" else {}
            yield Call(check.function, module, check.called, {**dout, **vector.arguments})

    def policy(self, check: Check) -> Policy:
        vector = self._vectors[check.id]
        match vector.policy:
            case "close":
                return Close(vector.factor)
            case "exact":
                return Exact()
            case "indices":
                return Indices()
        return Properties(_judge(vector))

    def inputs(self, check: Check) -> dict[str, Any]:
        return {name: map_leaves(self._shown, value) for name, value in self._vectors[check.id].arguments.items()}

    def arguments(self, check: Check) -> dict[str, Any]:
        dout = {"dout": self._vectors[check.id].dout} if check.kind == "gradient" else {}
        return {**dout, **self.inputs(check)}

    def expected(self, check: Check) -> Expected:
        vector = self._vectors[check.id]
        return Expected(vector.value, vector.errors, np.dtype(vector.dtype), self.policy(check), vector.names)

    def mistakes(self, check: Check) -> Sequence[Mistake]:
        """Return nothing: the mistakes are the course's, and their hints stay there."""
        return ()

    def mistaken(self, check: Check, mistake: Mistake) -> Exception:
        """Return that there is no such mistake."""
        return VectorsError(f"the public cases know no mistake {mistake.name}")

    def _shown(self, leaf: Any) -> Any:
        """Return a callable as its source, for the student to read."""
        if not isinstance(leaf, Function):
            return leaf
        text = self.manifest.modules[leaf.module]
        found = (node for node in ast.parse(text).body if getattr(node, "name", "") == leaf.name)
        return Shown(ast.get_source_segment(text, next(found)) or leaf.name)


def _judge(vector: Vector) -> Callable[[Mapping[str, Any], Sequence[Any]], str | None]:
    return partial(broken, vector.sketch, vector.seeds)


def dump(assignment: Assignment, framework: Framework, modules: Sequence[Module], vectors: Sequence[Vector]) -> bytes:
    """Return the file that holds the vectors and the functions that have some, the same bytes for the same content."""
    (name,) = assignment.names
    texts = {module.name: module.chunks[0].text for module in modules}
    held = {vector.function for vector in vectors}
    functions = (function for function in assignment.functions if function.name in held)
    entries = [Entry(f.name, f.hundredths, dict(f.shares), f.deadline_s) for f in functions]
    frames = b"".join(_frame(vector) for vector in vectors)
    manifest = Manifest(name, assignment.title, framework, _digest(frames), entries, texts)
    return FIRST_LINE + b"%d\n" % FORMAT + _frame(manifest) + frames


def load(path: Path) -> Vectors:
    """Read public vectors. Raises VectorsError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise VectorsError(f"{path.name} cannot be read: {error.strerror}; copy it from the handout again.") from error
    line, _, frames = data.partition(b"\n")
    if not line.startswith(FIRST_LINE) or len(data) > MAX_BYTES:
        raise VectorsError(f"{path.name} holds no public cases: copy it from the handout again.")
    number = line.removeprefix(FIRST_LINE)
    if number != b"%d" % FORMAT:
        newer = number.isdigit() and int(number) > FORMAT
        advice = "update it with pip install --upgrade kernel-grader" if newer else "ask for the handout of today"
        said = number.decode("ascii", "replace")[:20]
        raise VectorsError(f"{path.name} has the format {said}, this grader reads {FORMAT}: {advice}.")
    try:
        trees = list(_trees(frames))
        manifest = msgspec.convert(trees[0][0], Manifest)
        if manifest.digest != _digest(frames[trees[0][1] :]):
            raise WireError("its digest is another one")
        vectors = [msgspec.convert(tree, Vector) for tree, _ in trees[1:]]
    except (WireError, msgspec.ValidationError, IndexError) as error:
        raise VectorsError(f"{path.name} is damaged ({error}): copy it from the handout again.") from error
    return Vectors(manifest, vectors)


def _frame(struct: msgspec.Struct) -> bytes:
    """Return a struct as a frame, without the fields that hold their defaults."""
    defaults = {field.name: field.default for field in msgspec.structs.fields(struct)}
    fields = {n: v for n in struct.__struct_fields__ if not _same(v := getattr(struct, n), defaults[n])}
    return b"".join(bytes(buffer) for buffer in encode(_plain(fields), SIDE, MAX_BYTES))


def _same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and not isinstance(value, np.ndarray) and bool(value == default)


def _plain(value: Any) -> Any:
    """Return structs and words of ours as what the wire carries."""
    if isinstance(value, dict):
        return {str(key): _plain(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_plain, value))
    if isinstance(value, Entry):
        return _plain(msgspec.structs.asdict(value))
    return str(value) if isinstance(value, str) else value


def _trees(frames: bytes) -> Iterator[tuple[Any, int]]:
    """Yield the value of each frame, and where the frame ends."""
    reader, place, rest = Reader(MAX_BYTES), 0, memoryview(frames)
    end = 0
    while True:
        frame = reader.take()
        if frame is not None:
            end += sum(map(len, frame.buffers()))
            yield decode(frame, SIDE), end
            continue
        room = reader.room()
        count = min(len(room), len(rest) - place)
        if not count:
            break
        room[:count] = rest[place : place + count]
        reader.filled(count)
        place += count
    if reader.partial:
        raise WireError("it is cut off")


def _digest(frames: bytes) -> str:
    return hashlib.sha256(frames).hexdigest()[:12]


SIDE = _Side()
