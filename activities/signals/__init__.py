"""Telling people from machines that open, click and visit."""
