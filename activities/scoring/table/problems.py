"""What can be wrong with a table, as a sentence for a person."""


class TableProblem(Exception):  # noqa: N818 - it is one
    """The table, or what was asked of it, cannot be used; the text says what to mend.

    Attributes:
        asked_wrongly: whether the question is at fault rather than the file.
    """

    def __init__(self, message: str, *, asked_wrongly: bool = False) -> None:
        super().__init__(message)
        self.asked_wrongly = asked_wrongly
