"""What the experiment runner adds to the engine's own time: a stand-in engine with a known pace, the rest is overhead.

Run: python benchmarks/runner_overhead.py [--questions 200] [--milliseconds 40] [--strategies 4]
The engine sleeps a known time per answer; everything else that passes on the clock while answers are asked, kept and scored is
the runner's. The claim is an overhead of at most 5 % at 40 ms per answer, which is fast for a local model.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from knowhow.evaluation.arms import Arm, ExperimentPlan
from knowhow.evaluation.experiment import run_experiment
from knowhow.evaluation.metrics.information import build_metric
from knowhow.progress import set_quiet
from knowhow.testing.strategies import FakeComponents, KnownPipeline, KnownStrategy
from knowhow.types import Answer, Chunk, Example, Hit, Query, Traits


@dataclass
class Engine(KnownPipeline):
    """Sleeps like an engine, and remembers exactly how long; its answers carry five passages as rag's do."""

    spent: float = 0.0

    def answer(self, queries: list[Query], on_text: object = None) -> list[Answer]:  # type: ignore[override]
        """Sleep and answer."""
        started = time.perf_counter()
        time.sleep(self.seconds * len(queries))
        passage = "A passage of the usual length. " * 40
        hits = tuple(Hit(Chunk(f"c{rank}", f"d{rank}", passage, 0, len(passage)), 1.0) for rank in range(5))
        answers = [Answer(self.answers[query.text], hits=hits, prompt_tokens=900) for query in queries]
        self.spent += time.perf_counter() - started
        return answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--milliseconds", type=float, default=40.0)
    parser.add_argument("--strategies", type=int, default=4)
    options = parser.parse_args()
    set_quiet(True)
    examples = tuple(
        Example(
            f"e{number}",
            f"What stands on page {number * 7919} of volume {number}?",
            (f"word {number}",),
            split="held_out" if number else "train",
        )
        for number in range(options.questions + 1)
    )
    answers = {example.question: example.references[0] for example in examples}
    engines = [Engine(answers, 1.0, seconds=options.milliseconds / 1000) for _ in range(options.strategies)]
    arms = tuple(
        Arm(f"s{place}", KnownStrategy(engine), f"d{place}", Traits()) for place, engine in enumerate(engines)
    )
    with tempfile.TemporaryDirectory() as folder:
        plan = ExperimentPlan(
            examples,
            arms,
            FakeComponents(),
            {"token_f1": build_metric("token_f1")},
            "token_f1",
            Path(folder) / "runs",
            Path(folder) / "cache",
            stops_early=True,
            latency_calls=0,
        )
        started = time.perf_counter()
        run_experiment(plan)
        total = time.perf_counter() - started
    spent = sum(engine.spent for engine in engines)
    count = options.questions * options.strategies
    print(
        f"{count} answers: engine {spent:.2f} s, runner {total - spent:.2f} s "
        f"({1000 * (total - spent) / count:.2f} ms per answer), overhead {100 * (total - spent) / spent:.1f} %"
    )


if __name__ == "__main__":
    main()
