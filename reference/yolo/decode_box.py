"""From the numbers of one grid cell back to the box in the image (notes, section 10)."""

import numpy as np

from grader import Case, Exact, Mistake, Topic


def decode_box(row, col, b_x, b_y, b_h, b_w, grid_size):
    """Turn a box as one grid cell describes it into corners in the image: the inverse of encode_box.

    row, col: integers from 0 to S - 1, the cell that holds the centre of the box
    b_x, b_y: floats in [0, 1], the place of the centre inside the cell, from its left and its upper side
    b_h, b_w: floats >= 0, height and width of the box, measured in cells; they may exceed 1
    grid_size: positive integer S; the image is cut into S rows and S columns of equal cells
    returns: float array (4,), corners (x1, y1, x2, y2) in units of the image, in the dtype of b_x

    b_x, b_y, b_h and b_w are numbers: Python floats, or arrays without axes, all of one dtype. A box that reaches
    beyond the image keeps its corners below 0 or above 1: nothing is clipped.
    Source: notes, section 10.
    """
    if grid_size < 1:
        raise ValueError(f"grid_size is {grid_size}; a positive integer is expected")
    for name, index in (("row", row), ("col", col)):
        if np.min(index) < 0 or np.max(index) >= grid_size:
            raise ValueError(f"{name} is {index}; 0 to {grid_size - 1} are the cells of a grid of size {grid_size}")
    if np.min(b_h) < 0 or np.min(b_w) < 0:
        raise ValueError(f"b_h is {b_h} and b_w is {b_w}; sides cannot be negative")
    return np.stack(_corners(row, col, b_x, b_y, b_h, b_w, grid_size), axis=-1)


def decode_box_torch(row, col, b_x, b_y, b_h, b_w, grid_size):
    import torch

    return torch.stack(_corners(row, col, b_x, b_y, b_h, b_w, grid_size), dim=-1)


def _corners(row, col, b_x, b_y, b_h, b_w, grid_size):
    x, y = (col + b_x) / grid_size, (row + b_y) / grid_size
    half_width, half_height = b_w / (2 * grid_size), b_h / (2 * grid_size)
    return x - half_width, y - half_height, x + half_width, y + half_height


def corners_in_cells_first(row, col, b_x, b_y, b_h, b_w, grid_size):
    sides = np.array([b_w, b_h])
    centre = np.array([col, row], dtype=sides.dtype) + np.array([b_x, b_y])
    return np.concatenate([centre - sides / 2, centre + sides / 2]) / grid_size


def near_corner_and_sides(row, col, b_x, b_y, b_h, b_w, grid_size):
    cell = 1 / grid_size
    width, height = b_w * cell, b_h * cell
    x1, y1 = cell * col + cell * b_x - width / 2, cell * row + cell * b_y - height / 2
    return np.array([x1, y1, x1 + width, y1 + height])


def row_and_column_swapped(row, col, b_x, b_y, b_h, b_w, grid_size):
    return decode_box(col, row, b_x, b_y, b_h, b_w, grid_size)


def width_before_height(row, col, b_x, b_y, b_h, b_w, grid_size):
    return decode_box(row, col, b_x, b_y, b_w, b_h, grid_size)


def sides_in_units_of_image(row, col, b_x, b_y, b_h, b_w, grid_size):
    return decode_box(row, col, b_x, b_y, b_h * grid_size, b_w * grid_size, grid_size)


def whole_sides_from_centre(row, col, b_x, b_y, b_h, b_w, grid_size):
    return decode_box(row, col, b_x, b_y, 2 * b_h, 2 * b_w, grid_size)


def centre_and_sides(row, col, b_x, b_y, b_h, b_w, grid_size):
    return np.stack([(col + b_x) / grid_size, (row + b_y) / grid_size, b_w / grid_size, b_h / grid_size])


def clipped_to_image(row, col, b_x, b_y, b_h, b_w, grid_size):
    return np.clip(decode_box(row, col, b_x, b_y, b_h, b_w, grid_size), 0, 1)


def _numbers(row, col, b_x, b_y, b_h, b_w, grid_size, dtype="f8"):
    offsets = {"b_x": b_x, "b_y": b_y, "b_h": b_h, "b_w": b_w}
    arrays = {name: np.array(value, dtype=dtype) for name, value in offsets.items()}
    return {"row": int(row), "col": int(col), **arrays, "grid_size": grid_size}


def _by_hand(rng):
    b_h, b_w = rng.permutation([1.0, 2.0])
    return _numbers(2, 1, 0.5, 0.25, b_h, b_w, 4)


def _drawn(rng, grid_size, smallest, largest, dtype="f8"):
    """Draw a cell with row and column apart, inside the image by `largest / 2` cells where the grid has the room."""
    room = min(int(np.ceil(largest / 2)), (grid_size - 2) // 2)
    row, col = rng.choice(np.arange(room, grid_size - room), 2, replace=False)
    b_h, b_w = rng.uniform(smallest, largest) * rng.permutation([0.6, 1.0])
    return _numbers(row, col, *rng.uniform(0.05, 0.95, 2), b_h, b_w, grid_size, dtype)


def _beyond_the_image(rng):
    row, col = rng.permutation([0, 6])
    return _numbers(row, col, *rng.uniform(0.1, 0.9, 2), *rng.permutation([3.5, 2.5]), 7)


TOPIC = Topic(
    forward=decode_box,
    torch=decode_box_torch,
    cases=(
        Case("a box in a grid of four", _by_hand, visible=True, compare=Exact()),
        Case(
            "beyond the image",
            lambda rng: _numbers(0, 3, 0.5, 0.25, *rng.permutation([1.0, 2.0]), 4),
            visible=True,
            compare=Exact(),
        ),
        Case("small boxes", lambda rng: _drawn(rng, 19, 0.2, 0.9)),
        Case("larger than the cell", lambda rng: _drawn(rng, 13, 2, 6)),
        Case("float32", lambda rng: _drawn(rng, 19, 0.5, 5, "f4")),
        Case("far beyond the image", _beyond_the_image),
        Case("centre at 1.0", lambda rng: _numbers(3, 3, 1, 1, *rng.integers(0, 4, 2) / 2, 4), aspect="edge"),
        Case("a grid of one cell", lambda rng: _numbers(0, 0, *rng.uniform(0.2, 0.8, 4), 1), aspect="edge"),
    ),
    mistakes=(
        Mistake(row_and_column_swapped, "Row and column are exchanged: the column, not the row, says how far right."),
        Mistake(width_before_height, "Height and width are exchanged: b_h comes before b_w."),
        Mistake(
            sides_in_units_of_image,
            "The sides come out S times too long: b_h and b_w are measured in cells, the corners in images.",
        ),
        Mistake(
            whole_sides_from_centre,
            "The box is twice as wide and twice as high as it should be: the centre is in its middle.",
        ),
        Mistake(centre_and_sides, "This is the centre with width and height. Two opposite corners are asked for."),
        Mistake(clipped_to_image, "The corners are cut off at 0 and 1. A box may reach beyond the image."),
    ),
    alternates=(corners_in_cells_first, near_corner_and_sides),
)
