import torch


def normalize_fit(X):
    var, mu = torch.var_mean(X, dim=0, correction=0)
    constant = X.amax(dim=0) == X.amin(dim=0)
    return mu, torch.where(constant, torch.ones_like(var), var.sqrt())


def normalize_apply(X, mu, sigma):
    return X.sub(mu).div(sigma)


def one_hot(y, num_classes):
    hot = torch.zeros(len(y), num_classes, device=y.device)
    return hot.scatter(1, y.long()[:, None], 1.0)


def mini_batches(X, y, batch_size, rng):
    order = torch.randperm(len(X), generator=rng, device=rng.device).to(X.device)
    return [(X[rows], y[rows]) for rows in order.split(batch_size)]


def affine_forward(X, W, b):
    return torch.addmm(b, X, W)


def softmax(z):
    return torch.softmax(z, dim=-1)


def cross_entropy(probs, Y):
    target = Y.argmax(dim=1, keepdim=True)
    return -probs.gather(1, target).log().mean()


def softmax_cross_entropy(logits, y):
    right = logits.gather(1, y.long()[:, None])
    # the probabilities relative to that of the right class, as logarithms
    return torch.logsumexp(logits - right, dim=1).mean()


def softmax_regression(X, y, W, b):
    return softmax_cross_entropy(affine_forward(X, W, b), y)


def sgd_step(w, dw, lr):
    return torch.sub(w, dw, alpha=float(lr))


def momentum_step(w, dw, velocity, lr, beta=0.9):
    velocity = torch.add(dw, velocity, alpha=float(beta))
    return sgd_step(w, velocity, lr), velocity


def decay_learning_rate(lr0, epoch, decay_rate):
    return lr0 / (1 + decay_rate * epoch)


def init_gaussian(n_in, n_out, std, rng):
    return torch.randn(n_in, n_out, generator=rng, device=rng.device) * std


def train_softmax_classifier(X, y, num_classes, lr, epochs, batch_size, rng):
    W = init_gaussian(X.shape[1], num_classes, 0.01, rng).to(X).requires_grad_()
    b = torch.zeros(num_classes, dtype=X.dtype, device=X.device, requires_grad=True)
    for _ in range(epochs):
        for Xb, yb in mini_batches(X, y, batch_size, rng):
            grads = torch.autograd.grad(softmax_regression(Xb, yb, W, b), (W, b))
            with torch.no_grad():
                for parameter, grad in zip((W, b), grads):
                    parameter -= lr * grad
    return W.detach(), b.detach()
