"""From a box in the image to the numbers of one grid cell (notes, section 10)."""

import math

import numpy as np

from grader import Case, Exact, Mistake, Topic
from grader.shapes import check_shapes


def encode_box(box, grid_size):
    """Find the grid cell that is responsible for a box, and describe the box as seen from that cell.

    box: float array (4,), corners (x1, y1, x2, y2) in units of the image: 0 <= x1 <= x2 <= 1, 0 <= y1 <= y2 <= 1
    grid_size: positive integer S; the image is cut into S rows and S columns of equal cells
    returns: (row, col, b_x, b_y, b_h, b_w), six numbers
        row, col: integers from 0 to S - 1: the cell that holds the centre of the box; y gives the row, x the column
        b_x, b_y: the place of the centre inside this cell, 0 at its left (upper) side, 1 at its right (lower) side
        b_h, b_w: height and width of the box, measured in cells: a box may be larger than its cell, then they exceed 1

    A centre on the line between two cells belongs to the right (lower) one, with offset 0. Beyond a centre at exactly
    1.0 there is no cell: it belongs to the last one, with offset 1. Mind the order: b_x before b_y, b_h before b_w.
    Source: notes, section 10. The notes bound b_h and b_w by 1, which is a slip.
    """
    check_shapes(box=(box, "4"))
    x1, y1, x2, y2 = box
    if not (0 <= x1 <= x2 <= 1 and 0 <= y1 <= y2 <= 1):
        raise ValueError(f"box is {box}; 0 <= x1 <= x2 <= 1 and 0 <= y1 <= y2 <= 1 are expected")
    if grid_size < 1:
        raise ValueError(f"grid_size is {grid_size}; a positive integer is expected")
    x, y = (x1 + x2) / 2 * grid_size, (y1 + y2) / 2 * grid_size
    col, row = min(int(x), grid_size - 1), min(int(y), grid_size - 1)
    return row, col, x - col, y - row, (y2 - y1) * grid_size, (x2 - x1) * grid_size


def encode_box_torch(box, grid_size):
    check_shapes(box=(box, "4"))
    x, y = ((box[:2] + box[2:]) / 2 * grid_size).unbind()
    col, row = x.floor().clamp(max=grid_size - 1), y.floor().clamp(max=grid_size - 1)
    width, height = ((box[2:] - box[:2]) * grid_size).unbind()
    return row.long(), col.long(), x - col, y - row, height, width


def in_units_of_cells(box, grid_size):
    x1, y1, x2, y2 = box * grid_size
    col, row = (min(math.floor((near + far) / 2), grid_size - 1) for near, far in ((x1, x2), (y1, y2)))
    return row, col, x1 - col + (x2 - x1) / 2, y1 - row + (y2 - y1) / 2, y2 - y1, x2 - x1


def borders_counted(box, grid_size):
    centre = box[:2] + (box[2:] - box[:2]) / 2
    borders = np.arange(1, grid_size) / grid_size
    col, row = np.searchsorted(borders, centre, side="right")
    b_x, b_y = ((c - i / grid_size) * grid_size for c, i in zip(centre, (int(col), int(row)), strict=True))
    return row, col, b_x, b_y, grid_size * (box[3] - box[1]), grid_size * (box[2] - box[0])


def row_and_column_swapped(box, grid_size):
    row, col, *rest = encode_box(box, grid_size)
    return col, row, *rest


def no_last_cell(box, grid_size):
    x, y = (box[:2] + box[2:]) / 2 * grid_size
    return int(y), int(x), x - int(x), y - int(y), *encode_box(box, grid_size)[4:]


