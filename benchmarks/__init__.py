"""What auditing costs, measured: ratios of interleaved runs, never asserted in a test."""
