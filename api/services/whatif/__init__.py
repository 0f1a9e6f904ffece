"""Replaying past leads under another agreement: orders, the process that carries one out, and what it found."""
