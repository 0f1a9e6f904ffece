import json

import numpy as np

from activities.scoring.table.columns import Table, table_of
from activities.scoring.table.encoding import Encoder, learn
from activities.scoring.table.preparing import kinds_of

HEADER = ["amount", "colour", "town", "when", "arrived", "note"]
LABELS = (np.arange(400) % 3 == 0).astype(np.int8)


def table() -> Table:
    rows = [
        [
            str(n % 17 * 1.5),
            "red" if n % 2 else "blue",
            f"town {n % 40}",
            f"2025-01-{1 + n % 28:02d}",
            f"2025-02-{1 + n % 28:02d}",
            f"please send {'prices' if LABELS[n] else 'nothing'} to number {n} now",
        ]
        for n in range(400)
    ]
    return table_of(HEADER, rows)


def learned() -> Encoder:
    return learn(table(), LABELS, kinds_of(table()), ("arrived", "iso"), seed=1)[0]


def feature(encoder: Encoder, rows: list[list[str]], source: str, what: str, level: str = "", header: list[str] = HEADER) -> list[float]:
    place = [(each.source, each.what, each.level) for each in encoder.features].index((source, what, level))
    return [float(value) for value in encoder.encode(table_of(header, rows))[:, place]]


ROW = ["3", "red", "town 1", "2025-01-31", "2025-02-02", "prices please"]


def test_an_encoder_that_was_kept_as_json_encodes_the_same() -> None:
    encoder = learned()
    again = Encoder.load(json.loads(json.dumps(encoder.document())))
    assert again == encoder
    np.testing.assert_array_equal(encoder.encode(table()), again.encode(table()))


def test_one_row_is_encoded_as_it_is_among_many() -> None:
    encoder, whole = learned(), table()
    some = whole.at(np.array([7], dtype=np.int64))
    np.testing.assert_array_equal(encoder.encode(whole)[7:8], encoder.encode(some))


def test_an_unseen_category_is_not_known() -> None:
    assert np.isnan(feature(learned(), [["3", "green", *ROW[2:]]], "colour", "level", "red")).all()
    assert np.isnan(feature(learned(), [["3", "red", "elsewhere", *ROW[3:]]], "town", "rate")).all()


def test_missing_extra_and_moved_columns_are_fine() -> None:
    encoder = learned()
    assert feature(encoder, [["x", "red"]], "colour", "level", "red", ["new", "colour"]) == [1.0]
    assert np.isnan(feature(encoder, [["x", "red"]], "amount", "value", "", ["new", "colour"])).all()


def test_a_date_becomes_its_age_at_the_rows_own_moment_and_its_weekday() -> None:
    encoder = learned()
    assert feature(encoder, [ROW], "when", "age") == [2.0]
    assert feature(encoder, [ROW], "when", "weekday") == [4.0]


def test_words_that_matter_are_found_in_text() -> None:
    assert feature(learned(), [ROW, [*ROW[:5], "nothing"]], "note", "word", "prices") == [1.0, 0.0]


def test_a_table_of_rare_categories_alone_still_has_a_feature() -> None:
    made = table_of(["a", "b"], [["pqrstuvw"[n % 8], "x"] for n in range(60)])
    assert learn(made, LABELS[:60], kinds_of(made), None, seed=1)[1].shape == (60, 1)


def test_no_row_is_told_its_own_outcome() -> None:
    rows = [[f"town {n % 200}", str(n % 9)] for n in range(1_000)]
    chance = np.random.default_rng(2)
    labels = (chance.random(1_000) < np.tile(chance.choice([0.1, 0.7], 200), 5)).astype(np.int8)
    made = table_of(["town", "n"], rows)
    encoder, matrix = learn(made, labels, kinds_of(made), None, seed=1)
    place = [each.what for each in encoder.features].index("rate")
    assert np.nanstd(matrix[:, place]) > 0.3
    for row in range(0, 1_000, 250):
        other = labels.copy()
        other[row] = 1 - other[row]
        np.testing.assert_equal(learn(made, other, kinds_of(made), None, seed=1)[1][row, place], matrix[row, place])


def test_levels_that_differ_by_chance_only_are_told_the_average() -> None:
    made = table_of(["town"], [[f"town {n % 200}"] for n in range(1_000)])
    noise = (np.random.default_rng(2).random(1_000) < 0.3).astype(np.int8)
    encoder, _ = learn(made, noise, kinds_of(made), None, seed=1)
    place = [each.what for each in encoder.features].index("rate")
    assert np.std(encoder.encode(made)[:, place]) < 0.01
