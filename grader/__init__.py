"""Automated grading of deep-learning coursework: what course authors import."""

from grader.topic import Case, Close, Exact, Indices, Mistake, Properties, Topic

__all__ = ["Case", "Close", "Exact", "Indices", "Mistake", "Properties", "Topic"]
