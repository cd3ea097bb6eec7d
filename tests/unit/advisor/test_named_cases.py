"""Cases that a sceptical engineer would check first."""

from __future__ import annotations

import pytest

from knowhow.advisor.advice import advise
from knowhow.advisor.answers import (
    Answers,
    Change,
    Coverage,
    ExampleKind,
    Goal,
    Intents,
    Latency,
    Popularity,
    Retrieval,
    Sensitivity,
    Tri,
    TunedModel,
)
from knowhow.advisor.outcomes import Outcome
from knowhow.advisor.translation import Translator

BANK = Answers(
    Goal.BOTH,
    Change.FAST,
    Tri.YES,
    1_000,
    volume=3_000,
    latency=Latency.INTERACTIVE,
    strict_form=Tri.YES,
    example_kind=ExampleKind.CHECKED,
    corpus_tokens=400_000,
    coverage=Coverage.YES,
    sensitivity=frozenset({Sensitivity.PERSONAL_DATA}),
)
MEDICAL = Answers(
    Goal.BOTH,
    Change.MIXED,
    Tri.YES,
    800,
    rare_language=Tri.YES,
    intents=Intents.SEVERAL,
    corpus_tokens=20_000_000,
    coverage=Coverage.YES,
)
EXTRACTION = Answers(
    Goal.BEHAVIOUR, Change.STATIC, Tri.NO, 400, volume=20_000, strict_form=Tri.YES, corpus_tokens=0
)


def stage_names(answers: Answers) -> list[str]:
    return [stage.name for stage in advise(answers).stages]


def test_bank_customer_service_gets_rag_with_light_fine_tuning():
    advice = advise(BANK)
    assert advice.outcome is Outcome.RAG_LIGHT
    assert advice.strategy == "finetuned_rag"
    assert {item.name for item in advice.exclusions} == {"citations", "freshness"}
    assert advice.signals[0].is_present
    names = [stage.name for stage in advice.stages]
    assert names.index("rag") < names.index("hybrid")


@pytest.mark.parametrize("citations", list(Tri))
@pytest.mark.parametrize("count", [900, 1_000, 1_200])
def test_bank_advice_does_not_hang_on_a_detail(citations, count):
    case = Answers(Goal.BOTH, Change.FAST, citations, count, strict_form=Tri.YES)
    assert advise(case).outcome is Outcome.RAG_LIGHT


def test_medical_questions_are_split_by_kind():
    advice = advise(MEDICAL)
    assert advice.outcome is Outcome.ROUTED
    treatments = {route.questions.message.split(":")[0]: route.strategy for route in advice.routes}
    assert treatments["stable knowledge"] == "finetuned_rag"
    assert treatments["recent and changing facts"] == "rag"
    assert treatments["interpretation of guidelines in the house's form"] == "finetuned_rag"
    assert advice.routes[-1].strategy == "rag"


def test_no_route_answers_from_weights_alone_where_sources_or_duties_forbid_it():
    for case in (MEDICAL, Answers(Goal.BOTH, Change.STATIC, Tri.NO, 500, intents=Intents.SEVERAL)):
        is_free = case.citations is Tri.NO and case.changes is Change.STATIC
        strategies = {route.strategy for route in advise(case).routes}
        assert ("finetuned" in strategies) == is_free


def test_extraction_of_17_fields_prompts_with_a_grammar_first_and_then_trains():
    assert advise(EXTRACTION).outcome is Outcome.FINE_TUNE
    names = stage_names(EXTRACTION)
    assert names[0] == "prompt_baseline"
    assert names.index("prompt_baseline") < names.index("train")


def test_extraction_without_examples_prompts_with_a_grammar_and_plans_the_training():
    case = Answers(Goal.BEHAVIOUR, Change.STATIC, Tri.NO, 30, strict_form=Tri.YES, corpus_tokens=0)
    assert advise(case).outcome is Outcome.PROMPT
    names = stage_names(case)
    assert names[0] == "prompt_baseline"
    assert names.index("collect_examples") < names.index("train")


@pytest.mark.parametrize("goal", list(Goal))
def test_25_examples_are_called_too_few_with_what_they_can_show(goal):
    advice = advise(Answers(goal, Change.STATIC, Tri.NO, 25))
    assert advice.outcome in (Outcome.PROMPT, Outcome.RAG)
    note = Translator("en").show(advice.notes[0])
    assert note.startswith("25 examples are too few to train on")
    assert "about 31 points" in note


