"""Everything on one machine: the folder an installation lives in and the programs that `twoway up` keeps running."""


class Trouble(Exception):  # noqa: N818 - it is one
    """Something a person can mend went wrong; the text is a sentence for them.

    Attributes:
        exit_code: what the command line ends with.
    """

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code
