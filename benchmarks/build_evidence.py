"""Build the advisor's packaged evidence from full comparison and finding records.

python benchmarks/build_evidence.py COMPARISONS.json FINDINGS.json src/knowhow/advisor/data/evidence.json

Keeps figures, what was known beforehand, and citations; the one-line descriptions are written here. Regret and acceptable families are
left out because they follow from the scores; the build stops when they don't.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from knowhow.advisor.cases import read_case

DESCRIPTIONS = {
    "ovadia2023": "Exam questions in five subjects and on recent news; articles indexed, or trained in as raw text",
    "raft2024": "Questions and API calls over given documents; reader trained with the right passage among wrong ones",
    "soudani2024": "Facts about rarely mentioned people and things; twelve models from 80 million to 11 billion parameters",
    "firesparql2025": "Questions turned into SPARQL over one fixed ontology",
    "mirage2024": "Five medical question sets with and without retrieval from medical corpora; also a medical Llama",
    "loraland2024": "31 narrow tasks (labels, extraction, short generation), prompted against LoRA",
    "openai_accuracy_guide": "Icelandic sentences corrected with few edits",
    "anyscale2023": "Meaning representations, SQL and school maths with a 13-billion model",
    "intelliswarm2026": "Finance assistant: labels, ratios, table arithmetic and private bank documents",
    "bha6kar2026": "Questions over annual reports of listed companies, with a JSON form",
    "diliprc2025": "Physics textbook tutor trained on generated examples, some of them in the wrong form",
    "sahil2025": "Questions generated from abstracts of machine-learning papers",
    "dolly2025": "Short answers copied from a given paragraph",
    "suheyl2025": "Questions about Australian health benefits",
    "hierrag2025": "Short answers that join several passages",
    "flashrag2024": "Open-domain trivia and multi-hop questions, plain retrieval against none",
    "aloftrag2025": "Twenty question sets in many languages; reader trained on pairs generated from the user's own documents",
    "finetunerag2025": "Answers when one of the given passages is invented",
    "instructrag2024": "Open-domain questions with noisy passages; reader trained to explain which passage counts",
    "radit2023": "Knowledge-heavy question sets; reader and retriever tuned for each other",
    "replug2023": "Exam questions and language modelling with a frozen model behind an API",
    "ragend2end2021": "Questions over own passages with reader and retriever trained together",
    "lifinetune2023": "Passage search in two annual reports with a tuned embedding",
    "lewis2020": "Generation and fact checking: a trained model with and without a retriever in training",
    "selfrag2023": "Questions, fact checks and long answers; retrieval on demand against always",
    "activereading2025": "A part of Wikipedia learned by heart from billions of generated words",
    "alghisi2024": "Conversations grounded in documents that retrieval rarely finds",
    "clasheval2024": "Drug doses, news, records and dates asked with the correct passage at hand",
    "parag2025": "Open-domain questions; a reader tuned for passages against plain retrieval",
    "bterag2025": "How drugs work, with retrieval from linked biomedical databases",
    "worldsense2023": "Made-up puzzles about order and place",
}

REFERENCES = {
    "firesparql2025": "FIRESPARQL, Pan et al. 2025",
    "loraland2024": "arXiv:2405.00732; repository predibase/lora_bakeoff",
    "clasheval2024": "arXiv:2404.10198",
    "hierrag2025": "public repository, results in its summary",
    "parag2025": "table in a follow-up paper, 2025",
    "worldsense2023": "results log of the WorldSense benchmark, 2023",
}
"""Readable references where the record holds only an internal one."""

FINDING_STUDIES = {
    "finding_corpus_mismatch": ["mirage2024"],
    "finding_alghisi_recall": ["alghisi2024"],
    "finding_clasheval_follow": ["clasheval2024"],
    "finding_clasheval_breakeven": ["clasheval2024"],
    "finding_probe_predicts_ft_gain": ["loraland2024"],
    "finding_multihop": ["flashrag2024"],
    "finding_active_reading": ["activereading2025"],
    "finding_ft_faithfulness": ["bha6kar2026"],
    "finding_dirty_data": ["diliprc2025"],
    "finding_noise_into_ft": ["firesparql2025", "openai_accuracy_guide"],
    "finding_soudani_size": ["soudani2024"],
    "finding_size_equalised": ["loraland2024"],
    "finding_raft_effect": ["raft2024"],
    "finding_distractor_training": ["finetunerag2025"],
    "finding_prompt_first_format": ["bha6kar2026"],
    "finding_few_shot_retrieval": ["firesparql2025"],
}
"""Studies of the comparison table that a finding was measured in; the others come from elsewhere or from many studies."""

STATEMENTS = {
    "finding_corpus_mismatch": "Retrieving from a corpus without the answer scores below not retrieving at all.",
    "finding_sufficient_context": "Even with sufficient context strong models invent an answer in some cases instead of abstaining.",
    "finding_clasheval_follow": "A model that knew better follows a wrong passage in 31 to 63 % of cases.",
    "finding_clasheval_breakeven": "Where other passages are wrong, 16 to 38 % of them must be right before retrieval beats the model alone.",
    "finding_probe_predicts_rag_gain": "The prompt-only score predicts what retrieval adds: much below .4, little above .6.",
    "finding_probe_predicts_ft_gain": "On narrow tasks the prompt-only score predicts what fine-tuning adds better than the number of examples.",
    "finding_recall_value": "Retrieval adds almost nothing on well-known facts, much on rare or private ones.",
    "finding_multihop": "One retrieval pass may fail on questions that join several passages.",
    "finding_mallen": "Memory of rare facts is poor at every model size; retrieving only when needed does best.",
    "finding_lc_vs_rag": "Where the documents fit the window, the whole text in the prompt beats retrieved pieces.",
    "finding_gekhman": "Training on facts unknown to the model is slow and raises invention.",
    "finding_allenzhu": "A fact stated once in training text can hardly be asked for; rewritten five times it can.",
    "finding_pit": "A model that has learned documents by heart still answers only about a quarter of the questions on them.",
    "finding_ghosal": "Training on little-known facts lowers factuality.",
    "finding_ft_faithfulness": "Closed-book training on 513 generated pairs lowered faithfulness from 88 to 29 %.",
    "finding_dirty_data": "Eight per cent of examples in a wrong form pushed the tuned model below the untuned one.",
    "finding_noise_into_ft": "Retrieved text given to a model that was tuned without any undid the tuning.",
    "finding_small_reader_gap": "With the same passages a half-billion model scores .16 where a 7-billion one scores .64.",
    "finding_soudani_size": "Tuning on top of retrieval helps small models; at 7 billion plain retrieval is as good or better.",
    "finding_size_equalised": "After tuning on a narrow task small and large models end close together.",
    "finding_raft_effect": "Training a reader with distractors adds much where the plain model reads badly, little elsewhere.",
    "finding_distractor_training": "Training against invented passages lifted accuracy from .77 to .98.",
    "finding_prompt_first_format": "A strict JSON form was kept better by prompting than by an adapter from 513 examples.",
    "finding_few_shot_retrieval": "Showing the nearest example gives a third to three quarters of the tuned score without training.",
    "finding_breakeven_blog": "A published break-even: 1,000 dollars of training at 3 cents saved per query pays after 33,000 queries.",
    "finding_privacy": "Both ways leak: a store by prompt attack, weights by memorised training data.",
}


def main(comparisons: str, findings: str, out: str) -> None:
    records = json.loads(Path(comparisons).read_text(encoding="utf-8"))
    rows: list[dict[str, Any]] = []
    studies: dict[str, dict[str, str]] = {}
    for record in records:
        check_derived(record)
        study = record["study_id"]
        citation = record["citation"]
        studies[study] = {
            "title": citation["title"],
            "author": citation["first_author"].replace("(", "").replace(")", ""),
            "year": str(citation["year"]),
            "reference": REFERENCES.get(study, citation["ref"]),
            "description": DESCRIPTIONS[study],
        }
        rows.append(
            {
                "id": record["id"],
                "study_id": study,
                "evidence_tier": record["evidence_tier"],
                "task": record["task"],
                "metric": record["metric"],
                "model": record["model"],
                "n_eval": record["n_eval"],
                "scale": record["scale"],
                "higher_is_better": record["higher_is_better"],
                "exclude_from_backtest": record["exclude_from_backtest"],
                "arms": record["arms"],
                "advisor_input": record["advisor_input"],
            }
        )
    kept = [
        {
            "id": finding["id"],
            "statement": STATEMENTS[finding["id"]],
            "numbers": finding["numbers"],
            "studies": FINDING_STUDIES.get(finding["id"], []),
            "tier": finding["evidence_tier"],
        }
        for finding in json.loads(Path(findings).read_text(encoding="utf-8"))
        if finding["id"] in STATEMENTS
    ]
    text = json.dumps(
        {"studies": studies, "findings": kept, "comparisons": rows}, ensure_ascii=False, separators=(",", ":")
    )
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    Path(out).write_text(text + "\n", encoding="utf-8")
    print(
        f"{len(rows)} comparisons of {len(studies)} studies and {len(kept)} findings: {len(text)} characters."
    )


def check_derived(record: dict[str, Any]) -> None:
    """Stop when regret or acceptable families don't follow from the scores."""
    given = read_case(record)
    bare = {
        key: value
        for key, value in record.items()
        if key not in ("regret_by_family_pts", "acceptable_families")
    }
    computed = read_case(bare)
    if given.acceptable != computed.acceptable or any(
        abs(computed.regret[family] - points) > 0.06 for family, points in given.regret.items()
    ):
        raise SystemExit(f"{record['id']}: regret or acceptable families don't follow from its scores.")


if __name__ == "__main__":
    main(*sys.argv[1:4])
