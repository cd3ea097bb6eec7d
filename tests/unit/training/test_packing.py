"""Packing keeps every token of every row, once, with the prediction of each answer token in its place."""

from hypothesis import given
from hypothesis import strategies as st

from knowhow.training.packing import common_prefix, pack, plan_steps, split_step
from knowhow.training.tokens import EncodedRow

ROWS = st.lists(
    st.tuples(
        st.lists(st.integers(0, 3), min_size=2, max_size=9),
        st.lists(st.integers(0, 3), min_size=1, max_size=5),
    ).map(lambda parts: EncodedRow((*parts[0], *parts[1]), len(parts[0]))),
    min_size=1,
    max_size=6,
)


def test_a_batch_by_hand():
    rows = [EncodedRow((7, 8, 1, 2, 3), 3), EncodedRow((7, 8, 4, 5), 3)]
    batch = pack(rows, [10, 11])
    assert batch.layout.prefix == 2
    assert batch.layout.lengths == (3, 2)
    assert batch.ids == (7, 8, 1, 2, 3, 4, 5)
    assert batch.positions == (0, 1, 2, 3, 4, 2, 3)
    assert batch.sources == (2, 3, 5)
    assert batch.targets == (2, 3, 5)
    assert batch.rows == (10, 11)


@given(ROWS)
def test_rows_can_be_read_back(rows):
    batch = pack(rows, range(len(rows)))
    start = batch.layout.prefix
    targets = list(batch.targets)
    for row, length in zip(rows, batch.layout.lengths, strict=True):
        own = (*batch.ids[: batch.layout.prefix], *batch.ids[start : start + length])
        places = (*batch.positions[: batch.layout.prefix], *batch.positions[start : start + length])
        assert own == row.ids
        assert places == tuple(range(len(row.ids)))
        assert tuple(targets[: row.answer_tokens]) == row.ids[row.answer_start :]
        del targets[: row.answer_tokens]
        start += length
    assert start == batch.layout.tokens == len(batch.ids)
    assert not targets
    for source, target in zip(batch.sources, batch.targets, strict=True):
        assert source >= batch.layout.prefix
        assert batch.ids[source + 1] == target


@given(ROWS)
def test_the_common_prefix_is_common_and_leaves_the_predicting_token(rows):
    length = common_prefix(rows)
    assert len({row.ids[:length] for row in rows}) == 1
    assert all(length < row.answer_start for row in rows)


@given(ROWS, st.integers(1, 5), st.integers(1, 30))
def test_an_epoch_visits_every_row_once(rows, batch_examples, batch_tokens):
    steps = plan_steps(rows, batch_examples, 2, 5)
    assert sorted(number for step in steps for number in step) == list(range(len(rows)))
    assert steps == plan_steps(rows, batch_examples, 2, 5)
    for step in steps:
        parts = split_step(rows, step, batch_tokens)
        assert sorted(number for part in parts for number in part) == sorted(step)
        for part in parts:
            assert len(part) == 1 or sum(len(rows[number].ids) for number in part) <= batch_tokens
