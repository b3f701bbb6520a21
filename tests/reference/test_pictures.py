"""The pictures of the course: a wrong answer to a visible case can be seen."""

import copy
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from grader.course import load_course
from grader.drawable import MAX_CELLS
from grader.model import Picture
from grader.oracle import case_inputs
from grader.topic import Case, Properties, Topic

DRAWN = {name: topic for name, topic in load_course(Path(__file__).parents[2]).topics.items() if topic.picture}
KINDS = {
    "boxes": {"filter_boxes", "iou", "iou_matrix", "multiclass_nms", "nms", "yolo_postprocess"},
    "heat": {"avg_pool", "conv2d", "convolutional_block", "identity_block", "max_pool", "zero_pad"},
    "histogram": {"dropout", "he_init", "init_gaussian", "sample_log_uniform", "xavier_init", "random_distort"},
    "curves": {"signal_propagation", "train_softmax_classifier"},
}
EITHER = {"random_flip", "random_shift"}


def shown(topic: Topic, case: Case, answer) -> Picture:
    """Return the picture of what a function answers to a case; raises what the hook raises."""
    inputs, policy = case_inputs(topic, case, "secret"), case.compare or topic.compare
    if isinstance(policy, Properties):
        draws = [answer(**copy.deepcopy(inputs), rng=np.random.default_rng(draw)) for draw in policy.draws]
        return topic.picture(inputs, None, draws)
    return topic.picture(inputs, topic.forward(**copy.deepcopy(inputs)), answer(**copy.deepcopy(inputs)))


def visible(topic: Topic) -> Iterator[Case]:
    return (case for case in topic.cases if case.visible)


def test_every_picture_is_of_a_known_kind() -> None:
    assert set(DRAWN) == set.union(EITHER, *KINDS.values())


@pytest.mark.parametrize("name", DRAWN)
def test_most_mistakes_can_be_seen(name: str) -> None:
    topic, seen = DRAWN[name], []
    mistakes = [mistake for mistake in topic.mistakes if not mistake.gradient]
    for mistake in mistakes:
        for case in visible(topic):
            with np.errstate(all="ignore"):
                try:
                    picture = shown(topic, case, mistake.function)
                except (ValueError, IndexError, TypeError, ZeroDivisionError):
                    continue
            assert name in EITHER or name in KINDS[picture.kind]
            assert picture.series and picture.caption.endswith((".", ")"))
            assert all(len(series.rows) <= 400 for series in picture.series)
            if picture.kind == "heat":
                assert all(len(series.rows) <= MAX_CELLS for series in picture.series)
            seen.append(mistake.name)
            break
    assert len(seen) >= len(mistakes) / 2, {m.name for m in mistakes} - set(seen)


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("value", [None, "text", 3, (), [[]], {"a": 1}, np.zeros(0), np.full((2, 2), np.nan)], ids=repr)
def test_a_hook_stops_at_any_answer_with_an_exception_at_most(name: str, value: object) -> None:
    topic = DRAWN[name]
    for case in visible(topic):
        try:
            picture = shown(topic, case, lambda **inputs: value)
        except Exception:
            continue
        assert picture is None or isinstance(picture, Picture)