def offset_from_image(box, grid_size):
    row, col, _, _, b_h, b_w = encode_box(box, grid_size)
    return row, col, (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, b_h, b_w


def sides_of_image(box, grid_size):
    *cell, b_h, b_w = encode_box(box, grid_size)
    return *cell, b_h / grid_size, b_w / grid_size


def sides_at_most_one_cell(box, grid_size):
    *cell, b_h, b_w = encode_box(box, grid_size)
    return *cell, min(b_h, 1), min(b_w, 1)


def width_before_height(box, grid_size):
    *cell, b_h, b_w = encode_box(box, grid_size)
    return *cell, b_w, b_h


def _box(rng, grid_size, cell, largest):
    """Draw a box whose centre keeps 0.05 cells away from the borders of its cell (row, col), inside the image."""
    x, y = (np.array(cell[::-1]) + rng.uniform(0.05, 0.95, 2)) / grid_size
    width, height = rng.uniform(0.3, 0.9, 2) * np.minimum([2 * x, 2 * y], [2 - 2 * x, 2 - 2 * y])
    width, height = min(width, largest / grid_size), min(height, 0.6 * largest / grid_size)
    box = np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2])
    return {"box": box, "grid_size": grid_size}


def _by_hand(rng):
    """Centre in the middle of cell (2, 1) of a 4 x 4 grid; sides in eighths of the image, one of two cells."""
    width, height = rng.permutation([1, 2]) / 8
    return {"box": np.array([0.375 - width, 0.625 - height, 0.375 + width, 0.625 + height]), "grid_size": 4}


def _exact(rng):
    """Round a box to multiples of 2**-14: in a grid of 16 all its numbers are exact in float32, not in float16."""
    inputs = _box(rng, 16, (rng.integers(8, 13), rng.integers(3, 8)), 5)
    return inputs | {"box": (np.round(inputs["box"] * 2**14) / 2**14).astype("f4")}


def _two_cells(rng, grid_size):
    return tuple(int(index) for index in rng.choice(np.arange(grid_size), 2, replace=False))


def _centre_on_the_border(rng):
    col, row = rng.choice([1, 2, 3], 2, replace=False) / 4
    half = rng.permutation([1, 2]) / 16
    centre = np.array([col, row])
    return {"box": np.concatenate([centre - half, centre + half]), "grid_size": 4}


def _flat(rng, axis):
    """Flatten a box against the right (axis 0) or the lower (axis 1) side of the image."""
    near, far = np.array([rng.integers(0, 4), rng.integers(4, 8)]) / 8
    box = np.ones((2, 2))
    box[:, 1 - axis] = near, far
    return {"box": box.ravel(), "grid_size": 4}


TOPIC = Topic(
    forward=encode_box,
    torch=encode_box_torch,
    cases=(
        Case("a box in a grid of four", _by_hand, visible=True, compare=Exact()),
        Case(
            "the whole image",
            lambda rng: {"box": np.array([0.0, 0.0, 1.0, 1.0]), "grid_size": 3},
            visible=True,
            compare=Exact(),
        ),
        Case("small boxes", lambda rng: _box(rng, 19, _two_cells(rng, 19), 0.9)),
        Case("larger than the cell", lambda rng: _box(rng, 13, (rng.integers(3, 6), rng.integers(7, 10)), 5)),
        Case("float32", _exact, compare=Exact()),
        Case("centre on the border of two cells", _centre_on_the_border, compare=Exact()),
        Case("centre at x = 1.0", lambda rng: _flat(rng, 0), aspect="edge", compare=Exact()),
        Case("centre at y = 1.0", lambda rng: _flat(rng, 1), aspect="edge", compare=Exact()),
        Case("a grid of one cell", lambda rng: _box(rng, 1, (0, 0), 1), aspect="edge"),
    ),
    mistakes=(
        Mistake(
            row_and_column_swapped,
            "Row and column are exchanged: rows are counted downwards, so the row follows from y.",
        ),
        Mistake(
            no_last_cell,
            "A centre at exactly 1.0 lands in cell S, which does not exist: the last cell has the number S - 1.",
        ),
        Mistake(
            offset_from_image,
            "b_x and b_y say where the centre is in the image. They start anew in each cell, at its upper left corner.",
        ),
        Mistake(
            sides_of_image,
            "b_h and b_w are in units of the image. Measured in cells the same side is a larger number.",
        ),
        Mistake(
            sides_at_most_one_cell,
            "b_h and b_w are cut off at 1. Only the centre has to lie in the cell; the box may reach far beyond it.",
        ),
        Mistake(width_before_height, "The last two results are exchanged: the course's order is b_h, then b_w."),
    ),
    alternates=(in_units_of_cells, borders_counted),
)
