"""The pages' words for what programs call by a fixed name: states, kinds, verdicts, knobs."""

from __future__ import annotations

from collections.abc import Mapping

from knowhow.advisor.text import Text, say

WORDS: Mapping[str, Mapping[str, Text]] = {
    "role": {"user": say("user"), "reviewer": say("reviewer"), "admin": say("admin")},
    "document": {
        "current": say("up to date"),
        "changed": say("changed since it was read"),
        "waiting": say("waits for an ingest"),
        "gone": say("deleted from the folder"),
        "skipped": say("skipped"),
    },
    "side": {"train": say("training"), "held_out": say("held out"), "": say("not split")},
    "severity": {"error": say("error"), "warning": say("warning"), "notice": say("notice")},
    "task": {"compare": say("Comparison"), "train": say("Training"), "purge": say("Deletion")},
    "state": {
        "waiting": say("begins"),
        "running": say("running"),
        "done": say("done"),
        "failed": say("failed"),
        "stopped": say("stopped"),
        "interrupted": say("interrupted"),
    },
    "step": {
        "Ingest": say("Reading documents"),
        "Preparing strategies": say("Preparing strategies"),
        "Asking": say("Asking"),
        "Timing single answers": say("Timing single answers"),
        "Reading below the adapter": say("Reading below the adapter"),
        "Training": say("Training"),
        "Tuning the retriever": say("Tuning the retriever"),
        "Embed anew": say("Embedding anew"),
        "Asking before and after": say("Asking before and after"),
        "Purge": say("Deleting from every store"),
    },
    "unit": {
        "files": say("files"),
        "strategies": say("strategies"),
        "answers": say("answers"),
        "tokens": say("tokens"),
        "steps": say("steps"),
        "stores": say("stores"),
        "machine seconds": say("machine seconds"),
        "documents": say("documents"),
    },
    "verdict": {
        "right": say("right"),
        "wrong": say("wrong"),
        "wrong_source": say("right answer, wrong source"),
    },
    "event": {
        "created": say("created"),
        "imported": say("imported"),
        "promoted": say("promoted"),
        "rolled_back": say("rolled back to"),
        "withdrawn": say("withdrawn"),
    },
    "alias": {"champion": say("champion"), "challenger": say("challenger")},
    "strategy": {
        "base": say("the model alone"),
        "few_shot": say("the model with similar examples"),
        "long_context": say("all documents in the prompt"),
        "rag": say("retrieval (RAG)"),
        "oracle": say("gold evidence (diagnosis only)"),
        "finetuned": say("fine-tuning alone"),
        "finetuned_rag": say("RAG with a fine-tuned reader"),
        "raft": say("RAFT: a reader trained to pick evidence"),
        "tuned_retriever": say("RAG with a tuned retriever"),
        "routed": say("routed by question"),
    },
    "goal": {
        "style": say("style: form and tone"),
        "knowledge": say("knowledge: facts that stay"),
        "both": say("both"),
    },
    "effort": {
        "quick": say("quick"),
        "standard": say("standard"),
        "thorough": say("thorough"),
    },
    "personal": {
        "email": say("e-mail address"),
        "iban": say("bank account"),
        "resident_id": say("identity number"),
        "credit_code": say("company number"),
        "card": say("payment card"),
        "phone": say("phone number"),
        "ssn": say("social security number"),
        "ip": say("IP address"),
        "passport": say("passport number"),
        "plate": say("licence plate"),
        "name": say("name"),
        "address": say("postal address"),
        "url": say("web address"),
        "place": say("place"),
        "organisation": say("organisation"),
        "nationality": say("nationality"),
        "title": say("title"),
        "age": say("age"),
        "date": say("date"),
    },
    "finding": {
        "reading": say("Read differently than one might think"),
        "duplicate": say("Repeated rows"),
        "near_duplicate": say("Nearly repeated rows"),
        "contradiction": say("Contradictions"),
        "answer_not_in_documents": say("Answers that stand in no document"),
        "no_documents": say("No documents to compare with"),
        "unknown_evidence": say("Evidence that names no document"),
        "personal_data": say("Personal data"),
        "mixed_format": say("Answers of mixed form"),
        "few_held_out": say("Few held-out rows"),
        "mostly_unanswerable": say("Mostly questions without an answer"),
        "no_unanswerable": say("No question without an answer"),
        "rare_intent": say("Rare intents"),
        "untested_intent": say("Intents that are never tested"),
        "too_long": say("Rows longer than the model reads"),
        "leak": say("Leaks between training and held-out rows"),
    },
}
"""By kind and name; a name without an entry is shown as it is."""


def find_word(kind: str, name: str) -> Text | str:
    """Return the word for a name of a kind, the name itself where there is none."""
    return WORDS[kind].get(name, name.replace("_", " "))
