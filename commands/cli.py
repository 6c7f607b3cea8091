"""The two bases of the management commands that run a command class.

A wrapper is one line: `runs = Upgrade`. The command's fields become its options.
"""

import getpass
import json
import os
import shlex
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.management.base import CommandError
from django.utils.timezone import localtime

from commands import host, queue, tasks
from commands.base import REFUSED, Command, PhpScript
from commands.claim import claim_next
from commands.models import Cluster, Job, Run
from commands.shell.interrupts import goes_on, interrupts
from commands.shell.options import (
    add_running,
    add_selection,
    log_directory,
    refuse_ours,
    refuse_root,
    selection,
    set_limits,
)
from commands.shell.plan import confirm, show_plan
from commands.shell.secrets import add_secret_option, secrets_given
from commands.shell.strict import StrictCommand
from tenants.models import Tenant
from tenants.reach import check_reach
from tenants.selection import SelectionError, tenant_at

BAD_USE = 2  # exit status
LONGEST = 2000  # characters of a sentence


def refuse(error: Exception) -> CommandError:
    """Return the CommandError, exit status 2, that says what is wrong."""
    sentences = [str(error)]
    if isinstance(error, ValidationError):
        of_fields = getattr(error, "error_dict", {NON_FIELD_ERRORS: [error]})
        sentences = [
            text if name == NON_FIELD_ERRORS else f"{name}: {text}"
            for name, errors in of_fields.items()
            for text in ValidationError(errors).messages
        ]
    if isinstance(error, OSError) and error.filename:
        sentences = [f"{error.filename}: {error.strerror}"]
    text = "; ".join(sentences)
    if len(text) > LONGEST:  # it quotes what was given, which may be anything
        text = f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"
    return CommandError(text, returncode=BAD_USE)


def actor() -> str:
    """Return who gives the command in this shell: user@host."""
    return f"{getpass.getuser()}@{host.HOST}"


class Base(StrictCommand):
    """What wrappers share: the command's fields as options."""

    runs: type[Command] = Command  # `run_command` is told which one
    requires_system_checks = ()

    @property
    def help(self) -> str:  # type: ignore[override]
        """In the language of the shell."""
        return self.runs.help()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        # PHP's -v (verbose) and -h collide with Django's short options.
        parser = super().create_parser(
            prog_name,
            subcommand,
            conflict_handler="resolve",
            allow_abbrev=False,
            **kwargs,
        )
        values = parser._get_values

        def all_values(action: Any, words: list[str]) -> Any:
            # Python drops every "--", even the value of --option=--.
            if action.option_strings and action.nargs is None and words == ["--"]:
                return parser._get_value(action, "--")
            return values(action, words)

        parser._get_values = all_values  # type: ignore[assignment,method-assign]
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        """Refuse what cannot be stored as text."""
        for word in argv:
            try:
                word.encode()
            except UnicodeEncodeError:
                self._called_from_command_line = True  # errors exit with status 2
                parser = self.create_parser(argv[0], argv[1])
                parser.error(f"{ascii(word)} is no UTF-8 text")
        super().run_from_argv(argv)

    def add_fields(self, parser: ArgumentParser) -> None:
        group = parser.add_argument_group(self.runs.name())
        for name, field in self.runs.base_fields.items():
            kind: dict[str, Any] = {"metavar": "VALUE"}
            if isinstance(field, forms.BooleanField):
                kind = {"action": "store_true"}
            elif name == "more":
                kind = {"metavar": '"--OPTION ..."', "action": "append"}
            elif isinstance(field.widget, forms.SelectMultiple):
                kind = {"metavar": "VALUE", "action": "append"}
            short = [f"-{letter}" for letter in self.runs.letters.get(name, "")]
            flags = [*short, f"--{name.replace('_', '-')}"]
            text = str(field.help_text).replace("%", "%%")
            if name in self.runs.secret_names():
                add_secret_option(group, name, flags, text, required=field.required)
                continue
            group.add_argument(*flags, dest=f"field_{name}", help=text, **kind)

    def given(self, options: dict[str, Any]) -> dict[str, str | list[str]]:
        """Return the command's parameters that were given, by name."""
        return {
            key.removeprefix("field_"): _as_text(key, value)
            for key, value in options.items()
            if key.startswith("field_") and value not in (None, False)
        } | secrets_given(self.runs, options)

    def draft(self, tenants: list[Tenant], attributes: str, parallel: int = 0) -> Run:
        """Return a draft run whose parameters and surroundings have been checked."""
        check_reach(tenants)
        run = self.checked(attributes)
        run.targets = [tenant.pk for tenant in tenants]
        run.actor, run.origin, run.parallel = actor(), "shell", parallel
        return run

    def checked(self, attributes: str) -> Run:
        """Return a run of nothing yet whose parameters have been checked."""
        run = Run(command=self.runs.name(), attributes=attributes)
        form = run.form()
        run.attributes, run.secrets = form.attributes(), form.secrets()
        return run

    def words(self, attributes: str) -> list[str]:
        """Return the options that give these parameters."""
        words = []
        for name, value in parse_qsl(attributes):
            option = f"--{name.replace('_', '-')}"
            switch = isinstance(self.runs.base_fields.get(name), forms.BooleanField)
            words.append(option if switch else f"{option}={value}")
        return words


