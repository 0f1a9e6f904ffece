"""The board: server-rendered pages, and the scripts and styles that make them live."""
