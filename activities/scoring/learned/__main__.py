"""`python -m activities.scoring.learned`: does one job, read as JSON from standard input, and says as JSON lines what comes of it.

A process of its own, so that a worker goes on answering while a model is trained, and so that ending it is a matter of a signal. What it
learns from comes and goes by pipe: nothing of any lead is written to a disk.
"""

import json
import os
import sys
from typing import Any

from activities.scoring.table.problems import TableProblem

_NICE = 10


def main() -> None:
    """Do the job."""
    os.nice(_NICE)  # leads first
    job = json.load(sys.stdin)
    try:
        from activities.scoring.learned import learning  # noqa: PLC0415 - whoever began it is told that it lives before numpy is loaded

        if job["do"] == "train":
            _say({"done": learning.train(job, lambda what: _say({"progress": what}))})
        else:
            _say({"done": learning.check(job)})
    except TableProblem as problem:
        _say({"problem": str(problem)})


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what, allow_nan=False), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
