"""Models of our own leads: learned from features and outcomes by the engine for tables, compared with the champion, and asked.

Loads numpy and xgboost, so workflows, the API and a worker's start have nothing to do with it: training runs in a process of its own
(`activities/scoring/process.py`), and a worker loads it when the first model is in service.
"""
