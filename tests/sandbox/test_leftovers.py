"""Whose a container is: a grader's that lives, or nobody's any more."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from sandbox.leftovers import DEADLINE_LABEL, OWNER_LABEL, leftovers, owner

SOON, PAST = str(1 << 40), "1"


def is_left(deadline: str, whose: str = "") -> bool:
    container = SimpleNamespace(labels={DEADLINE_LABEL: deadline, OWNER_LABEL: whose})
    client = SimpleNamespace(containers=SimpleNamespace(list=lambda **options: [container]))
    return leftovers(client) == [container]  # type: ignore[arg-type, comparison-overlap]


@pytest.mark.parametrize(("deadline", "left"), [(SOON, False), (PAST, True), ("soon", True), ("", True)])
def test_a_container_of_another_machine_is_left_over_after_its_deadline(deadline, left):
    assert is_left(deadline) is left
    assert is_left(deadline, "another-boot pid:[1] 4711 99") is left


def test_a_container_of_a_grader_that_has_ended_is_left_over_at_once():
    program = "from sandbox.leftovers import owner; print(owner())"
    dead = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
    assert dead != owner() and is_left(SOON, dead)


def test_a_process_that_took_over_the_number_of_a_grader_is_not_that_grader():
    place, _, birth = owner().rpartition(" ")
    assert is_left(SOON, f"{place} {int(birth) - 1}")


def test_a_clock_that_jumps_takes_no_container_from_a_living_grader():
    assert not is_left(PAST, owner())


def test_an_owner_that_is_nonsense_is_nobody():
    place = owner().rpartition(" ")[0].rpartition(" ")[0]
    assert is_left(SOON, f"{place} x y") and is_left(SOON, f"{place} 0x1 y")