def _as_text(key: str, value: Any) -> str | list[str]:
    if value is True:
        return "1"
    return " ".join(value) if key == "field_more" else value


class TenantCommand(Base):
    """Run a command on one tenant, in the foreground, and exit as its script does."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "-H", "--host", required=True, help="wwwroot of the tenant."
        )
        self.add_fields(parser)

    def run_from_argv(self, argv: list[str]) -> None:
        """Keep options that are not ours for Moodle's script: they vary by version."""
        if issubclass(self.runs, PhpScript):
            self._called_from_command_line = True  # errors exit with status 2
            parser = self.create_parser(argv[0], argv[1])
            rest = parser.parse_known_args(argv[2:])[1]
            if strays := [word for word in rest if not word.startswith("-")]:
                parser.error(
                    f"unrecognized arguments: {' '.join(strays)} (join a value to its "
                    "option by '=')"
                )
            for word in rest:
                refuse_ours(parser, word.partition("=")[0])
            ours = [word for word in argv[2:] if word not in rest]
            more = [f"--more={shlex.join(rest)}"] if rest else []
            argv = [*argv[:2], *ours, *more]
        super().run_from_argv(argv)

    def handle(self, *, host: str, **options: Any) -> None:
        try:
            attributes = urlencode(self.given(options), doseq=True)
            run = self.draft([tenant_at(host)], attributes, parallel=1)
            job = self.start(run)
        except REFUSED as error:
            raise refuse(error) from error
        if job.is_held:
            at = f"{localtime(job.not_before):%F %T}"
            self.stdout.write(f"Run {run.pk} waits for its time: {at}")
            return
        if job.state == Job.State.QUEUED:
            self.work(job)
        self.report(job)

    def start(self, run: Run) -> Job:
        try:
            begin(run, lanes=False)
            return run.jobs.with_edges().get()
        except KeyboardInterrupt:
            run.cancel_queued(f"cancelled by {actor()}")  # else a worker would do it
            raise

    def work(self, job: Job) -> None:
        """Run the job in this process, unless the tenant or its server is busy."""
        try:
            with interrupts(self.stderr.write) as interrupted:
                claimed = claim_next(job.run, host.this_process())
                if claimed is None:
                    job.run.cancel_queued(f"cancelled by {actor()}")
                    raise CommandError(_why_not(job), returncode=BAD_USE)
                tasks.execute(claimed, echo=self.tell, interrupted=interrupted.is_set)
        except KeyboardInterrupt:
            raise CommandError(
                f"{job.wwwroot}: cut off by a second ^C: see the page of run {job.run} "
                "for what it had done",
                returncode=130,
            ) from None
        job.refresh_from_db()

    def tell(self, line: str) -> None:
        """Print a line at once; when nobody reads any more, the job goes on unseen."""
        try:
            self.stdout.write(line)
            self.stdout.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def report(self, job: Job) -> None:
        """Print how it ended and exit with the script's exit code."""
        if job.state == Job.State.SKIPPED:
            self.stderr.write(f"Nothing to do: {job.error}")
        elif job.state != Job.State.SUCCEEDED:
            code = job.exit_code or 1
            # As a shell tells of a script that a signal ended.
            code = 128 - code if code < 0 else code
            raise CommandError(f"{job.wwwroot}: {job.error}", returncode=code)
        if job.exit_code:
            sys.exit(job.exit_code)


