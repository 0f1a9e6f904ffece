"""A scoring model from any table: what is in its columns, which of them tell the outcome, the model, and how far to trust it.

Needs no database and no running system. The ways in:

- `reading.table_from` makes a table of rows by name, `reading.CsvTable` reads one from a file;
- `training.train` learns from a table, `training.train_file` from a file; `report.document` and `report.write` say what came of it;
- `model.Model` is kept with `to_bytes` and `from_bytes`, or `write` and `read`;
- `serving.LeadScorer` scores one lead (`score_one`) or a table of them (`score`) with reasons, `scoring.score` a file.

Nothing here is imported by workflows or when a worker starts, since numpy and xgboost take a second to load.
"""

import os

for library in ("OMP", "OPENBLAS", "MKL"):
    # read when numpy and xgboost are loaded: threads that wait for each other on a busy machine made training five times as slow
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")
