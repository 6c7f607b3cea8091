#!/usr/bin/env python
"""Run a management command: `./manage.py help` lists them."""

# `signal` itself takes its time to import, in which ^C would show a traceback.
import _signal as signal  # type: ignore[import-not-found]
import atexit
import gc
import os
import sys

BAD_USE = 2  # exit status


def main() -> None:
    # Nothing is done yet. In an import ^C would be a traceback, or be overheard.
    switch_interrupt(signal.default_int_handler, signal.SIG_DFL)
    prepare()
    from django.core.exceptions import ImproperlyConfigured
    from django.db import DatabaseError, InterfaceError

    try:
        run(sys.argv)
    except ImproperlyConfigured as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(BAD_USE)
    except (DatabaseError, InterfaceError) as error:
        if "--traceback" in sys.argv:
            raise
        said = error.args[-1] if error.args else type(error).__name__
        sys.exit(
            f"The registry failed: {said}; check DATABASE_URL and its server, and that "
            "manage.py migrate has been run, by VMoodle's own user"
        )
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted\n")
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:  # who reads what we print has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except OSError as error:  # a full disk, a directory that may not be read, ...
        if "--traceback" in sys.argv:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        about = f"{error.filename}: " if error.filename else ""
        sys.exit(f"{about}{error.strerror or error} (--traceback tells where)")


def switch_interrupt(former: object, new: object) -> None:
    """Change what ^C does, unless it is ignored, as in the background."""
    if signal.getsignal(signal.SIGINT) == former:
        signal.signal(signal.SIGINT, new)


def prepare() -> None:
    """Set up what Django and Python take from their surroundings."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vmoodle_site.settings")
    # Else the collection at the end goes through all modules, for 0.2 s.
    atexit.register(gc.freeze)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by who started us
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115, PTH123
    # A letter that the terminal lacks must not end what runs, such as an upgrade.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def run(argv: list[str]) -> None:
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import BaseCommand, CommandParser, ManagementUtility

    # What is wrong is told in a sentence, not behind a screen of options.
    setattr(CommandParser, "print_usage", lambda parser, file=None: None)  # noqa: B010

    class Utility(ManagementUtility):
        def fetch_command(self, subcommand: str) -> BaseCommand:
            try:
                return super().fetch_command(subcommand)
            except SystemExit:  # it is 1 for Django, which for us is a failed job
                sys.exit(BAD_USE)
            finally:
                switch_interrupt(signal.SIG_DFL, signal.default_int_handler)

        def main_help_text(self, commands_only: bool = False) -> str:
            if self.settings_exception:  # else it would list Django's commands only
                raise self.settings_exception
            return super().main_help_text(commands_only)

    try:
        Utility(argv).execute()
    except ModuleNotFoundError as error:
        module = os.environ["DJANGO_SETTINGS_MODULE"]  # that of --settings, if given
        if error.name not in (module, module.partition(".")[0]):
            raise
        raise ImproperlyConfigured(
            f"There are no settings {module}: leave out --settings, or put '--' before "
            "a script of Moodle that has such an option"
        ) from error
    finally:
        sys.stdout.flush()  # while a reader that is gone can still be told from us
        switch_interrupt(signal.default_int_handler, signal.SIG_IGN)  # it is over


if __name__ == "__main__":
    main()
