from __future__ import annotations

import pytest

from knowhow.advisor.answers import (
    Answers,
    Change,
    Coverage,
    ExampleKind,
    Goal,
    Intents,
    ModelSize,
    Sensitivity,
    Tri,
    WorkspaceFacts,
    classify_size,
    default_answers,
    describe_answers,
    parse_answers,
)
from knowhow.advisor.questions import (
    FINER_QUESTIONS,
    FIRST_QUESTIONS,
    QUESTIONS,
    label_answer,
    list_alternatives,
    matters,
)
from knowhow.advisor.text import Joined, Number, Share, Text
from knowhow.errors import ConfigError

BASE = Answers(Goal.KNOWLEDGE)


def test_without_a_workspace_only_the_goal_is_guessed():
    assert default_answers() == Answers(Goal.KNOWLEDGE)


def test_defaults_come_from_what_the_workspace_sees():
    facts = WorkspaceFacts(
        examples=96,
        checked_examples=90,
        format_share=0.95,
        changed_share_per_month=0.3,
        personal_data_found=3,
        has_permissions=True,
        coverage=0.5,
        corpus_tokens=120_000,
        probe=0.2,
        languages=("zh", "en"),
        intents=4,
        model_parameters_billion=0.135,
        queries_per_day=12.4,
    )
    answers = default_answers(facts)
    assert answers.goal is Goal.BOTH
    assert answers.changes is Change.FAST
    assert answers.examples == 96
    assert answers.example_kind is ExampleKind.CHECKED
    assert answers.strict_form is Tri.YES
    assert answers.coverage is Coverage.PARTLY
    assert answers.sensitivity == {Sensitivity.PERSONAL_DATA, Sensitivity.PERMISSIONS}
    assert answers.intents is Intents.UNKNOWN
    assert answers.model_size is ModelSize.SMALL
    assert answers.volume == 12
    assert answers.probe == 0.2


def test_topic_labels_alone_do_not_mean_several_treatments():
    assert default_answers(WorkspaceFacts(intents=12)).intents is Intents.UNKNOWN
    assert default_answers(WorkspaceFacts(intents=1)).intents is Intents.ONE


@pytest.mark.parametrize(
    ("share", "change"),
    [(None, Change.UNKNOWN), (0.0, Change.STATIC), (0.02, Change.SLOW), (0.2, Change.FAST)],
)
def test_change_rate_of_documents(share, change):
    assert default_answers(WorkspaceFacts(changed_share_per_month=share)).changes is change


@pytest.mark.parametrize(
    ("share", "coverage"),
    [(None, "unknown"), (0.95, "yes"), (0.8, "yes"), (0.5, "partly"), (0.1, "no")],
)
def test_coverage_of_questions(share, coverage):
    assert default_answers(WorkspaceFacts(coverage=share)).coverage == coverage


@pytest.mark.parametrize(
    ("billions", "size"), [(None, "unknown"), (0.135, "small"), (3.5, "small"), (7, "middle"), (70, "large")]
)
def test_size_classes(billions, size):
    assert classify_size(billions) == size


def test_words_numbers_and_lists_are_read():
    answers = parse_answers(
        {
            "goal": "Behavior",
            "citations": True,
            "examples": "1200",
            "sensitivity": "deletion, on-premise",
            "languages": "en,zh",
            "probe": 0.4,
        },
        BASE,
    )
    assert answers.goal is Goal.BEHAVIOUR
    assert answers.citations is Tri.YES
    assert answers.examples == 1200
    assert answers.sensitivity == {Sensitivity.DELETION, Sensitivity.ON_PREMISE}
    assert answers.languages == ("en", "zh")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"gaol": "both"}, ["gaol", "Did you mean 'goal'"]),
        ({"goal": "speed"}, ["goal", "speed", "knowledge"]),
        ({"examples": "many"}, ["examples", "number"]),
        ({"examples": -1}, ["examples", "0 or more"]),
        ({"probe": 40}, ["probe", "from 0 to 1"]),
        ({"volume": float("nan")}, ["volume"]),
        ({"sensitivity": "secret"}, ["sensitivity", "secret", "deletion"]),
    ],
)
def test_wrong_answers_are_named(values, words):
    with pytest.raises(ConfigError) as error:
        parse_answers(values, BASE)
    assert all(word in str(error.value) for word in words)


def test_description_reads_back_as_the_same_answers():
    answers = Answers(
        Goal.BOTH,
        Change.MIXED,
        Tri.NO,
        5,
        10,
        sensitivity=frozenset({Sensitivity.DELETION}),
        languages=("ja",),
        probe=0.25,
    )
    described = describe_answers(answers)
    assert "priority" not in described
    assert parse_answers(described, BASE) == answers


def test_five_questions_come_first_and_every_field_has_one_question():
    fields = set(Answers.__dataclass_fields__) - {"trains_with_context"}
    assert set(QUESTIONS) == fields
    assert [question.field for question in FIRST_QUESTIONS] == [
        "goal",
        "changes",
        "citations",
        "examples",
        "volume",
        "latency",
    ]


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=lambda question: question.field)
def test_each_question_says_why_and_all_its_choices_are_known(question):
    assert question.text.message.rstrip().endswith(("?", ")"))
    assert len(question.why.message) > 20
    assert all(getattr(item, question.field) is not None for item in list_alternatives(question, BASE))


def test_finer_questions_are_asked_only_where_they_can_matter():
    form = Answers(Goal.BEHAVIOUR, Change.STATIC, Tri.NO, 500)
    asked = {question.field for question in FINER_QUESTIONS if matters(question, form)}
    assert "probe" in asked
    assert not asked & {"coverage", "corpus_tokens", "multi_hop", "popularity", "priority", "tuned_model"}


@pytest.mark.parametrize(
    ("answers", "field", "kind"),
    [
        (BASE, "examples", Text),
        (Answers(Goal.BOTH, examples=3), "examples", Number),
        (Answers(Goal.BOTH, probe=0.5), "probe", Share),
        (Answers(Goal.BOTH, sensitivity=frozenset({Sensitivity.DELETION})), "sensitivity", Joined),
        (Answers(Goal.BOTH, languages=("en", "ja")), "languages", str),
        (BASE, "goal", Text),
    ],
)
def test_answers_have_words(answers, field, kind):
    assert isinstance(label_answer(answers, field), kind)
