"""Training learns, stops early, and goes on after an interruption at any step to the same bytes."""

from itertools import pairwise

import pytest

from knowhow.training.options import TrainingOptions
from knowhow.training.tokens import encode_rows

torch = pytest.importorskip("torch", reason="training needs: pip install 'knowhow-ai[train]'")


class Killed(BaseException):
    """Stands for a kill: nothing may be written after it."""


def make_loop(tiny_model, conversations, folder, **changes):
    from knowhow.training.loop import LoraLoop
    from knowhow.training.lora import split_validation
    from knowhow.training.network import AdaptedModel, load_model

    chosen = {"rank": 4, "epochs": 3, "batch_examples": 4, "precision": "fp32", "checkpoint_seconds": 0.0}
    options = TrainingOptions(**{**chosen, **changes}).resolve()
    torch.set_num_threads(1)
    torch.manual_seed(7)
    rows = split_validation(encode_rows(tiny_model, conversations, 512), options)
    model = AdaptedModel(load_model(tiny_model, options), options)
    return LoraLoop(model, rows, options, 7, folder, "print")


def weights(loop):
    return {name: item.detach().clone() for name, item in loop.parameters.items()}


@pytest.mark.parametrize(
    "changes", [{}, {"dropout": 0.1}, {"precision": "bf16", "batch_tokens": 100, "layers": 1.0}]
)
def test_an_interrupted_run_ends_in_the_same_bytes(tiny_model, conversations, tmp_path, monkeypatch, changes):
    whole = make_loop(tiny_model, conversations, tmp_path / "whole", **changes)
    state = whole.run()
    assert state.step == 18
    for kill_at in (1, 6, 11, 17):
        folder = tmp_path / f"killed{kill_at}"
        loop = make_loop(tiny_model, conversations, folder, **changes)
        step = loop._step

        def die(numbers, lower, loop=loop, step=step, kill_at=kill_at):
            if loop.state.step == kill_at:
                raise Killed
            return step(numbers, lower)

        monkeypatch.setattr(loop, "_step", die)
        with pytest.raises(Killed):
            loop.run()
        again = make_loop(tiny_model, conversations, folder, **changes)
        resumed = again.run()
        assert resumed.losses == state.losses
        assert resumed.validation == state.validation
        for name, item in weights(whole).items():
            assert torch.equal(item, weights(again)[name]), name


def test_a_torn_checkpoint_falls_back_to_the_one_before(tiny_model, conversations, tmp_path, capsys):
    whole = make_loop(tiny_model, conversations, tmp_path)
    whole.run()
    newest = max(tmp_path.glob("checkpoint-*"))
    assert len(list(tmp_path.glob("checkpoint-*"))) == 2
    newest.write_bytes(newest.read_bytes()[:1000])
    again = make_loop(tiny_model, conversations, tmp_path)
    again.run()
    assert "cannot be read" in capsys.readouterr().err
    for name, item in weights(whole).items():
        assert torch.equal(item, weights(again)[name])


def test_other_data_does_not_continue_an_old_run(tiny_model, conversations, tmp_path):
    make_loop(tiny_model, conversations, tmp_path).run()
    other = make_loop(tiny_model, conversations, tmp_path)
    other.state.fingerprint = "other"
    other._resume()
    assert other.state.step == 0


def test_the_loss_falls_and_the_best_epoch_is_kept(tiny_model, conversations, tmp_path):
    loop = make_loop(
        tiny_model, conversations, tmp_path, epochs=12, learning_rate=0.02, layers=1.0, patience=3
    )
    state = loop.run()
    assert sum(state.losses[-6:]) / 6 < 0.6 * sum(state.losses[:6]) / 6
    from knowhow.training.loop import LowerStates

    again = loop.validate(LowerStates(loop.model, loop.rows.validation, 1024, 64))
    assert again == pytest.approx(min(state.validation), abs=1e-6)


def test_training_stops_when_validation_gets_worse(tiny_model, conversations, tmp_path):
    loop = make_loop(tiny_model, conversations, tmp_path, epochs=50, learning_rate=0.5, patience=2)
    state = loop.run()
    assert len(state.validation) < 50
    assert len(state.validation) == state.best_epoch + 3


def test_the_learning_rate_warms_up_and_decays(tiny_model, conversations, tmp_path):
    loop = make_loop(tiny_model, conversations, tmp_path, warmup=0.25)
    rates = [loop._rate(step) / loop.options.learning_rate for step in range(loop.total_steps)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert all(later < earlier for earlier, later in pairwise(rates[4:]))
    assert 0 < rates[-1] < 0.1


def test_bfloat16_trains_like_float32(tiny_model, conversations, tmp_path):
    runs = {}
    for precision in ("fp32", "bf16"):
        loop = make_loop(
            tiny_model, conversations, tmp_path / precision, precision=precision, epochs=6, learning_rate=0.01
        )
        runs[precision] = loop.run().losses
        assert {item.dtype for item in loop.parameters.values()} == {torch.float32}
    assert runs["bf16"] == pytest.approx(runs["fp32"], rel=0.05, abs=0.05)


def test_micro_batches_sum_to_the_same_gradient(tiny_model, conversations, tmp_path):
    losses = {
        size: make_loop(tiny_model, conversations, tmp_path / str(size), batch_tokens=size).run().losses
        for size in (60, 1000)
    }
    assert losses[60] == pytest.approx(losses[1000], abs=1e-4)


class SlowClock:
    """Every look at it is a second later; training looks once a step."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        self.now += 1.0
        return self.now


def test_a_time_limit_leaves_out_the_last_steps_and_the_rate_still_falls_to_nought(
    tiny_model, conversations, tmp_path, monkeypatch
):
    monkeypatch.setattr("knowhow.training.loop.time", SlowClock())
    loop = make_loop(tiny_model, conversations, tmp_path, max_seconds=10.0)
    rates = []
    rate = loop._rate
    monkeypatch.setattr(loop, "_rate", lambda step: rates.append(rate(step)) or rates[-1])
    state = loop.run()
    assert loop.asked_steps == 18
    assert 7 <= state.step <= 11
    assert state.planned_steps == state.step == loop.total_steps
    assert len(state.validation) == 2
    assert rates[-1] <= rates[4] / (state.step - 4) + 1e-12


def test_a_shortened_run_goes_on_as_it_was_planned(tiny_model, conversations, tmp_path, monkeypatch):
    monkeypatch.setattr("knowhow.training.loop.time", SlowClock())
    loop = make_loop(tiny_model, conversations, tmp_path, max_seconds=10.0)
    step = loop._step

    def die(numbers, lower):
        if loop.state.step == 6:
            raise Killed
        return step(numbers, lower)

    monkeypatch.setattr(loop, "_step", die)
    with pytest.raises(Killed):
        loop.run()
    again = make_loop(tiny_model, conversations, tmp_path, max_seconds=10.0)
    assert again.run().step <= 11


def test_a_limit_that_is_not_reached_changes_nothing(tiny_model, conversations, tmp_path):
    free = make_loop(tiny_model, conversations, tmp_path / "free")
    limited = make_loop(tiny_model, conversations, tmp_path / "limited", max_seconds=3600.0)
    assert free.run().losses == limited.run().losses
    assert limited.state.planned_steps == 0
