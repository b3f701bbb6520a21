"""What students hand in, for each chapter."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """What a student hands in: all is right but for `stub`, and for `broken`, which has the known `mistake`."""

    chapter: str
    kind: str
    framework: str
    stub: str
    broken: str
    mistake: str
    body: str

    @property
    def file(self) -> str:
        return f"{self.chapter}.{self.kind}"


WORKS = (
    Work(
        *("softmax_classifier", "py", "numpy", "decay_learning_rate", "one_hot", "counted_from_one"),
        "return np.eye(num_classes)[y - 1]",
    ),
    Work(
        *("regularization", "ipynb", "numpy", "random_flip", "l2_cost", "half_forgotten"),
        "return data_loss + lam / m * sum((W**2).sum() for W in weights)",
    ),
    Work(
        *("batch_norm", "py", "numpy", "batch_norm_inference", "batch_norm_running", "deviation_for_variance"),
        """
        axes = tuple(range(x.ndim - 1))
        mean = momentum * running_mean + (1 - momentum) * x.mean(axes)
        return mean, momentum * running_var + (1 - momentum) * x.std(axes)
        """,
    ),
    Work(
        *("convnets", "ipynb", "numpy", "max_pool", "avg_pool", "sum_of_the_window"),
        """
        windows = np.lib.stride_tricks.sliding_window_view(x, (f, f), axis=(1, 2))
        return windows[:, ::stride, ::stride].sum(axis=(4, 5))
        """,
    ),
    Work(
        *("yolo", "py", "torch", "yolo_postprocess", "encode_box", "sides_of_image"),
        """
        x1, y1, x2, y2 = box * grid_size
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        row, col = min(int(y), grid_size - 1), min(int(x), grid_size - 1)
        return row, col, x - col, y - row, (y2 - y1) / grid_size, (x2 - x1) / grid_size
        """,
    ),
    Work(
        *("strategy", "ipynb", "torch", "train_dev_test_split", "bias_variance", "dev_error_from_target"),
        """
        bias, variance = train_error - target_error, dev_error - target_error
        return bias, variance, "bias" if bias >= variance else "variance"
        """,
    ),
    Work(
        *("optimization_setup", "ipynb", "torch", "he_init", "gradient_check", "norms_squared"),
        """
        approx = numerical_gradient(f, theta, eps)
        total = (approx**2).sum() + (grad**2).sum()
        return ((approx - grad) ** 2).sum() / total if total > 0 else 0.0
        """,
    ),
    Work(
        *("optimizers", "py", "torch", "adam_step", "rmsprop_step", "accumulates_like_adagrad"),
        """
        cache = cache + dw**2
        return w - lr * dw / (cache.sqrt() + eps), cache
        """,
    ),
)
# What a student types for a whole chapter, in either framework.
BY_HAND = {
    "adagrad_step": """
        if not w.shape == dw.shape == cache.shape:
            raise ValueError("shapes differ")
        total = cache + dw * dw
        return w - lr * dw / (total**0.5 + eps), total
        """,
    "rmsprop_step": """
        if not w.shape == dw.shape == cache.shape or not 0 <= beta < 1:
            raise ValueError("shapes differ, or beta is no such number")
        average = cache + (1 - beta) * (dw * dw - cache)
        return w - lr / (average**0.5 + eps) * dw, average
        """,
    "adam_step": """
        if not w.shape == dw.shape == m.shape == v.shape or t < 1 or not (0 <= beta1 < 1 and 0 <= beta2 < 1):
            raise ValueError("wrong arguments")
        m = m + (1 - beta1) * (dw - m)
        v = v + (1 - beta2) * (dw * dw - v)
        root = (1 - beta2**t) ** 0.5
        return w - lr * root / (1 - beta1**t) * m / (v**0.5 + eps * root), m, v
        """,
}
