"""From the network's last volume to one row of numbers for each anchor box (notes, section 10)."""

import numpy as np

from grader import Case, Exact, Mistake, Topic
from grader.shapes import check_shapes


def unflatten_predictions(volume, num_anchors, num_classes):
    """Split the last axis of a prediction volume into anchors and the numbers of each anchor's box.

    volume: float array (S, S, A * (5 + C)): for each cell of an S x S grid the numbers of its A boxes
    num_anchors: positive integer A, the boxes per cell
    num_classes: positive integer C
    returns: float array (S, S, A, 5 + C), same dtype; may share memory with volume

    A cell holds all 5 + C numbers of its first anchor, then all numbers of the second, and so on; the numbers of a box
    are p_c, b_x, b_y, b_h, b_w, c_1, ..., c_C. With A = 5 and C = 80 a 19 x 19 x 425 volume becomes 19 x 19 x 5 x 85.
    What counts is the position by index, not the order in memory: the volume may be of any layout.
    Source: notes, section 10, summary (b) and (c).
    """
    if num_anchors < 1 or num_classes < 1:
        raise ValueError(f"num_anchors is {num_anchors} and num_classes is {num_classes}; both must be positive")
    check_shapes(volume=(volume, f"S S {num_anchors * (5 + num_classes)}"))
    return volume.reshape(*volume.shape[:2], num_anchors, 5 + num_classes)


def unflatten_predictions_torch(volume, num_anchors, num_classes):
    check_shapes(volume=(volume, f"S S {num_anchors * (5 + num_classes)}"))
    return volume.reshape(*volume.shape[:2], num_anchors, 5 + num_classes)


def stack_of_anchors(volume, num_anchors, num_classes):
    return np.stack(np.split(volume, num_anchors, axis=-1), axis=2)


def number_by_number(volume, num_anchors, num_classes):
    length = 5 + num_classes
    out = np.empty((*volume.shape[:2], num_anchors, length), dtype=volume.dtype)
    for index in np.ndindex(out.shape):
        row, col, anchor, number = index
        out[index] = volume[row, col, anchor * length + number]
    return out


def numbers_before_anchors(volume, num_anchors, num_classes):
    return volume.reshape(*volume.shape[:2], 5 + num_classes, num_anchors)


def numbers_interleaved(volume, num_anchors, num_classes):
    return numbers_before_anchors(volume, num_anchors, num_classes).swapaxes(2, 3)


def grid_transposed(volume, num_anchors, num_classes):
    return unflatten_predictions(volume, num_anchors, num_classes).swapaxes(0, 1)


def in_order_of_memory(volume, num_anchors, num_classes):
    return volume.reshape(*volume.shape[:2], num_anchors, 5 + num_classes, order="A")


def cells_in_one_axis(volume, num_anchors, num_classes):
    return volume.reshape(-1, num_anchors, 5 + num_classes)


def _volume(rng, grid_size, num_anchors, num_classes, dtype="f8"):
    volume = rng.standard_normal((grid_size, grid_size, num_anchors * (5 + num_classes))).astype(dtype)
    return {"volume": volume, "num_anchors": num_anchors, "num_classes": num_classes}


def _counted(rng, grid_size, num_anchors, num_classes):
    """Number the entries of a volume: hundreds for the cell, then the place in it."""
    cells = 100.0 * rng.integers(1, 9) + 100 * np.arange(grid_size**2).reshape(grid_size, grid_size, 1)
    volume = cells + np.arange(num_anchors * (5 + num_classes))
    return {"volume": volume, "num_anchors": num_anchors, "num_classes": num_classes}


def _column_major(rng):
    inputs = _volume(rng, 4, 3, 2)
    return inputs | {"volume": np.asfortranarray(inputs["volume"])}


def _every_second_number(rng):
    return _volume(rng, 3, 2, 4) | {"volume": rng.standard_normal((6, 6, 36))[::2, ::2, ::2]}


TOPIC = Topic(
    forward=unflatten_predictions,
    torch=unflatten_predictions_torch,
    compare=Exact(),
    cases=(
        Case("one cell", lambda rng: _counted(rng, 1, 2, 1), visible=True),
        Case("four cells", lambda rng: _counted(rng, 2, 2, 2), visible=True),
        Case("drawn numbers", lambda rng: _volume(rng, 5, 4, 3)),
        Case("float32", lambda rng: _volume(rng, 4, 3, 6, "f4")),
        Case("column-major volume", _column_major),
        Case("every second number of a larger volume", _every_second_number),
        Case("five anchors and 80 classes", lambda rng: _volume(rng, 19, 5, 80, "f4")),
        Case("one anchor", lambda rng: _volume(rng, 3, 1, 4), aspect="edge"),
        Case("one class", lambda rng: _volume(rng, 3, 2, 1), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            numbers_before_anchors,
            "The last two axes are the wrong way round: anchors come before the numbers of a box.",
        ),
        Mistake(
            numbers_interleaved,
            "The numbers of different anchors are mixed: those of one anchor stand next to each other in the volume. "
            "Exchanging two axes after the reshape mends the shape, but not which number goes where.",
        ),
        Mistake(grid_transposed, "Rows and columns of the grid are exchanged: leave the first two axes alone."),
        Mistake(
            in_order_of_memory,
            "The numbers are taken in the order of the memory, which differs between layouts of the same array. "
            "Only their indices count.",
        ),
        Mistake(cells_in_one_axis, "The rows and columns of the grid are merged: keep them as two axes."),
    ),
    alternates=(stack_of_anchors, number_by_number),
)
