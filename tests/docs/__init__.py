"""The README and the documentation as a reader meets them: every command is run, every shown answer is compared."""
