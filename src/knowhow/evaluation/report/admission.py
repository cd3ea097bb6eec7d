"""The gates of trained strategies as rows and sentences of a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from knowhow.evaluation.results import Report
from knowhow.types import Gate

_NAMES = {
    "lint": "clean examples",
    "margin": "beats what needs no training",
    "general_skill": "general skill",
    "out_of_distribution": "unlike the training examples",
    "leakage": "nothing held out in training",
    "refusals": "refusals of unanswerable questions",
}


@dataclass(frozen=True, slots=True)
class GateRow:
    """One gate of one strategy as it is shown."""

    strategy: str
    name: str
    title: str
    status: str
    sentence: str


def gate_rows(report: Report) -> list[GateRow]:
    """Return every gate of every trained strategy, in the order of the strategies."""
    return [
        GateRow(strategy, gate.name, _NAMES.get(gate.name, gate.name), gate_status(gate), gate_sentence(gate))
        for strategy, gates in report.gates.items()
        for gate in gates
    ]


def gate_lines(report: Report) -> tuple[str, ...]:
    """Return one line per trained strategy, and one per gate that a reader must know of."""
    lines: list[str] = []
    for strategy, gates in report.gates.items():
        closed = [gate for gate in gates if not gate.is_open]
        names = ", ".join(gate.name for gate in closed)
        lines.append(f"{strategy}: {f'closed by {names}' if closed else 'all gates open'}.")
        lines += [f"{strategy}, {row}" for row in _notable(gates)]
    return tuple(lines)


def gate_status(gate: Gate) -> str:
    """Return passed, overruled, closed or reported."""
    if gate.passed:
        return "passed" if gate.is_required else "reported"
    if not gate.is_required:
        return "reported"
    return "overruled" if gate.is_overruled else "closed"


def gate_sentence(gate: Gate) -> str:
    """Return the reason, and what to do where the gate did not pass."""
    return gate.reason if gate.passed or not gate.mend else f"{gate.reason} {gate.mend}"


def _notable(gates: Sequence[Gate]) -> list[str]:
    return [
        f"{gate.name} {gate_status(gate)}: {gate_sentence(gate)}"
        for gate in gates
        if not gate.passed or (not gate.is_required and gate.value is not None)
    ]