@pytest.mark.parametrize("goal", [Goal.KNOWLEDGE, Goal.BOTH])
def test_five_pages_go_into_the_prompt(goal):
    advice = advise(Answers(goal, Change.SLOW, Tri.YES, 10, corpus_tokens=3_000))
    assert advice.outcome is Outcome.PROMPT
    assert advice.strategy == "long_context"
    assert advice.stages[0].name == "documents_in_prompt"
    assert "3,000 tokens" in Translator("en").show(advice.reasons[0])
    assert "long_context" in {item.strategy for item in advice.costs.strategies}


def test_five_pages_with_restricted_readers_need_a_filter_and_so_retrieval():
    duties = frozenset({Sensitivity.PERMISSIONS})
    advice = advise(Answers(Goal.KNOWLEDGE, Change.SLOW, Tri.YES, 0, corpus_tokens=3_000, sensitivity=duties))
    assert advice.outcome is Outcome.RAG


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        (Answers(Goal.KNOWLEDGE, Change.FAST, Tri.YES, 0), Outcome.RAG),
        (Answers(Goal.KNOWLEDGE, Change.FAST, Tri.YES, 0, corpus_tokens=0), Outcome.NOT_YET),
        (Answers(Goal.KNOWLEDGE, coverage=Coverage.NO), Outcome.NOT_YET),
        (Answers(Goal.BOTH, Change.FAST, Tri.YES, 5_000, corpus_tokens=0), Outcome.NOT_YET),
        (Answers(Goal.KNOWLEDGE, retrieval=Retrieval.MISLEADING, examples=0), Outcome.NOT_YET),
        (Answers(Goal.BEHAVIOUR, Change.STATIC, Tri.NO, 0), Outcome.PROMPT),
        (Answers(Goal.BEHAVIOUR, Change.STATIC, Tri.NO, 5_000), Outcome.FINE_TUNE),
        (Answers(Goal.BEHAVIOUR, Change.STATIC, Tri.NO, 5_000, probe=0.97), Outcome.PROMPT),
        (Answers(Goal.BEHAVIOUR, Change.STATIC, Tri.NO, 5_000, 500_000, probe=0.97), Outcome.FINE_TUNE),
        (Answers(Goal.BEHAVIOUR, Change.FAST, Tri.NO, 5_000), Outcome.RAG_LIGHT),
        (Answers(Goal.BEHAVIOUR, Change.FAST, Tri.YES, 20), Outcome.RAG),
        (Answers(Goal.BOTH, Change.FAST, Tri.YES, 20), Outcome.RAG),
        (Answers(Goal.BOTH, Change.SLOW, Tri.NO, 500, retrieval=Retrieval.POOR), Outcome.RAFT),
        (
            Answers(Goal.BOTH, examples=500, example_kind=ExampleKind.GENERATED, coverage=Coverage.PARTLY),
            Outcome.RAG,
        ),
        (Answers(Goal.KNOWLEDGE, probe=0.85, popularity=Popularity.HEAD, examples=0), Outcome.PROMPT),
        (Answers(Goal.KNOWLEDGE, Change.FAST, probe=0.85, popularity=Popularity.HEAD), Outcome.RAG),
        (Answers(Goal.KNOWLEDGE, tuned_model=TunedModel.FIELD), Outcome.RAG_LIGHT),
        (Answers(Goal.KNOWLEDGE, example_kind=ExampleKind.RAW_TEXT), Outcome.RAG),
        (Answers(Goal.KNOWLEDGE, Change.STATIC, examples=300, strict_form=Tri.YES), Outcome.RAFT),
    ],
)
def test_outcome(answers, outcome):
    assert advise(answers).outcome is outcome


def test_flips_are_true():
    for case in (BANK, MEDICAL, EXTRACTION):
        advice = advise(case)
        assert advice.flips
        assert all(flip.outcome is not advice.outcome for flip in advice.flips)


def test_the_nearest_number_is_named_as_the_flip():
    flips = {flip.field: flip for flip in advise(EXTRACTION).flips}
    assert flips["examples"].value.value == 25
    assert flips["examples"].outcome is Outcome.PROMPT
