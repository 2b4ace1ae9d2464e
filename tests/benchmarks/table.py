"""The table a benchmark run prints, and its JSON."""

import statistics
from dataclasses import dataclass, field
from typing import Any

from .measure import MIB, Run


@dataclass
class Row:
    """One row of the goals: what was measured against what, and how each figure stands to its goal."""

    number: str
    what: str
    against: str
    ours: list[Run] = field(default_factory=list)
    theirs: list[Run] = field(default_factory=list)
    figures: list[tuple[str, float, float, bool]] = field(default_factory=list)

    def add(self, name: str, figure: float, goal: float, at_least: bool = False) -> None:
        """A figure and its goal; met when it is at most the goal, or at least, when that is said."""
        self.figures.append((name, figure, goal, figure >= goal if at_least else figure <= goal))

    def lines(self) -> list[str]:
        """One line a figure, aligned under the heading."""
        cpu = f"{statistics.median(run.cpu for run in self.ours):8.2f}" if self.ours else " " * 8
        peak = f"{max(run.peak_bytes for run in self.ours) / MIB:8.0f}" if self.ours else " " * 8
        start = f"{self.number:9} {self.what:38.38}"
        return [
            f"{start} {name:16} {figure:9.3f} {goal:9.3f}  {'met' if met else 'MISSED':6} {cpu} {peak}"
            for name, figure, goal, met in self.figures
        ]

    def as_json(self) -> dict[str, Any]:
        return {
            "row": self.number,
            "what": self.what,
            "against": self.against,
            "figures": [dict(zip(("name", "figure", "goal", "met"), one, strict=True)) for one in self.figures],
            "ours": [vars(run) for run in self.ours],
            "theirs": [vars(run) for run in self.theirs],
        }


HEADING = f"{'row':9} {'what':38} {'figure':16} {'measured':>9} {'goal':>9}  {'':6} {'cpu s':>8} {'peak MiB':>8}"
