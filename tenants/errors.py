"""What goes wrong in a way that an operator can be told."""


class VMoodleError(Exception):
    """One sentence for the operator: what failed, on what, what to do.

    Each edge and each part raises one of its own, a subclass.
    """

    def __init__(self, message: str, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # of the program that failed, if one did

    @property
    def messages(self) -> list[str]:
        """The sentence in a list, as Django's ValidationError has its own."""
        return [str(self)]
