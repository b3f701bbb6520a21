"""Prove how the timed topics vary their arguments: every call stays valid, and none can be answered from another."""

import builtins
import inspect

import numpy as np
import pytest

from grader import oracle
from grader.assignment import assignment_names, load_assignment
from grader.compare import compare, compare_dtypes
from tests.reference.test_topics import COURSE, ROOT, arrays, bits, call, on_tensors

TIMED = {name: topic for name, topic in COURSE.topics.items() if topic.speed}
KERNELS = (
    *("affine_forward", "softmax", "softmax_cross_entropy", "batch_norm", "conv2d", "max_pool", "avg_pool"),
    *("iou_matrix", "nms", "multiclass_nms", "yolo_postprocess"),
)
SUPPRESSING = ("nms", "multiclass_nms", "yolo_postprocess")
NO_FACTORS = ("softmax_cross_entropy", "iou_matrix")  # a number, and a matrix with many zeros


@pytest.fixture(params=TIMED)
def topic(request):
    return TIMED[request.param]


def base_of(topic, which=0, seed=0):
    """Return the base arguments at the smallest size, or at another."""
    return dict(topic.speed.inputs(np.random.default_rng(seed), topic.speed.sizes[which]))


def varied(topic, base, seed):
    return dict(topic.speed.vary(np.random.default_rng(seed), **base))


def mismatch(topic, inputs, answer):
    expected = oracle.expect(topic.forward, inputs, topic.compare)
    return compare(expected, answer) or compare_dtypes(expected, answer)


def flat(answer):
    return np.concatenate([np.ravel(part) for part in (answer if isinstance(answer, tuple) else (answer,))])


# --- what is timed -----------------------------------------------------------------------------------------------


def test_the_kernels_are_timed_and_nothing_else():
    bands = {f.name: f.band for f in load_assignment(ROOT, assignment_names(ROOT)).functions if f.band}
    assert set(TIMED) == set(bands) == set(KERNELS)
    assert all(band.full >= 3 and band.none >= 100 for band in bands.values())


def test_handouts_say_how_speed_is_graded():
    for name in assignment_names(ROOT):
        bands = {f.name: f.band for f in load_assignment(ROOT, [name]).functions if f.band}
        handout = " ".join((ROOT / "assignments" / name / "README.md").read_text(encoding="utf-8").split())
        assert ("| speed |" in handout) == bool(bands)
        for function, band in bands.items():
            assert f"`{function}` (up to {band.full:g}, none from {band.none:g})" in handout


def test_sizes_ascend(topic):
    small, middle, large = topic.speed.sizes
    assert 1 < small < middle < large
    assert 1.3 <= middle / small <= 2 and 1.3 <= large / middle <= 2
    assert topic.speed.unit


def test_the_judged_volume_is_that_of_the_notes():
    assert base_of(TIMED["yolo_postprocess"], which=1)["volume"].shape == (19, 19, 425)


def test_inputs_grow_with_the_size_and_stay_small(topic):
    """The box gets each base once; a megabyte takes some 20 ms."""
    held = [sum(array.nbytes for array in arrays(base_of(topic, which))) for which in range(3)]
    assert held[0] < held[1] < held[2] <= 4.5e6
    assert held[1] <= 2.5e6


# --- one call's arguments ----------------------------------------------------------------------------------------


def test_a_call_gets_arguments_like_the_base(topic):
    base = base_of(topic)
    inputs = varied(topic, base, 1)
    assert set(inputs) == set(base) <= set(topic.parameters)
    for name, value in base.items():
        if not isinstance(value, np.ndarray):
            assert inputs[name] == value
            continue
        assert (inputs[name].shape, inputs[name].dtype) == (value.shape, value.dtype)
        assert inputs[name].flags.c_contiguous and value.flags.c_contiguous
        assert value.dtype == np.float64 or np.issubdtype(value.dtype, np.integer)
        assert np.isfinite(inputs[name]).all()


def test_the_base_stays_as_it_is(topic):
    base = base_of(topic)
    before = bits(base)
    for seed in range(3):
        varied(topic, base, seed)
    assert bits(base) == before


