"""Where a box keeps its tensors: in the host's memory, or on a card, which works beside the code that asks it to.

Runs in the box. No other file knows what a card is: the tests run all of them with a stand-in for this one.
"""

from __future__ import annotations

import os
from types import ModuleType
from typing import Any

OPENING_S = 60.0  # a driver that has slept wakes slowly
TEXT_CAP = 300


class Host:
    """The CPU: an answer is there when the call returns."""

    remote = False

    def __init__(self, torch: ModuleType | None) -> None:
        self._torch: Any = torch
        self.kinds: tuple[type, ...] = (torch.Tensor, torch.nn.Parameter) if torch else ()

    def open(self) -> None:
        """Make the device ready. Raises RuntimeError, in one line that says what to do, when it cannot be used."""

    def place(self, tensor: Any) -> Any:
        """Return a tensor of the host's on the device."""
        return tensor

    def fetch(self, tensor: Any) -> Any:
        """Return a finished tensor on the host."""
        return tensor.cpu()

    def generator(self, seed: int) -> Any:
        """Return a seeded generator of the device."""
        return self._torch.Generator().manual_seed(seed)

    def synchronise(self) -> None:
        """Wait until the device has done all that this process asked of it."""


class Card(Host):
    """The first CUDA device. It is opened after the fork: what the driver keeps of a process, a child cannot use."""

    remote = True
    name = "cuda"

    def __init__(self, torch: ModuleType) -> None:
        super().__init__(torch)
        self._wait = torch.cuda.synchronize  # the student's code may give torch another

    def require(self) -> None:
        """Raise RuntimeError where there is no such device."""
        if not self._torch.backends.cuda.is_built():
            raise RuntimeError("this torch is built without CUDA: install one with it, or use --device cpu")
        if not self._torch.cuda.is_available():
            raise RuntimeError("torch finds no CUDA device: check the driver with nvidia-smi, or use --device cpu")

    def open(self) -> None:
        self.require()
        # The worker counts the threads that the driver and autograd start, before any are the student's.
        square = self._torch.ones(2, 2, device=self.name, requires_grad=True)
        (square @ square).sum().backward()
        self.synchronise()

    def place(self, tensor: Any) -> Any:
        # A plain copy to the card would close the gaps of a strided tensor.
        own = self._torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=self.name)
        return own.copy_(tensor)

    def fetch(self, tensor: Any) -> Any:
        self.synchronise()  # a copy waits for one stream only, and the student may have used others
        return tensor.cpu()

    def generator(self, seed: int) -> Any:
        return self._torch.Generator(device=self.name).manual_seed(seed)

    def synchronise(self) -> None:
        self._wait()


def device(name: str, torch: ModuleType | None) -> Host:
    """Return the device of a name, not yet opened."""
    return Host(torch) if name == "cpu" or torch is None else Card(torch)


def announce(device: Host, pipe: int) -> bool:
    """Open the device and write one line: empty, or what is wrong. Return whether it is open."""
    problem = ""
    try:
        device.open()
    except Exception as error:
        problem = (str(error).splitlines() or [type(error).__name__])[0][:TEXT_CAP]
    os.write(pipe, problem.encode("utf-8", "replace") + b"\n")
    return not problem
