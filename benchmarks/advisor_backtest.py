"""Replay the advisor and its rivals over comparison records, and check that the harness means what the published baselines mean.

python benchmarks/advisor_backtest.py [COMPARISONS.json]

Prints the back-test, which rule decided how many rows with what success, and how fragile each threshold is: the figures when one
threshold of the rule is moved to its neighbours.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

from rich.console import Console

from knowhow.advisor import rules, traits
from knowhow.advisor.backtest import run_backtest
from knowhow.advisor.cases import Case
from knowhow.advisor.decision import decide, family_of
from knowhow.advisor.evidence import load_evidence, read_cases
from knowhow.advisor.tables import print_backtest

NEIGHBOURS = {
    "LIGHT_EXAMPLES": (50, 200),
    "FULL_EXAMPLES": (500, 2_000),
    "WELL_KNOWN_PROBE": (0.6, 0.8),
    "CERTAIN_PROBE": (0.7, 0.9),
    "CEILING_PROBE": (0.9, 0.99),
}


def main(path: str | None) -> None:
    cases = read_cases(Path(path)) if path else load_evidence().cases
    console = Console(soft_wrap=True, highlight=False)
    print_backtest(run_backtest(cases), console)
    print_rules(cases)
    print_fragility(cases)


def print_rules(cases: tuple[Case, ...]) -> None:
    """Per rule: rows it decided, share acceptable, mean regret."""
    found: dict[str, list[tuple[bool, float]]] = defaultdict(list)
    for case in cases:
        choice = decide(case.answers)
        family = family_of(choice)
        if family in case.regret and len(case.regret) > 1 and not case.is_excluded:
            found[choice.rule.name].append((family in case.acceptable, case.regret[family]))
    print(f"\n{'rule':40s} rows  acceptable  regret")
    for rule in rules.RULES:
        rows = found.get(rule.name, [])
        if rows:
            share = 100 * sum(hit for hit, _ in rows) / len(rows)
            regret = sum(points for _, points in rows) / len(rows)
            print(f"{rule.name:40s} {len(rows):4d}  {share:8.0f} %  {regret:6.2f}")
        else:
            print(f"{rule.name:40s}    0   (no published row)")


def print_fragility(cases: tuple[Case, ...]) -> None:
    """Macro figures with one threshold moved; a rule tuned to rows would fall apart."""
    print(f"\n{'threshold':24s} four families         every row")
    for name, values in NEIGHBOURS.items():
        for value in values:
            owners = [module for module in (traits, rules) if hasattr(module, name)]
            kept = getattr(traits, name)
            for module in owners:
                setattr(module, name, value)
            result = run_backtest(cases)
            for module in owners:
                setattr(module, name, kept)
            four, every = result.four_families[0], result.all_rows[0]
            print(
                f"{name}={value!s:8s} {100 * four.acceptable:5.1f} % / {four.regret:4.2f}"
                f"       {100 * every.acceptable:5.1f} % / {every.regret:4.2f}"
            )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
