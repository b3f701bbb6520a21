import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def leaky_relu(x):
    return np.maximum(x, 0)


def box_iou(box1, box2):
    w = max(0, min(box1[2], box2[2]) - max(box1[0], box2[0]))
    h = max(0, min(box1[3], box2[3]) - max(box1[1], box2[1]))
    a = (box1[2] - box1[0]) * (box1[3] - box1[1])
    b = (box2[2] - box2[0]) * (box2[3] - box2[1])
    return w * h / (a + b - w * h)
