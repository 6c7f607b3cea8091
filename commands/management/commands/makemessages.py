import sys
from pathlib import Path

from django.core.management.commands import makemessages
from django.utils.functional import cached_property

from commands.base import all_commands
from commands.explained import calls


class Source(makemessages.BuildFile):
    """A file of the source, with what its command classes say of themselves."""

    @cached_property
    def texts(self) -> list[str]:
        here = Path(self.path).resolve()
        found = (c for c in all_commands() if module_file(c.__module__) == here)
        return [text for c in found for text in calls(c.__doc__, c.base_fields)]

    @cached_property
    def is_templatized(self) -> bool:
        return bool(self.texts) or super().is_templatized

    def preprocess(self) -> None:
        """Write beside the file what xgettext reads instead of it."""
        if not self.texts:
            super().preprocess()
            return
        lines = [Path(self.path).read_text(encoding="utf-8"), *self.texts]
        Path(self.work_path).write_text("\n".join(lines), encoding="utf-8")


class Command(makemessages.Command):
    """Django's own, which finds the descriptions and parameters of commands as well."""

    build_file_class = Source


def module_file(name: str) -> Path:
    return Path(sys.modules[name].__file__ or "").resolve()
