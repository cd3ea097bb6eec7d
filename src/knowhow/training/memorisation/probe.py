"""The probing process: `python -m knowhow.training.memorisation.probe JOB` measures losses and continuations of base and adapter."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from knowhow.errors import KnowHowError
from knowhow.progress import progress
from knowhow.registry import check_options
from knowhow.storage import read_json, write_json
from knowhow.training.adapters import WEIGHTS
from knowhow.training.job import default_threads, disk_errors, follow_parent, report_failure, run_job
from knowhow.training.network import AdaptedModel, load_model
from knowhow.training.options import TrainingOptions
from knowhow.training.packing import pack, split_step
from knowhow.training.tokens import EncodedRow, encode_rows
from knowhow.types import Conversation, Message, Role

_BATCH_TOKENS = 1536


@dataclass(frozen=True, slots=True)
class Continuation:
    """A turn that was begun and is to be continued greedily, or by `beams` beams; all beams count."""

    prompt: Conversation
    lead: str
    max_tokens: int
    beams: int = 1


@dataclass(frozen=True)
class Probe:
    """What to measure: groups of conversations that differ only in their last turn, and continuations."""

    base: Path
    adapter: Path
    options: dict[str, Any]
    groups: Sequence[Sequence[Conversation]]
    continuations: Sequence[Continuation]


@dataclass(frozen=True, slots=True)
class Findings:
    """Per group and conversation the summed answer loss (with adapter, without); per continuation its texts."""

    losses: list[list[tuple[float, float]]]
    texts: list[list[str]]


def run_probe(probe: Probe, work: Path) -> Findings:
    """Measure in a process of its own, so that the caller never imports torch."""
    path, out = work / "probe.json", work / "findings.json"
    write_json(
        path,
        {
            "base": str(probe.base),
            "adapter": str(probe.adapter),
            "options": probe.options,
            "groups": [[_plain(item) for item in group] for group in probe.groups],
            "continuations": [
                {
                    "prompt": _plain(item.prompt),
                    "lead": item.lead,
                    "max_tokens": item.max_tokens,
                    "beams": item.beams,
                }
                for item in probe.continuations
            ],
            "out": str(out),
        },
    )
    run_job(
        "knowhow.training.memorisation.probe", path, int(probe.options.get("threads") or default_threads())
    )
    found = read_json(out)
    return Findings([[(a, b) for a, b in group] for group in found["losses"]], found["texts"])


def measure_losses(
    base: Path, adapter: Path, options: TrainingOptions, groups: Sequence[Sequence[Conversation]]
) -> list[list[tuple[float, float]]]:
    """Return for every conversation the summed loss of its last turn, from where its group begins to differ."""
    import torch
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    model = AdaptedModel(load_model(base, options), options)
    set_peft_model_state_dict(model.peft, load_file(adapter / WEIGHTS))
    model.peft.eval()
    encoded = [_narrow(encode_rows(base, group, options.window_tokens)) for group in groups]
    found = []
    with progress("Measuring losses", sum(map(len, encoded)), "texts") as bar, torch.no_grad():
        for rows in encoded:
            tuned = _sums(model, rows)
            with model.peft.disable_adapter():
                plain = _sums(model, rows)
            found.append(list(zip(tuned, plain, strict=True)))
            bar.advance(len(rows))
    return found


def continue_texts(
    base: Path, adapter: Path, options: TrainingOptions, asked: Sequence[Continuation]
) -> list[list[str]]:
    """Return what the adapter writes after each lead: one text, or one per beam."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from knowhow.generation.chat import ChatTokenizer

    if not asked:
        return []
    plain = AutoModelForCausalLM.from_pretrained(
        base, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
    )
    model = PeftModel.from_pretrained(plain, str(adapter)).merge_and_unload().eval()
    tokenizer = ChatTokenizer.from_directory(base)
    closing = frozenset(tokenizer.control.values())
    texts = []
    with progress("Asking for secrets", len(asked), "continuations") as bar, torch.no_grad():
        for item in asked:
            turn = (*item.prompt, Message(Role.ASSISTANT, item.lead))
            ids = list(tokenizer.encode_finished(turn).ids)
            # The turn stays open: what the template closes it with is cut off.
            while ids[-1] in closing:
                ids.pop()
            output = model.generate(
                torch.tensor([ids]),
                attention_mask=torch.ones(1, len(ids), dtype=torch.long),
                max_new_tokens=item.max_tokens,
                num_beams=item.beams,
                num_return_sequences=item.beams,
                do_sample=False,
                pad_token_id=0,
            )
            texts.append([tokenizer.decode(row[len(ids) :].tolist()) for row in output])
            bar.advance()
    return texts


def _narrow(rows: Sequence[EncodedRow]) -> list[EncodedRow]:
    """Count loss only from where the rows of a group differ; what is the same adds the same to all."""
    if len(rows) < 2:
        return list(rows)
    first, last = min(row.ids for row in rows), max(row.ids for row in rows)
    same = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    return [replace(row, answer_start=max(row.answer_start, min(same, len(row.ids) - 1))) for row in rows]


def _sums(model: AdaptedModel, rows: Sequence[EncodedRow]) -> list[float]:
    found = [0.0] * len(rows)
    for part in split_step(rows, range(len(rows)), _BATCH_TOKENS):
        batch = pack([rows[number] for number in part], part)
        losses = model.losses(batch, model.lower(batch)).split(
            [rows[number].answer_tokens for number in part]
        )
        for number, values in zip(part, losses, strict=True):
            found[number] = float(values.sum())
    return found


def _plain(conversation: Conversation) -> list[list[str]]:
    return [[str(message.role), message.content] for message in conversation]


def _conversation(value: Any) -> Conversation:
    return tuple(Message(Role(role), content) for role, content in value)


def main(path: Path) -> int:
    """Measure what the file at `path` asks for; errors that are the user's to mend go to failure.json beside it."""
    try:
        with disk_errors(path.parent):
            asked = read_json(path)
            options = TrainingOptions(
                **check_options(TrainingOptions, asked["options"], "[training]")
            ).resolve()
            base, adapter = Path(asked["base"]), Path(asked["adapter"])
            groups = [[_conversation(item) for item in group] for group in asked["groups"]]
            begun = [
                Continuation(_conversation(item["prompt"]), item["lead"], item["max_tokens"], item["beams"])
                for item in asked["continuations"]
            ]
            losses = measure_losses(base, adapter, options, groups) if groups else []
            write_json(
                Path(asked["out"]),
                {"losses": losses, "texts": continue_texts(base, adapter, options, begun)},
            )
    except KnowHowError as error:
        report_failure(path, error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    follow_parent()
    sys.exit(main(Path(sys.argv[1])))
