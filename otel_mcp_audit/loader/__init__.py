"""OpenTelemetry's loader, taken seriously: what fails in it is found, and under ``run`` nothing is served unaudited.

Nothing is imported here: every child Python of a server that ``run`` started comes by.
"""
