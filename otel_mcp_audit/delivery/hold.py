"""Why nothing goes on for now."""


class Hold(Exception):  # noqa: N818 -- no error: the records are kept and tried again
    """The sink takes nothing now.

    Args:
        reason: in the destination's words, safe to log.
        after: seconds that the destination asked for, or None.
        at_fault: it refuses what it took before, or everything: the sink is at fault, not a record.
    """

    def __init__(self, reason: str, *, after: float | None = None, at_fault: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after
        self.at_fault = at_fault
