"""What is fast, measured: every number the README gives, and the bars none of them may cross.

Whatever Temporal does by itself is measured beside it, on the same servers and in the same minute, so that the ratios hold on
any machine. `make bench` runs everything.
"""
