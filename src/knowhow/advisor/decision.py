"""Decide a case: hard exclusions first, then the first line of the table that fits."""

from __future__ import annotations

from dataclasses import dataclass

from knowhow.advisor.answers import Answers
from knowhow.advisor.outcomes import FAMILY, Family, Outcome
from knowhow.advisor.rules import RULES, Rule
from knowhow.advisor.traits import Exclusion, derive_traits, find_exclusions


@dataclass(frozen=True, slots=True)
class Choice:
    """What `decide` found: the line that fits, the families best first without excluded ones, and the exclusions that fired."""

    rule: Rule
    outcome: Outcome
    ranking: tuple[Family, ...]
    exclusions: tuple[Exclusion, ...]


def decide(answers: Answers, without: frozenset[str] = frozenset()) -> Choice:
    """Return the first fitting line whose outcome is not excluded; `without` switches lines off by name (for the back-test)."""
    traits = derive_traits(answers)
    exclusions = find_exclusions(answers)
    for rule in RULES:
        if rule.name in without or (exclusions and rule.outcome is Outcome.FINE_TUNE):
            continue
        if rule.fits(answers, traits):
            ranking = rule.ranking
            if exclusions:
                ranking = tuple(family for family in ranking if family is not Family.FINE_TUNE)
            return Choice(rule, rule.outcome, ranking, exclusions)
    raise AssertionError("The last line of the table fits every case.")


def family_of(choice: Choice) -> Family:
    """Return the family that the choice names."""
    return FAMILY[choice.outcome]
