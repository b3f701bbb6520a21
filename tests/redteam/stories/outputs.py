"""Answers that are not what they seem, or not what was asked for."""

from __future__ import annotations

from tests.redteam.story import Story


def answer(name: str, why: str, value: str, allowed: str = "fail", before: str = "", **more: str) -> Story:
    """Return a story whose function returns the value of an expression."""
    function = more.get("attacked", "affine")
    code = f"{before}\ndef {function}(x):\n    y = 3 * x + 1\n    return {value}\n"
    return Story(f"outputs-{name}", why, allowed, code, **more)  # type: ignore[arg-type]


STORIES = (
    answer(
        "lazy-object", "conversion would run code", "Lazy()", before="class Lazy:\n    def __array__(self): return 1"
    ),
    answer("subclass", "an array that may lie", "y.view(Sub)", before="class Sub(np.ndarray): pass"),
    answer(
        "always-equal",
        "comparison happens elsewhere",
        "Yes()",
        before="class Yes:\n    def __eq__(self, other): return True\n    __le__ = __lt__ = __ge__ = __eq__",
    ),
    answer(
        "array-interface",
        "a pointer to anywhere",
        "Pointer()",
        before="class Pointer:\n    __array_interface__ = dict(shape=(3,), typestr='<f8', data=(0, False), version=3)",
    ),
    answer("objects", "an array of objects", "y.astype(object)"),
    answer("structure", "a structured dtype", "np.zeros(3, [('a', 'f8'), ('b', 'i4')])"),
    answer("texts", "an array of strings", "np.array(['1', '2'])"),
    answer("masked", "an array with holes", "np.ma.masked_array(y, y > 3)"),
    answer("generator", "numbers one by one", "(v for v in y)"),
    answer("module", "a module", "np"),
    answer("none", "a forgotten return", "None"),
    answer(
        "long-class", "a length of 10**9", "Long()", before="class Long(list):\n    def __len__(self): return 10**9"
    ),
    answer("huge-view", "a view of 8 TB that costs nothing", "np.broadcast_to(np.float64(1), (10**6, 10**6))"),
    answer("huge-empty-shape", "no elements and an absurd shape", "np.zeros((0, 2**40))"),
    answer("many-dimensions", "more than the wire has", "y.reshape((1,) * 30 + (-1,))"),
    answer("huge-integer", "more than 64 bits", "10**5000"),
    answer("infinite-list", "a list that holds itself", "loop", before="loop = []\nloop.append(loop)"),
    answer(
        "deep-list",
        "nested a hundred times",
        "deep()",
        before=("def deep():\n    value = []\n    for _ in range(100): value = [value]\n    return value"),
    ),
    answer("long-list", "a million objects", "[None] * 1_000_000"),
    answer("list-of-arrays", "ten thousand of them", "[y] * 10_000"),
    answer("lone-surrogates", "a text that is no text", "'\\ud800'"),
    answer("long-text", "thirty megabytes", "'x' * 30_000_000"),
    answer("nan", "nothing but NaN", "y * np.nan"),
    answer("broadcastable", "a shape that would broadcast", "np.array(1.0)"),
    answer("complex", "with an imaginary part of zero", "y + 0j"),
    answer("dictionary", "with odd keys", "{1: y, None: y, (): y}"),
    answer("string-keys", "of a class of their own", "{Key('a'): y}", before="class Key(str): pass"),
    answer("bytes", "the right bytes, and no array", "y.tobytes()"),
    answer("float-subclass", "a number that is none", "Real(1)", before="class Real(float): pass"),
    answer("the-input", "changed in place and returned", "np.add(np.multiply(x, 3, out=x), 1, out=x)", "pass fail"),
    answer("half-precision", "right for small integers, else too coarse", "y.astype(np.float16)", "pass fail"),
    answer("integers", "rounded", "y.astype(int)", allowed="fail pass"),
    answer("big-endian", "the other byte order", "y.astype('>f8')", "pass"),
    answer("reversed", "negative strides", "y[::-1][::-1]", "pass"),
    answer("fortran", "the other order in memory", "np.asfortranarray(y)", "pass"),
    answer("read-only", "not writable", "np.broadcast_to(y, y.shape)", "pass"),
    answer(
        "memory-mapped",
        "an array in a file",
        "mapped(y)",
        "fail pass",
        before=(
            "def mapped(y):\n    m = np.memmap('m', y.dtype, 'w+', shape=y.shape)\n    m[...] = y\n"
            "    return np.asarray(m)"
        ),
    ),
    answer("overlapping", "elements that share memory", "np.lib.stride_tricks.as_strided(y, strides=(0,) * y.ndim)"),
    answer(
        "beyond-memory",
        "a view of memory that is not the array's",
        "np.lib.stride_tricks.as_strided(y, (1 << 20,))",
        "fail crash",
    ),
    answer("odd-booleans", "bytes of 7", "(np.zeros(y.shape, 'u1') + 7).view(bool)"),
    answer("signalling-nan", "a NaN of unusual bits", "np.full(y.shape, 0x7FF0000000000001, 'u8').view('f8')"),
    answer("ragged-indices", "a list of lists of lists", "[[1, [2]]]", attacked="order"),
    answer("nested-indices", "the right ones, nested", "[[i] for i in np.argsort(x).tolist()]", attacked="order"),
    answer("indices-as-booleans", "True is no index", "[True, False]", attacked="order"),
    answer("indices-as-floats", "0.0 is no index", "[float(i) for i in np.argsort(x)]", attacked="order"),
)
