import torch


def precision_recall_f1(y_true, y_pred):
    said, real = y_pred == 1, y_true == 1
    hits = (said & real).sum().item()
    precision = hits / max(said.sum().item(), 1)
    recall = hits / max(real.sum().item(), 1)
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    return precision, recall, f1


def train_dev_test_split(X, y, fractions, rng):
    n = len(X)
    order = torch.randperm(n, generator=rng, device=rng.device).to(X.device)
    first = round(float(fractions[0]) * n)
    second = round(float(fractions[0] + fractions[1]) * n)
    parts = torch.tensor_split(order, (first, second))
    return tuple((X[rows], y[rows]) for rows in parts)


def bias_variance(train_error, dev_error, target_error):
    avoidable_bias = train_error - target_error
    variance = dev_error - train_error
    return avoidable_bias, variance, "bias" if avoidable_bias >= variance else "variance"
