"""The doors: HTTP in, one service call, HTTP out."""