def test_arguments_follow_from_the_generator(topic):
    base = base_of(topic)
    first, again, other = (bits(varied(topic, base, seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert bits(base_of(topic, seed=3)) == bits(base_of(topic, seed=3)) != bits(base_of(topic, seed=4))


def test_the_source_of_vary_travels_alone(topic):
    vary = topic.speed.vary
    named = inspect.getclosurevars(vary)
    assert set(named.globals) <= {"np"} and not named.nonlocals
    assert all(hasattr(builtins, name) for name in named.builtins)
    module = {}
    exec("import numpy as np\n\n" + inspect.getsource(vary), module)
    base = base_of(topic)
    assert bits(module[vary.__name__](np.random.default_rng(1), **base)) == bits(varied(topic, base, 1))


def test_only_arrays_that_no_answer_hangs_on_alone_stay(topic):
    """One array of a product may stay if the other changes; a call never gets the base as it was."""
    base = base_of(topic)
    inputs = varied(topic, base, 1)
    same = {name for name in base if isinstance(base[name], np.ndarray) and bits(base[name]) == bits(inputs[name])}
    assert same == ({"X"} if topic.name == "affine_forward" else set())


# --- answers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_right_solutions_agree_on_varied_arguments(topic, seed):
    inputs = varied(topic, base_of(topic, seed=seed), seed + 10)
    for alternate in topic.alternates:
        assert mismatch(topic, inputs, call(alternate, inputs)) is None, alternate.__name__


@pytest.mark.torch
@pytest.mark.parametrize("which", [0, 1])
def test_torch_agrees_on_varied_arguments(topic, which):
    inputs = varied(topic, base_of(topic, which), 5)
    assert mismatch(topic, inputs, call(on_tensors(topic.torch), inputs)) is None


def test_references_are_finite_at_all_sizes(topic):
    for which in range(3):
        assert np.isfinite(flat(topic.forward(**varied(topic, base_of(topic, which), 1)))).all()


def test_no_answer_is_that_of_another_call(topic):
    """A replayed answer would be found wrong."""
    base = base_of(topic)
    calls = [base, *(varied(topic, base, seed) for seed in range(1, 5))]
    answers = [topic.forward(**inputs) for inputs in calls]
    for i, inputs in enumerate(calls):
        assert mismatch(topic, inputs, answers[i]) is None
        assert all(mismatch(topic, inputs, answers[j]) for j in range(len(calls)) if j != i)


@pytest.mark.parametrize("name", [name for name in KERNELS if name not in (*SUPPRESSING, *NO_FACTORS)])
def test_an_answer_is_not_the_base_answer_with_other_factors(name):
    """No factor per row and factor per column turns one answer into another: their logarithms would add up.

    Nor does a factor and a shift per column: they would correlate fully.
    """
    topic = TIMED[name]
    base = base_of(topic)
    answers = [topic.forward(**inputs) for inputs in (base, varied(topic, base, 1))]
    one, other = (answer.reshape(-1, answer.shape[-1]) for answer in answers)
    rows = (np.minimum(abs(one), abs(other)) > 1e-12).all(axis=1)
    logs = np.log(abs(other[rows] / one[rows]))
    rest = logs - logs.mean(axis=0) - logs.mean(axis=1, keepdims=True) + logs.mean()
    assert rows.sum() > 50
    assert rest.std() > 0.05
    assert all(abs(np.corrcoef(a, b)[0, 1]) < 0.99 for a, b in zip(one.T, other.T, strict=True))


def test_an_iou_is_not_one_of_another_call():
    """Whatever the order of the boxes: the overlaps themselves differ."""
    topic = TIMED["iou_matrix"]
    base = base_of(topic)
    one, other = (set(flat(topic.forward(**inputs)).round(12)) - {0.0} for inputs in (base, varied(topic, base, 1)))
    assert len(one) > 1000
    assert len(one & other) < 0.01 * len(one)


@pytest.mark.parametrize("name", SUPPRESSING)
def test_other_scores_survive_in_every_call(name):
    """Scores are as many and as good in every call; knowing who had survived does not tell who will."""
    topic = TIMED[name]
    base = base_of(topic)

    def survivors(inputs):
        answer = topic.forward(**inputs)
        return set(answer[0] if isinstance(answer, tuple) else inputs["scores"][answer])

    one, other = survivors(base), survivors(varied(topic, base, 1))
    assert len(one & other) < 0.95 * len(one | other)
    assert 0.5 < len(one) / len(other) < 2


# --- validity ----------------------------------------------------------------------------------------------------


def test_labels_stay_classes():
    topic = TIMED["softmax_cross_entropy"]
    base = base_of(topic)
    y = varied(topic, base, 1)["y"]
    assert sorted(y) == sorted(base["y"])
    assert (y != base["y"]).mean() > 0.5


def test_boxes_stay_boxes():
    for name in ("iou_matrix", "nms", "multiclass_nms"):
        for seed in range(5):
            inputs = varied(TIMED[name], base_of(TIMED[name], seed=seed), seed)
            for boxes in (array for array in arrays(inputs) if array.ndim == 2):
                assert (boxes[:, 2:] - boxes[:, :2] >= 16).all()


def candidates(name, which, seed):
    """Return the boxes and scores among which a varied call suppresses."""
    topic = TIMED[name]
    inputs = varied(topic, base_of(topic, which, seed), seed)
    if name != "yolo_postprocess":
        return inputs["boxes"], inputs["scores"]
    inputs |= {"iou_threshold": 1.0, "max_boxes": None}
    scores, boxes, _ = topic.forward(**inputs)
    return boxes, scores


@pytest.mark.parametrize("name", SUPPRESSING)
@pytest.mark.parametrize("which", range(3))
def test_suppression_stays_away_from_ties(name, which):
    for seed in range(4):
        boxes, scores = candidates(name, which, seed)
        ious = TIMED["iou_matrix"].forward(boxes, boxes)
        threshold = base_of(TIMED[name])["iou_threshold"]
        assert (abs(ious - threshold) > 1e-3).all()
        assert ((ious > threshold).sum(axis=1) > 1).mean() > 0.3, "hardly any boxes overlap"
        assert np.diff(np.sort(scores)).min(initial=1) > 1e-5


def test_no_shared_area_gives_an_iou_near_the_threshold():
    """Two boxes of 384 pixels share a whole number of them."""
    shared = np.arange(385)
    assert (abs(shared / (768 - shared) - 0.4) > 1e-3).all()


def test_scores_stay_away_from_the_threshold_and_classes_from_ties():
    topic = TIMED["yolo_postprocess"]
    for which in range(3):
        inputs = varied(topic, base_of(topic, which), which)
        p = inputs["volume"].reshape(-1, 85)
        scores = np.sort(p[:, :1] * p[:, 5:], axis=1)
        assert ((p[:, [0, *range(5, 85)]] >= 0) & (p[:, [0, *range(5, 85)]] <= 1)).all()
        assert (abs(scores[:, -1] - inputs["score_threshold"]) > 1e-2).all()
        found = scores[scores[:, -1] > inputs["score_threshold"]]
        assert len(found) == len(p) // 24
        assert (found[:, -1] - found[:, -2] > 0.1).all()
