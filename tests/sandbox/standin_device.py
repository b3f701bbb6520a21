"""A device that stands in for a card: in the boxes of tests this file takes the place of `sandbox/devices.py`.

Its tensors are on a device of another name, and what is on the host cannot be mixed with them. Its work is queued: it
takes time, none of it the CPU's, when the queue is waited for, and what is read before is NaN. What happens to it is
printed, and so arrives with the reply to the call. It says nothing about a real card: no GPU was there.
"""

import time

from sandbox.real_devices import *  # noqa: F403 - `stand_in` puts the real file there
from sandbox.real_devices import Card, Host

CARD_S = 0.0002  # of the card's time for each operation


class StandIn(Card):
    name = "standin"

    def __init__(self, torch):
        Host.__init__(self, torch)
        self._queued = self._done = self._number = 0
        self._wait = self._work_off
        self.kinds = (*self.kinds, _tensors(torch, self))

    def require(self):
        from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

        torch, kind = self._torch, self.kinds[-1]
        _setup_privateuseone_for_python_backend(self.name, _Module())
        self._library = torch.library.Library("aten", "IMPL")
        for operation in ("empty_strided", "empty.memory_format"):
            name, _, overload = operation.partition(".")
            own = getattr(getattr(torch.ops.aten, name), overload or "default")
            self._library.impl(
                operation, lambda *a, own=own, **k: kind(own(*a, **{**k, "device": "cpu"})), "PrivateUse1"
            )

    def generator(self, seed):
        return self._torch.Generator().manual_seed(seed)

    def place(self, tensor):
        print("place")
        return super().place(tensor)

    def fetch(self, tensor):
        print("fetch")
        return super().fetch(tensor)

    def synchronise(self):
        print("synchronise")
        super().synchronise()

    def ask(self):
        """Queue one operation, and return its number."""
        self._queued += 1
        self._number += 1
        return self._number

    def is_done(self, number):
        return number <= self._done

    def _work_off(self):
        time.sleep(CARD_S * self._queued)
        self._queued, self._done = 0, self._number


class _Module:
    def is_available(self):
        return True

    def device_count(self):
        return 1

    def current_device(self):
        return 0

    def _is_in_bad_fork(self):
        return False

    def manual_seed_all(self, seed):
        pass


def _tensors(torch, card):
    """Return the type of the device's tensors."""
    from torch.utils._pytree import tree_leaves, tree_map_only

    class Tensor(torch.Tensor):
        @staticmethod
        def __new__(cls, raw):
            strides = {"strides": raw.stride(), "storage_offset": raw.storage_offset()}
            own = torch.Tensor._make_wrapper_subclass(cls, raw.size(), dtype=raw.dtype, device="standin:0", **strides)
            own.raw, own.number = raw, card.ask()
            return own

        @classmethod
        def __torch_dispatch__(cls, function, types, arguments=(), named=None):
            aten, named = torch.ops.aten, dict(named or {})
            leaves = tree_leaves((arguments, named))
            given = [leaf for leaf in leaves if type(leaf) is cls]
            others = [
                leaf for leaf in leaves if isinstance(leaf, torch.Tensor) and type(leaf) is not cls and leaf.dim()
            ]
            if others and function not in (aten.copy_.default, aten.index.Tensor):
                raise RuntimeError("Expected all tensors to be on the same device")
            if function is aten._local_scalar_dense.default:
                card._work_off()
            if function is aten._to_copy.default and str(named.get("device", "standin")) == "cpu":
                raw = function(given[0].raw, **named)
                return raw if card.is_done(given[0].number) else torch.full_like(raw, float("nan"))
            if "device" in named:
                named["device"] = "cpu"
            found = function(*tree_map_only(cls, _raw, arguments), **tree_map_only(cls, _raw, named))
            own = {id(tensor.raw): tensor for tensor in given}

            def wrapped(raw):
                if id(raw) not in own:
                    return cls(raw)
                own[id(raw)].number = card.ask()
                return own[id(raw)]

            return tree_map_only(torch.Tensor, wrapped, found)

    return Tensor


def _raw(tensor):
    return tensor.raw


def device(name, torch):
    return Host(torch) if name == "cpu" or torch is None else StandIn(torch)
