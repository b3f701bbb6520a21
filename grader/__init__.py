"""Automated grading of deep-learning coursework: what course authors import."""

from grader.topic import Case, Close, Equivalent, Exact, Indices, Mistake, Properties, Speed, Topic

__version__ = "0.1.0"

__all__ = ["Case", "Close", "Equivalent", "Exact", "Indices", "Mistake", "Properties", "Speed", "Topic"]
