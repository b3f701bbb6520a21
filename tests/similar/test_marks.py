"""Where matching words are."""

from grader.model import Location
from grader.similar.marks import marks
from grader.similar.model import Passage, Place, Written


def test_words_side_by_side_are_one_place_and_lines_are_counted_from_the_passage():
    first = Passage(Location("hw.py", 10), "def f(x):\n    y = x.sum()\n    return y")
    second = Passage(Location("hw.ipynb", 1, 4), "def h(x):\n    return x + 1")
    version = Written((first, second), "")
    # name = name .sum ( ) | return name | return name + number
    assert marks(version, [range(4), range(5, 8), range(9, 12)]) == (
        Place(Location("hw.py", 11), 4, 13),
        Place(Location("hw.py", 11), 14, 15),
        Place(Location("hw.py", 12), 4, 12),
        Place(Location("hw.ipynb", 2, 4), 11, 16),
    )
