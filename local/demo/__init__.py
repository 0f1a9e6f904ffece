"""`twoway up --demo`: a believable team and a stream of leads, on a clock on which an hour takes a second."""
