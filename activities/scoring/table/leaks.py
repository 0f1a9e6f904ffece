"""Columns that tell the outcome because they were filled in after it.

A column is accused by what it does (too good alone, levels that are pure, filled for one class only), or by a name for something
only known afterwards together with a strength that bears it out. A strong column with neither stays: behaviour may honestly be strong.
"""

import re
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

from activities.scoring.table.columns import Column, Table
from activities.scoring.table.encoding import Labels
from activities.scoring.table.hints import BEFORE, JUDGED, PARTLY, accused_by_name, parts_of
from activities.scoring.table.kinds import USEFUL, Detected, Kind, hosts, moments, numbers, present
from activities.scoring.table.metrics import roc_auc
from activities.scoring.table.words import learn_tone, spelled, tones

TOO_GOOD = 0.9
"""ROC AUC above which a single column is suspected; honest ones are seldom so good."""
_FOLDS = 5
_PRIOR = 5.0
_BINS = 40
_FEWEST = 30
_PURE = 0.97
_WHOLLY = 0.995
_RATHER = 0.95
_TELLING_ID = 0.85
_TOGETHER = (0.53, 0.6)
_SOME = 0.15
_DIGITS = re.compile(r"\d")


def find_leaks(table: Table, labels: Labels, kinds: Mapping[str, Detected]) -> dict[str, str]:
    """Columns that leak the outcome, each with why it is held to.

    A judgement that only part of the leads got (a score, an index, a grade) is accused from a lower strength on where others are gaps in
    the very same rows and one of them is strong: they were filled in together, by whoever worked the lead.

    Args:
        table: the history.
        labels: 1 for each row that succeeded.
        kinds: what the columns hold; identifiers and constants are not judged.
    """
    found = {}
    for name, detected in kinds.items():
        column = table.columns[name]
        if detected.kind in USEFUL | {Kind.CONSTANT, Kind.IDENTIFIER}:
            accusations = _numbered(column, labels) if detected.kind is Kind.IDENTIFIER else _accusations(column, detected, labels)
            why = next(accusations, None)
            if why:
                found[name] = why
    found |= {name: why for name, why in _judged_together(table, labels, kinds) if name not in found}
    return {name: found[name] for name in kinds if name in found}


def _judged_together(table: Table, labels: Labels, kinds: Mapping[str, Detected]) -> Iterator[tuple[str, str]]:
    """Judgements that have their gaps in the very same rows, where one of them is strong."""
    groups: dict[bytes, list[str]] = {}
    for name, detected in kinds.items():
        known = present(table.columns[name])
        if detected.kind in USEFUL and parts_of(name) & JUDGED and not parts_of(name) & BEFORE and known.mean() <= 1 - PARTLY:
            groups.setdefault(known.tobytes(), []).append(name)
    for names in groups.values():
        strengths = {name: alone(table.columns[name], kinds[name], labels) for name in names}
        weak, strong = _TOGETHER
        if len(names) > 1 and max(strengths.values()) >= strong:
            best = max(strengths, key=lambda name: strengths[name])
            for name in names:
                if strengths[name] >= weak:
                    yield (
                        name,
                        f"it was filled in for the very leads that got {best!r} (ROC AUC {strengths[best]:.3f}): judgements made while "
                        "they were worked; keep it with --keep if it is known when a lead is scored",
                    )


def alone(column: Column, detected: Detected, labels: Labels) -> float:
    """The ROC AUC of a column by itself; of a text, by its words."""
    fold = np.random.default_rng(0).permutation(len(labels)) % _FOLDS
    if detected.kind is Kind.TEXT:
        return _by_words(column, labels, fold)
    groups = _groups(column, detected)
    base, size = labels.mean(), int(groups.max()) + 1
    score = np.empty(len(labels))
    for number in range(_FOLDS):
        inside = fold != number
        count = np.bincount(groups[inside], minlength=size)
        won = np.bincount(groups[inside], weights=labels[inside], minlength=size)
        score[~inside] = ((won + _PRIOR * base) / (count + _PRIOR))[groups[~inside]]
    return roc_auc(labels, score)


def _by_words(column: Column, labels: Labels, fold: npt.NDArray[np.int64]) -> float:
    score = np.empty(len(labels))
    for number in range(_FOLDS):
        inside, outside = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        score[outside] = np.nan_to_num(tones(column.levels, learn_tone(column, inside, labels[inside])))[column.codes[outside]]
    return roc_auc(labels, score)


def _accusations(column: Column, detected: Detected, labels: Labels) -> Iterator[str]:
    known = present(column)
    yield from _filled_for_one_class(known, labels)
    strength = alone(column, detected, labels)
    if strength >= TOO_GOOD:
        yield (
            f"suspected: by itself it ranks {strength:.0%} of pairs rightly (ROC AUC {strength:.3f}), which honest columns seldom do; "
            "keep it with --keep if it is known when a lead is scored"
        )
    if detected.kind is Kind.NUMBER:
        yield from _above_zero(column, detected, labels)
    if detected.kind in {Kind.CATEGORY, Kind.NUMBER}:
        yield from _pure(column, detected, labels)
    if detected.kind is Kind.TEXT:
        yield from _written_down(column, labels)
    yield from accused_by_name(column.name, detected.kind, strength, 1 - float(known.mean()))


