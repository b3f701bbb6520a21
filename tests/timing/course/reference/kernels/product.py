"""The kernel whose time the cheats lie about."""

from grader import Case, Speed, Topic


def product(x, w):
    """Return the matrix product."""
    return x @ w


def product_inputs(rng, n):
    return {"x": rng.random((n, n)), "w": rng.random((n, n))}


def product_vary(rng, x, w):
    return {"x": x * (0.5 + rng.random(x.shape[1])), "w": w}


TOPIC = Topic(
    forward=product,
    torch=product,
    cases=(Case("small", lambda rng: product_inputs(rng, 3), visible=True),),
    mistakes=(),
    speed=Speed(inputs=product_inputs, vary=product_vary, sizes=(120, 200, 260), unit="rows"),
)
