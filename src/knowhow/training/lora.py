"""The training process: `python -m knowhow.training.lora JOB` trains one LoRA adapter and writes it where the job says."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Any

from knowhow.errors import DataError, KnowHowError
from knowhow.registry import check_options
from knowhow.storage import digest, digest_file, digest_json
from knowhow.training.adapters import library_versions, write_adapter
from knowhow.training.job import Job, default_threads, disk_errors, follow_parent, read_job, report_failure
from knowhow.training.loop import LoraLoop, Rows
from knowhow.training.network import AdaptedModel, load_model
from knowhow.training.options import TrainingOptions
from knowhow.training.rows import read_rows, rows_digest
from knowhow.training.tokens import EncodedRow, encode_rows

LEAST_ROWS = 8
LEAST_ROWS_FOR_VALIDATION = 20


def train(job: Job) -> None:
    """Train the job's adapter to the end, going on from its last checkpoint; does nothing when it is already there."""
    import torch

    options = TrainingOptions(**check_options(TrainingOptions, job.options, "[training]")).resolve()
    threads = options.threads or default_threads()
    torch.set_num_threads(threads)
    torch.manual_seed(job.seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    conversations = read_rows(job.rows)
    if len(conversations) < LEAST_ROWS:
        raise DataError(
            f"holds {len(conversations)} rows; training needs at least {LEAST_ROWS}.",
            source=job.rows.name,
            mend="Add examples, or compare strategies that do not train (rag, few_shot).",
        )
    rows = encode_rows(job.base, [row.conversation for row in conversations], options.window_tokens)
    base_digest = digest_directory(job.base)
    facts: dict[str, Any] = {
        "base_model": job.base_name,
        "base_digest": base_digest,
        "data_digest": rows_digest(conversations),
        "options": {**options.describe(), "threads": threads},
        "seed": job.seed,
        "versions": library_versions(),
    }
    base = load_model(job.base, options)
    facts |= {"device": base.device.type, "dtype": str(base.dtype).removeprefix("torch.")}
    model = AdaptedModel(base, options)
    loop = LoraLoop(model, split_validation(rows, options), options, job.seed, job.work, digest_json(facts))
    state = loop.run()
    facts |= {
        "request": job.request,
        "losses": [round(loss, 6) for loss in state.losses],
        "validation": [round(loss, 6) for loss in state.validation],
        "best_epoch": state.best_epoch,
        "steps": state.step,
        "steps_left_out": loop.asked_steps - state.step if state.planned_steps else 0,
        "tokens": state.tokens,
        "seconds": round(state.seconds, 1),
        "tokens_per_second": round(state.tokens / max(state.seconds, 1e-9), 1),
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    write_adapter(job.out, model, job.base_name, facts)


def split_validation(rows: list[EncodedRow], options: TrainingOptions) -> Rows:
    """Keep a share of the rows for validation, chosen by prompt so that equal prompts stay together."""
    if len(rows) < LEAST_ROWS_FOR_VALIDATION or not options.validation:
        return Rows(rows, [])
    prompts = {row: digest(repr(row.ids[: row.answer_start])) for row in rows}
    ordered = sorted(set(prompts.values()))
    kept = set(ordered[: max(1, round(options.validation * len(ordered)))])
    training = [row for row in rows if prompts[row] not in kept]
    return Rows(training, [row for row in rows if prompts[row] in kept])


def digest_directory(base: Path) -> str:
    """Return the digest of a base model's configuration, tokenizer and weights."""
    names = sorted(path.name for path in base.iterdir() if path.suffix in (".json", ".safetensors"))
    return digest_json({name: digest_file(base / name) for name in names})


def main(path: Path) -> int:
    """Run the job file at `path`; errors that are the user's to mend go to failure.json beside it."""
    try:
        with disk_errors(path.parent):
            train(read_job(path))
    except KnowHowError as error:
        report_failure(path, error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    follow_parent()
    sys.exit(main(Path(sys.argv[1])))
