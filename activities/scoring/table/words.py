"""What a text says: how long it is, which of the words that matter most are in it, and what all its words together speak for."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from activities.scoring.table.columns import Column
from activities.scoring.table.kinds import is_missing
from activities.scoring.table.linear import solve

Labels = npt.NDArray[np.int8]
MOST_WORDS = 40
"""Words of a text that become features of their own."""
MOST_TERMS = 4_000
"""Words and pairs of words that a text's tone is made of."""
_WORD = re.compile(r"[^\W_]{2,30}")
_LONGEST = 250
_FEWEST_ROWS = 15
_FEWEST_ROWS_TONE = 4
_TELLING = 2.0
_PENALTY = 3.0


def vocabulary(column: Column, labels: Labels) -> tuple[str, ...]:
    """The words whose presence goes with the outcome most clearly, by the z of the rate with and without them."""
    counts = np.bincount(column.codes, minlength=len(column.levels))
    won = np.bincount(column.codes, weights=labels, minlength=len(column.levels))
    rows: Counter[str] = Counter()
    successes: defaultdict[str, float] = defaultdict(float)
    for words, count, winners in zip(spelled(column.levels), counts, won, strict=True):
        if count:
            for word in set(words):
                rows[word] += int(count)
                successes[word] += float(winners)
    base = labels.mean()
    scale = np.sqrt(base * (1 - base)) or 1.0
    telling = {
        word: abs(successes[word] - count * base) / (scale * np.sqrt(count)) for word, count in rows.items() if count >= _FEWEST_ROWS
    }
    best = sorted((word for word, z in telling.items() if z >= _TELLING), key=lambda word: (-telling[word], word))
    return tuple(best[:MOST_WORDS])


def hits(levels: Sequence[str], words: Sequence[str]) -> npt.NDArray[np.float32]:
    """For each text how many words it has, and for each of the words whether it is in it; NaN where there is no text."""
    found = np.zeros((max(1, len(levels)), 1 + len(words)), dtype=np.float32)
    place = {word: number for number, word in enumerate(words, 1)}
    for row, (level, own) in enumerate(zip(levels, spelled(levels), strict=True)):
        if is_missing(level):
            found[row] = np.nan
            continue
        found[row, 0] = len(level.split())
        for word in own:
            if word in place:
                found[row, place[word]] = 1
    return found


def learn_tone(column: Column, rows: npt.NDArray[np.int64], labels: Labels) -> dict[str, float]:
    """What words and pairs of words speak for: the weights of a regression on them.

    Args:
        column: the texts.
        rows: which of them to learn from.
        labels: of these rows.
    """
    used, own = np.unique(column.codes[rows], return_inverse=True)
    words = spelled(column.levels)
    terms = [terms_of(words[place]) for place in used]
    counts: Counter[str] = Counter()
    for said, times in zip(terms, np.bincount(own), strict=True):
        for term in said:
            counts[term] += int(times)
    kept = sorted((term for term, count in counts.items() if count >= _FEWEST_ROWS_TONE), key=lambda term: (-counts[term], term))
    place = {term: number for number, term in enumerate(kept[:MOST_TERMS])}
    if not place:
        return {}
    matrix = csr_array(_weights(terms, place))[own]
    weights, _ = solve(matrix, labels.astype(np.float64), _PENALTY)
    return {term: round(float(weights[number]), 4) for term, number in place.items()}


def tones(levels: Sequence[str], tone: Mapping[str, float]) -> npt.NDArray[np.float32]:
    """What each text speaks for, in log-odds; NaN where it says nothing that was learned."""
    found = np.full(max(1, len(levels)), np.nan, dtype=np.float32)
    for row, words in enumerate(spelled(levels)):
        known = [tone[term] for term in terms_of(words) if term in tone]
        if known:
            found[row] = sum(known) / len(known) ** 0.5
    return found


def terms_of(words: Sequence[str]) -> list[str]:
    """Words and pairs of neighbours, each once, in the order they come."""
    return list(dict.fromkeys((*words, *map(" ".join, pairwise(words)))))


def spelled(levels: Sequence[str]) -> Sequence[tuple[str, ...]]:
    """The words of each text; those of a whole column are kept, since every fold asks for them."""
    return _spelled(levels) if len(levels) > 1_000 and isinstance(levels, tuple) else _split(levels)


def forget() -> None:
    """Let go of the words that are kept."""
    _spelled.cache_clear()


@lru_cache(maxsize=16)
def _spelled(levels: tuple[str, ...]) -> list[tuple[str, ...]]:
    return _split(levels)


def _split(levels: Iterable[str]) -> list[tuple[str, ...]]:
    return [() if is_missing(level) else tuple(_WORD.findall(level.lower())[:_LONGEST]) for level in levels]


def _weights(terms: Sequence[Sequence[str]], place: Mapping[str, int]) -> csr_array:
    """A row for each text: its known terms, so that long and short ones weigh alike."""
    columns, ends, values = [], [0], []
    for said in terms:
        known = [place[term] for term in said if term in place]
        columns += known
        values += [1 / max(1, len(known)) ** 0.5] * len(known)
        ends.append(len(columns))
    return csr_array((np.array(values), np.array(columns, dtype=np.int32), np.array(ends, dtype=np.int32)), shape=(len(terms), len(place)))
