from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from activities.scoring.table.columns import Table
from activities.scoring.table.metrics import roc_auc
from activities.scoring.table.model import Model
from activities.scoring.table.preparing import Question
from activities.scoring.table.problems import TableProblem
from activities.scoring.table.reading import CsvTable
from activities.scoring.table.serving import LeadScore, LeadScorer
from activities.scoring.table.training import Training, train_file
from tests.activities.scoring_table.funnel import funnel

MADE = funnel(1_800, 11, drift=1.6, delay_days=25)


@cache
def learned() -> tuple[Training, Table]:
    """A training, and leads that it did not know."""
    with TemporaryDirectory() as folder:
        path = MADE.write(Path(folder) / "h.csv", end=1_200)
        found = train_file(path, Question("bought", time="created"))
        return found, CsvTable(MADE.write(Path(folder) / "n.csv", start=1_200)).read()


def model() -> Model:
    found = learned()[0].model
    assert found is not None
    return found


def test_it_ranks_new_leads_nearly_as_well_as_the_truth_does() -> None:
    labels = MADE.labels[1_200:]
    assert roc_auc(labels, model().probabilities(learned()[1])) > 0.9 * roc_auc(labels, MADE.chances[1_200:])


def test_contributions_add_up_to_the_log_odds() -> None:
    matrix = model().encoder.encode(learned()[1])
    np.testing.assert_allclose(model().contributions(matrix).sum(axis=1), model().margins(matrix), atol=1e-4)


def test_a_model_that_was_written_scores_the_same(tmp_path: Path) -> None:
    model().write(tmp_path / "m.ubj")
    again = Model.read(tmp_path / "m.ubj")
    np.testing.assert_array_equal(again.probabilities(learned()[1]), model().probabilities(learned()[1]))
    again.write(tmp_path / "again.ubj")
    assert (tmp_path / "again.ubj").read_bytes() == (tmp_path / "m.ubj").read_bytes() == Model.from_bytes(model().to_bytes()).to_bytes()


def test_a_booster_without_an_encoder_is_refused(tmp_path: Path) -> None:
    bare = model().booster.copy()
    bare.set_attr(twoway=None)
    bare.save_model(tmp_path / "bare.ubj")
    with pytest.raises(TableProblem, match="without what Twoway needs"):
        Model.read(tmp_path / "bare.ubj")


@cache
def scored() -> list[LeadScore]:
    return LeadScorer(model()).score(learned()[1])


def test_a_score_is_the_chance_times_a_hundred() -> None:
    np.testing.assert_allclose([lead.score for lead in scored()], 100 * model().probabilities(learned()[1]), atol=0.0501)


def test_reasons_are_few_weighty_first_and_add_up_to_the_score() -> None:
    for lead in scored():
        weights = [abs(reason.points) for reason in lead.reasons]
        assert len(weights) <= 5
        assert weights == sorted(weights, reverse=True)
        assert lead.usual + sum(reason.points for reason in lead.reasons) == pytest.approx(lead.score)


def test_reasons_say_what_the_lead_has() -> None:
    said = {str(reason) for lead in scored() for reason in lead.reasons}
    assert any(text.startswith("Days since last visit is ") and "(usually " in text for text in said)
    assert any(" is not known (" in text for text in said)


def test_one_lead_is_scored_from_its_values_as_from_a_table() -> None:
    table = learned()[1]
    for row in range(3):
        values = {name: column.levels[column.codes[row]] for name, column in table.columns.items()}
        one, same = LeadScorer(model()).score_one(values), scored()[row]
        assert one.probability == pytest.approx(same.probability, abs=1e-5)
        assert [reason.text for reason in one.reasons] == [reason.text for reason in same.reasons]


def test_values_are_read_as_they_would_be_out_of_a_file() -> None:
    as_cells = {"visits": "7", "minutes_on_site": "", "source": "webinar", "created": "2025-03-01", "seniority": "VP"}
    as_values = {"visits": 7, "minutes_on_site": None, "source": "webinar", "created": date(2025, 3, 1), "seniority": "VP", "more": 1}
    assert LeadScorer(model()).score_one(as_values) == LeadScorer(model()).score_one(as_cells)


def test_what_would_change_it_most_comes_true() -> None:
    lead = {"visits": 1, "minutes_on_site": 2.5, "days_since_last_visit": 40, "source": "webinar", "created": "2025-03-01"}
    change = LeadScorer(model()).score_one(lead).change
    assert change is not None
    assert LeadScorer(model()).score_one(lead | {change.column: change.instead}).score == pytest.approx(change.score, abs=0.11)
    assert abs(change.score - LeadScorer(model()).score_one(lead).score) >= 1


def test_how_sure_it_is_says_between_what_and_what_is_not_known() -> None:
    assert all(lead.sure.low <= lead.score <= lead.sure.high for lead in scored())
    nothing = LeadScorer(model()).score_one({})
    assert {"minutes_on_site", "days_since_last_visit"} <= set(nothing.sure.unknown)


def test_rows_too_young_to_have_failed_are_no_failures() -> None:
    assert len(learned()[0].prepared.labels) < 1_200
    assert any("are not failures yet" in said for said in learned()[0].said)


def test_what_drifts_is_foretold_by_both_halves_alike() -> None:
    moved = learned()[0].validated
    assert moved is not None
    assert moved.moved is not None
    assert (moved.moved.flagged, model().weight) == (True, 0.5)