def _written_down(column: Column, labels: Labels) -> Iterator[str]:
    """Words that only successes have, as when notes say how it ended."""
    base = float(labels.mean())
    bar = max(_RATHER, 1 - (1 - base) / 8)
    counts = np.bincount(column.codes, minlength=len(column.levels))
    won = np.bincount(column.codes, weights=labels, minlength=len(column.levels))
    sums: dict[str, tuple[float, float]] = {}
    for words, rows, successes in zip(spelled(column.levels), counts, won, strict=True):
        for word in set(words):
            was = sums.get(word, (0.0, 0.0))
            sums[word] = (was[0] + rows, was[1] + successes)
    for word, (rows, successes) in sorted(sums.items(), key=lambda item: (-item[1][1], item[0])):
        share = successes / max(1.0, float(labels.sum()))
        if share >= _SOME and rows >= _FEWEST and _sure_above(int(successes), int(rows), bar):
            yield f"where it says “{word}”, {successes / rows:.0%} succeed, {share:.0%} of all successes: it was written down afterwards"
            return


def _numbered(column: Column, labels: Labels) -> Iterator[str]:
    """Identifiers whose ranges or first letters tell the outcome: a number given to customers, beside the one given to leads."""
    values = numbers(column.levels)
    detected = Detected(Kind.NUMBER)
    if not np.isfinite(values[column.codes]).mean() > 0.5:
        starts, numbered = np.unique([_DIGITS.split(level, maxsplit=1)[0] for level in column.levels], return_inverse=True)
        column, detected = Column(column.name, tuple(starts), numbered[column.codes].astype(np.int32)), Detected(Kind.CATEGORY)
        if len(starts) > _BINS:
            return
    yield from _filled_for_one_class(present(column), labels)
    strength = alone(column, detected, labels)
    if strength >= _TELLING_ID:
        yield f"which numbers are given tells the outcome: by itself it reaches ROC AUC {strength:.3f}"
    yield from _pure(column, detected, labels)


def _above_zero(column: Column, detected: Detected, labels: Labels) -> Iterator[str]:
    """Amounts that are 0 until there is a success."""
    values = numbers(column.levels, detected.sentinels)[column.codes]
    some = np.isfinite(values) & (values != 0)
    of_won, of_lost = float(some[labels == 1].mean()), float(some[labels == 0].mean())
    bar = max(_RATHER, 1 - (1 - float(labels.mean())) / 5)
    if some.sum() >= _FEWEST and of_won >= 0.1 and _sure_above(int(labels[some].sum()), int(some.sum()), bar):
        yield f"other than 0 for {of_won:.0%} of the successes and {of_lost:.1%} of the others: it seems to be filled in after a success"


def _filled_for_one_class(known: npt.NDArray[np.bool_], labels: Labels) -> Iterator[str]:
    won, lost = known[labels == 1], known[labels == 0]
    if known.all() or not known.any() or len(won) < 10 or len(lost) < 10:
        return
    of_won, of_lost = float(won.mean()), float(lost.mean())
    base = float(labels.mean())
    rate, without = float(labels[known].mean()), float(labels[~known].mean())
    told = f"filled in for {of_won:.0%} of the successes and {of_lost:.0%} of the others"
    if abs(of_won - of_lost) >= 0.7:
        yield f"{told}: whether it is filled in tells the outcome"
    elif known.sum() >= _FEWEST and of_won >= 0.1 and _sure_above(int(won.sum()), int(known.sum()), max(0.9, 1 - (1 - base) / 5)):
        yield f"{told}; where it is, {rate:.0%} succeed: it seems to be filled in after a success"
    elif of_lost >= 0.25 and known.sum() * base >= _FEWEST and rate <= base / 20:
        yield f"{told}; where it is, {rate:.1%} succeed: it seems to be filled in after a failure"
    elif of_won >= 0.5 and (~known).sum() * base >= _FEWEST and (~known).mean() >= 0.2 and without <= base / 20:
        yield f"{told}; where it is not, {without:.1%} succeed: it seems to be filled in on the way to a success"


def _pure(column: Column, detected: Detected, labels: Labels) -> Iterator[str]:
    """Levels in which (nearly) everybody succeeds and that hold a good part of all successes."""
    groups = _groups(column, detected)
    count = np.bincount(groups)
    won = np.bincount(groups, weights=labels)
    base = float(labels.mean())
    bar = max(0.9, 1 - (1 - base) / 8)
    # honest behaviour may be nearly pure at one end of its scale; a number that was filled in afterwards is wholly so
    least = _PURE if detected.kind is Kind.CATEGORY else _WHOLLY
    pure = [
        place
        for place in range(len(count))
        if count[place] >= _FEWEST and won[place] >= least * count[place] and _sure_above(int(won[place]), int(count[place]), bar)
    ]
    share = float(won[pure].sum() / max(1.0, labels.sum()))
    if share >= 0.2:
        rows = int(count[pure].sum())
        yield (
            f"{rows:,} rows in {len(pure)} of its levels succeed nearly without exception, {share:.0%} of all successes: "
            "it seems to be set by the success"
        )


def _sure_above(won: int, count: int, rate: float) -> bool:
    """Whether a rate of success is above another by more than chance, 999 times in 1,000."""
    return bool(betaincinv(max(won, 1e-9), count - won + 1, 0.001) > rate)


def _groups(column: Column, detected: Detected) -> npt.NDArray[np.int64]:
    """Each row's level; of numbers and dates, its place among quantiles and 0 for "not known"."""
    match detected.kind:
        case Kind.NUMBER | Kind.DATE:
            values = numbers(column.levels, detected.sentinels) if detected.kind is Kind.NUMBER else moments(column.levels, detected.how)
            rows = values[column.codes]
            known = rows[np.isfinite(rows)]
            edges = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1))) if len(known) else np.zeros(1)
            places: npt.NDArray[np.int64] = np.where(np.isfinite(rows), np.searchsorted(edges, rows, side="right"), 0).astype(np.int64)
            return places
        case Kind.HOST:
            _, numbered = np.unique(hosts(column.levels), return_inverse=True)
            return numbered[column.codes].astype(np.int64)
        case _:
            return column.codes.astype(np.int64)
