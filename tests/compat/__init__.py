"""Harmless, shown: the kernels' own test suites, run without us and with auditing on, compared test by test.

``make compat``, or ``python -m tests.compat [--short] [UPSTREAM...]``. Each upstream's source distribution carries its
tests; they run in an environment of that release, with our wheel installed.
"""