def _why_not(job: Job) -> str:
    """Return why the job could not begin at once."""
    running = Job.objects.filter(state=Job.State.RUNNING).select_related("run")
    if running.filter(pk=job.pk).exists():  # a lane was quicker
        return f"{job.wwwroot}: a worker does it by now: see run {job.run}"
    if holder := running.filter(tenant=job.tenant).first():
        return (
            f"{job.wwwroot} is busy with run {holder.run}: wait for it or cancel it; "
            "nothing was done"
        )
    assert job.tenant
    server = job.tenant.server
    return (
        f"{job.wwwroot}: as many jobs run on the database server {server} as it may "
        f"have, {server.job_limit}: try again when one has ended; nothing was done"
    )


class BulkCommand(Base):
    """Run a command on many tenants through the workers, and follow it to its end."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_selection(parser)
        add_running(parser)
        self.add_fields(parser)

    def handle(self, **options: Any) -> None:
        dry_run, as_json = options["dry_run"], options["json"]
        try:
            if not dry_run:
                check_workers(detach=options["detach"])
            retry = options["retry"] is not None
            draft = self.retried(options) if retry else self.asked(options)
            canary = set_limits(draft, options)
            if dry_run:
                show_plan(draft, canary, self, as_json=as_json)
                return
            confirm(draft, self, yes=options["yes"])
            draft.logroot = log_directory(options["logroot"]) or draft.logroot
            # Long to import, for its bar: a ^C meanwhile would leave a run untold.
            from commands.shell.follow import follow

            begin(draft, canary)
        except REFUSED as error:
            raise refuse(error) from error
        if options["detach"]:
            self.stdout.write(
                json.dumps({"run": draft.pk}) if as_json else f"Run {draft.pk}"
            )
            if not Cluster.alive(queue.JOBS):
                self.stderr.write("It waits: no worker runs ('manage.py worker jobs')")
            return
        follow(draft, self, as_json=as_json, verbose=options["verbose"])

    def asked(self, options: dict[str, Any]) -> Run:
        return self.draft(self.targets(options), self.attributes(options))

    def targets(self, options: dict[str, Any]) -> list[Tenant]:
        return selection(options).resolve()

    def attributes(self, options: dict[str, Any]) -> str:
        """Return the parameters that were given, as a querystring."""
        return urlencode(self.given(options), doseq=True)

    def retried(self, options: dict[str, Any]) -> Run:
        """Return a draft of what failed, was skipped or cancelled in a former run.

        Its passwords are forgotten: they alone are to be given again.
        """
        given = parse_qs(self.attributes(options))
        secrets = {name: given.pop(name, []) for name in self.runs.secret_names()}
        if given or options["selectors"] or options["with_master"]:
            raise SelectionError(
                "--retry takes the tenants and the parameters of the former run: "
                "leave out your own"
            )
        former = Run.objects.filter(pk=options["retry"]).first()
        if former is None or former.command != self.runs.name():
            raise SelectionError(
                f"There is no run {options['retry']} of {self.runs.name()} to retry"
            )
        states = (*Job.BAD, Job.State.SKIPPED, Job.State.CANCELLED)
        draft = former.retry(states, actor=actor(), origin="shell")
        if not draft.targets:
            raise SelectionError(f"Run {former.pk} has nothing to retry")
        draft.secrets = urlencode(secrets, doseq=True)
        return draft


def check_workers(*, detach: bool) -> None:
    if not detach and not Cluster.alive(queue.JOBS):
        raise SelectionError(
            "No worker is running, so nothing was started: start one with "
            "'manage.py worker jobs', or queue the run with --detach"
        )


def begin(run: Run, canary: Sequence[int] | int = (), *, lanes: bool = True) -> None:
    """Start a draft; leave nothing on an error."""
    refuse_root()
    run.save()
    try:
        run.start(canary=canary, lanes=lanes)
    except REFUSED:
        run.delete()
        raise
    except KeyboardInterrupt:
        drafts = Run.objects.filter(pk=run.pk, state=Run.State.DRAFT)
        if not drafts.delete()[0] and lanes:  # workers have it by now
            raise goes_on(run) from None
        raise
