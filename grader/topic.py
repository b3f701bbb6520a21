"""What an author writes: a Topic with its Cases, Mistakes and comparison policies."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    import numpy as np

    from grader.model import Picture

Inputs: TypeAlias = "Callable[[np.random.Generator], Mapping[str, Any]]"
Draw: TypeAlias = "Callable[[Mapping[str, Any], Any, Any], Picture | None]"
CaseAspect: TypeAlias = Literal["values", "stability", "edge"]


@dataclass(frozen=True, slots=True)
class Close:
    """Agreement within `factor` times the reference's own rounding error, measured per case (see docs/numerics.md)."""

    factor: float = 16.0


@dataclass(frozen=True, slots=True)
class Exact:
    """Equality of every element: for linear functions of small integers, labels and booleans."""


@dataclass(frozen=True, slots=True)
class Indices:
    """Equality of a sequence of indices, given as any integer array, tensor, list or tuple."""


@dataclass(frozen=True, slots=True)
class Properties:
    """Judgement by properties instead of an expected value: for random functions.

    The function is called once per entry of `draws`; equal entries get generators in the same state, different
    entries get independent ones. `judge(inputs, outputs)` gets the arguments and one output per draw, and returns
    None, or one sentence for the student that names the broken property. It must survive any output that a
    student can return: wrong types and shapes are for it to describe. Statistical tests in it keep the false-alarm
    rate of a check at or below 1e-6.
    """

    judge: Callable[[Mapping[str, Any], Sequence[Any]], str | None]
    draws: tuple[int, ...] = (0,)


Policy: TypeAlias = Close | Exact | Indices | Properties


@dataclass(frozen=True, slots=True)
class Case:
    """One set of inputs; `inputs(rng)` returns the arguments by name, without `rng`, which the grader supplies.

    `visible` cases are shown to students with all their numbers, unless an assignment says otherwise.
    `gradient=False` leaves the backward out. `compare` overrides the topic's policy for the forward values of this
    case.
    """

    name: str
    inputs: Inputs
    visible: bool = False
    aspect: CaseAspect = "values"
    gradient: bool = True
    compare: Policy | None = None


@dataclass(frozen=True, slots=True)
class Mistake:
    """A known-wrong implementation of the forward (or, with `gradient`, of the backward) and the hint it earns."""

    function: Callable[..., Any]
    hint: str
    gradient: bool = False

    @property
    def name(self) -> str:
        return self.function.__name__


@dataclass(frozen=True, slots=True)
class Speed:
    """How a topic's speed is measured, at three sizes; the middle one is judged, all three show how the cost grows.

    `inputs(rng, size)` returns the arguments at a size of the `unit`. `vary(rng, **inputs)` returns those of one call:
    like them in every property, other in every answer, and cheap to make beside the kernel. It runs in the box, where
    its source travels: a plain function of NumPy arrays that names nothing but `np` and its own parameters.
    """

    inputs: Callable[[np.random.Generator, int], Mapping[str, Any]]
    vary: Callable[..., Mapping[str, Any]]
    sizes: tuple[int, int, int]
    unit: str


@dataclass(frozen=True, slots=True)
class Equivalent:
    """A mutant of the reference that answers as the reference does, as `grader verify` prints it, and why."""

    change: str
    reason: str


@dataclass(frozen=True, slots=True)
class Topic:
    """One function of the course: references, cases, alternates and mistakes.

    The name, the stub and the handout text come from `forward`: its name, signature and docstring. `backward` is
    `<name>_backward(dout, *inputs)`, without a trailing `_forward` in the name. `torch` has the forward's signature
    and works on tensors of any device. `wrt` names the inputs whose gradients the backward returns, in order;
    without it, every floating array input. `equivalents` declares mutants of the references that no case can catch.
    With `autograd_only` no backward is asked for: it judges autograd in torch submissions and nothing else.
    `valid(**inputs)` tells whether a student may be shown the forward's inputs as a smallest example: it holds them to
    what the handout promises and the reference does not check.
    `picture(inputs, expected, actual)` shows a wrong answer to a visible case, with the makers of `grader.picture`:
    arrays for tensors, and for Properties None and one answer per draw. `actual` can be anything that a student can
    return: what the hook raises means that there is no picture.
    Raises ValueError when the parts do not fit together.
    """

    forward: Callable[..., Any]
    cases: tuple[Case, ...]
    mistakes: tuple[Mistake, ...]
    torch: Callable[..., Any]
    backward: Callable[..., Any] | None = None
    alternates: tuple[Callable[..., Any], ...] = ()
    compare: Policy = field(default_factory=Close)
    wrt: tuple[str, ...] = ()
    equivalents: tuple[Equivalent, ...] = ()
    autograd_only: bool = False
    speed: Speed | None = None
    valid: Callable[..., bool] | None = None
    picture: Draw | None = None

    @property
    def name(self) -> str:
        return self.forward.__name__

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(inspect.signature(self.forward).parameters)

    @property
    def is_random(self) -> bool:
        return "rng" in self.parameters

    def has_gradient(self, framework: Literal["numpy", "torch"]) -> bool:
        """Tell whether submissions in a framework are judged by gradients."""
        return self.backward is not None and (framework == "torch" or not self.autograd_only)

    def __post_init__(self) -> None:
        _no_duplicates(self.name, "case", [case.name for case in self.cases])
        _no_duplicates(self.name, "mistake", [mistake.name for mistake in self.mistakes])
        if tuple(inspect.signature(self.torch).parameters) != self.parameters:
            raise ValueError(f"{self.name}: the torch version's parameters differ from the NumPy version's")
        backward = self.name.removesuffix("_forward") + "_backward"
        if self.backward is not None and self.backward.__name__ != backward:
            raise ValueError(f"{self.name}: the backward must be called {backward}")
        if unknown := set(self.wrt) - set(self.parameters):
            raise ValueError(f"{self.name}: wrt names unknown parameters {sorted(unknown)}")


def _no_duplicates(topic: str, what: str, names: list[str]) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{topic}: the {what} {twice[0]!r} is there twice")
