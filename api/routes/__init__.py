"""Routes: each parses its request, calls one service function and returns."""
