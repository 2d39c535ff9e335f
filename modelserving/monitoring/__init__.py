"""Statistics of what the servers do."""

from modelserving.statistics import Statistics, StatisticsSnapshot

__all__ = ["Statistics", "StatisticsSnapshot"]
