"""The `twoway` command: reads what was asked, calls one function, prints what came of it."""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from local import Trouble

if TYPE_CHECKING:
    from models.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Keeps a sales lead from ever falling between marketing and sales.",
)
user_app = typer.Typer(no_args_is_help=True, help="People who sign in.")
policy_app = typer.Typer(no_args_is_help=True, help="The agreement of marketing and sales.")
db_app = typer.Typer(no_args_is_help=True, help="The database.")
temporal_app = typer.Typer(no_args_is_help=True, help="Temporal.")
model_app = typer.Typer(no_args_is_help=True, help="The models that score leads.")
for name, group in (("user", user_app), ("model", model_app), ("policy", policy_app), ("db", db_app), ("temporal", temporal_app)):
    app.add_typer(group, name=name)

_out = Console(highlight=False, soft_wrap=True)
_err = Console(highlight=False, soft_wrap=True, stderr=True)
Data = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Folder of the `twoway up` to talk to. [default: what TWOWAY_DATABASE_URL names, else ./data]", show_default=False
    ),
]


@app.command()
def up(
    data: Annotated[
        Path | None, typer.Option(help="Folder everything is kept in. [default: ./data, or ./data-demo for a demo]", show_default=False)
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the API and the board.")] = 8000,
    temporal_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of Temporal.")] = 7233,
    ui_port: Annotated[int, typer.Option(min=1, max=65535, help="Port of Temporal's UI.")] = 8233,
    policy: Annotated[
        Path | None,
        typer.Option(
            envvar="TWOWAY_POLICY_FILE", help="Policy file; published when it says something new. Left out, the one in force stays."
        ),
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Let made-up people live in it, on a clock on which an hour takes a second.")
    ] = False,
) -> None:
    """Run everything on this machine: PostgreSQL, Temporal with its UI, a worker, the API and the board. Ctrl-C stops it all."""
    from local.up import Options
    from local.up import up as run

    run(Options(data or Path("data-demo" if demo else "data"), port, temporal_port, ui_port, policy, demo), _out)


@app.command()
def doctor(
    data: Data = None,
    port: Annotated[int, typer.Option(help="Port the API would take.")] = 8000,
    temporal_port: Annotated[int, typer.Option(help="Port Temporal would take.")] = 7233,
    ui_port: Annotated[int, typer.Option(help="Port Temporal's UI would take.")] = 8233,
) -> None:
    """Say what is wrong and how to mend it."""
    from local.doctor import Ports, examine
    from local.folder import DEFAULT

    async def look() -> int:
        wrong = 0
        async for finding in examine(data, data or DEFAULT, Ports(port, temporal_port, ui_port)):
            mark = "[green]ok   [/]" if finding.ok else "[red]wrong[/]"
            _out.print(f"{mark} {finding.what}: ", end="")
            _out.print(finding.detail, markup=False)
            if not finding.ok:
                wrong += 1
                _out.print(f"      → {finding.mend}", markup=False)
        return wrong

    with explained():
        wrong = asyncio.run(look())
    _out.print("All is well." if not wrong else f"{wrong} {'thing is' if wrong == 1 else 'things are'} wrong.")
    raise typer.Exit(1 if wrong else 0)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV file; its first row names the columns.")],
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="COLUMN=FIELD", help="What a column is, where its name does not say it; nothing after = leaves it out."
        ),
    ] = None,
    encoding: Annotated[str, typer.Option(help="Encoding of the file, as cp1252.")] = "utf-8-sig",
    data: Data = None,
) -> None:
    """Take leads in from a CSV file. Rows that cannot be used go to FILE.refused.csv with the reason."""
    from rich.progress import Progress

    from local.importing import import_leads, opened

    with explained(), opened(file, _mapping(columns or []), encoding) as leads:
        settings = _settings(data)
        with Progress(console=_err, transient=True) as progress:
            task = progress.add_task("importing", total=leads.rows)
            counts = asyncio.run(import_leads(settings, leads, file.with_suffix(".refused.csv"), lambda rows: progress.advance(task, rows)))
    _out.print(f"{counts.created} created, {counts.merged} merged with a lead that was there, {counts.refused} refused.")
    if counts.refused:
        _out.print(
            f"The refused rows are in {counts.refused_file}, each with the reason: mend them there and import that file.", markup=False
        )


@app.command()
def train(
    history: Annotated[Path, typer.Argument(help="CSV file of leads whose outcome is known; its first row names the columns.")],
    target: Annotated[str, typer.Option(help="Column that holds the outcome.")],
    positive: Annotated[str | None, typer.Option(help="Its value for a success. [default: what says yes]", show_default=False)] = None,
    time: Annotated[
        str | None,
        typer.Option(help="Column that says when a row was as it stands: the model is tried forward in time.", show_default=False),
    ] = None,
    report: Annotated[Path, typer.Option(help="Where the report goes, as JSON; a page for people is put beside it.")] = Path("report.json"),
    model: Annotated[Path, typer.Option(help="Where the model goes.")] = Path("model.ubj"),
    keep: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="A column that is known when a lead is scored, though it looks like a leak.")
    ] = None,
) -> None:
    """Train a scoring model from any table, and say how far to trust it."""
    from local.training import train as run

    run(history, (target, positive, time, tuple(keep or ())), report, model, (_out, _err))


@app.command()
def score(
    leads: Annotated[Path, typer.Argument(help="CSV file of leads.")],
    model: Annotated[Path, typer.Option(help="Model that `twoway train` made.")],
    out: Annotated[Path, typer.Option(help="Where to write them, with probability, score (0-100), reasons and how sure they are.")],
) -> None:
    """Score leads with a model; every row stays, in its order."""
    from local.training import score as run

    run(leads, model, out, (_out, _err))


@model_app.command("install")
def install_model(
    file: Annotated[Path, typer.Argument(help="Model that `twoway train` made.")],
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="COLUMN=FIELD",
            help="Which of a lead's fields a column is, where its name does not say it: title, attributes.NAME, …; nothing leaves it out.",
        ),
    ] = None,
    promote: Annotated[bool, typer.Option("--promote", help="Let it score at once, if it is allowed to.")] = False,
    data: Data = None,
) -> None:
    """Install a model made from another system's table, to score leads here."""
    from local.models import install

    with explained():
        asyncio.run(install(_settings(data), file, _mapping(columns or []), promote=promote, out=_out))


@app.command()
def simulate(
    policy: Annotated[Path, typer.Option(help="Policy file: the other agreement.")],
    since: Annotated[
        datetime | None, typer.Option(help="Leads that arrived from then on, in UTC. [default: 30 days before]", show_default=False)
    ] = None,
    until: Annotated[datetime | None, typer.Option(help="Leads that arrived before, in UTC. [default: now]", show_default=False)] = None,
    without: Annotated[
        list[str] | None, typer.Option(metavar="EMAIL", help="A rep who is not there; may be given more than once.", show_default=False)
    ] = None,
    data: Data = None,
) -> None:
    """Say what would have been under another agreement: the leads that came, told again what they were told."""
    from datetime import UTC

    from rich.progress import Progress

    from local.simulating import report
    from local.simulating import simulate as run

    window = (since and since.replace(tzinfo=since.tzinfo or UTC), until and until.replace(tzinfo=until.tzinfo or UTC))
    with explained(), Progress(console=_err, transient=True) as progress:
        task = progress.add_task("replaying")
        found = asyncio.run(
            run(_settings(data), policy, window, without or (), lambda done, leads: progress.update(task, completed=done, total=leads))
        )
    _out.print(report(found))


def _mapping(pairs: list[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        column, equals, field = pair.rpartition("=")
        if not equals or not column.strip():
            raise Trouble(f"--map {pair!r}: write it as 'COLUMN=FIELD'.")
        found[column.strip()] = field.strip()
    return found


@user_app.command("add")
def user_add(
    email: Annotated[str, typer.Argument(help="Where notices go; also how the user is named to other commands.")],
    name: Annotated[str, typer.Argument(help="How others see them.")],
    role: Annotated[list[str], typer.Option(help="rep, reviewer, marketer, manager, admin or service; may be given more than once.")],
    capacity: Annotated[int | None, typer.Option(help="Most open leads a rep may have; the policy's limit when left out.")] = None,
    timezone: Annotated[str, typer.Option(help="As Europe/Berlin.")] = "UTC",
    token: Annotated[bool, typer.Option("--token", help="Make a token as well, and print it.")] = False,
    data: Data = None,
) -> None:
    """Add somebody who may sign in."""
    from local import people
    from models.schemas.people import NewUser

    with explained():
        form = NewUser.model_validate({"email": email, "name": name, "roles": role, "capacity": capacity, "timezone": timezone})
        added = asyncio.run(people.add(_settings(data), form, token=token))
    _err.print(f"{name} is user {added.user}. This link signs them in once, within 15 minutes:", markup=False)
    if added.token is None:
        _out.print(added.link.url, markup=False)
        return
    _err.print(added.link.url, markup=False)
    _err.print("This token is shown only now:")
    _out.print(added.token, markup=False)


@user_app.command("link")
def user_link(email: Annotated[str, typer.Argument(help="Whom it signs in.")], data: Data = None) -> None:
    """Make a link that signs somebody in once, so that nobody has to send passwords."""
    from local import people

    with explained():
        made = asyncio.run(people.link(_settings(data), email))
    _err.print(f"This link signs {email} in once, within 15 minutes:", markup=False)
    _out.print(made.url, markup=False)


@app.command()
def token(
    email: Annotated[str, typer.Argument(help="Whose.")],
    name: Annotated[str, typer.Option(help="What it is for.")] = "command line",
    data: Data = None,
) -> None:
    """Make a token for a user and print it, once."""
    from local import people

    with explained():
        issued = asyncio.run(people.issue(_settings(data), email, name))
    _err.print("This token is shown only now:")
    _out.print(issued, markup=False)


@policy_app.command("check")
def policy_check(file: Annotated[Path, typer.Argument(help="Policy file.")]) -> None:
    """Say what is wrong with a policy file by name and line, or what it amounts to."""
    from datetime import UTC, datetime

    from models.policy import PolicyError, load_policy

    try:
        policy = load_policy(file, today=datetime.now(UTC).date())
    except PolicyError as err:
        for problem in err.problems:
            _err.print(problem, markup=False)
        raise typer.Exit(1) from None
    from local.summary import rules

    _out.print(rules(policy))
    _out.print(f"{file} is a valid policy.", markup=False)


@db_app.command("migrate")
def db_migrate(data: Data = None) -> None:
    """Bring the database's tables up to date; does nothing to one that is."""
    from models.migrations import migrate

    with explained():
        migrate(_settings(data).sqlalchemy_url)
    _out.print("The database is up to date.")


@temporal_app.command("register")
def temporal_register(data: Data = None) -> None:
    """Make Temporal know the search attributes by which leads are found; does nothing where it does."""
    import os

    from local.folder import use_running
    from workflows.attributes import register
    from workflows.client import connect

    async def run() -> None:
        await register(await connect())

    with explained():
        if data is not None or not os.environ.get("TEMPORAL_ADDRESS"):
            use_running(data)
        asyncio.run(run())
    _out.print("Temporal knows the search attributes.")


@app.command("settings")
def settings_() -> None:
    """List every setting: its name in the environment, its default and what it means."""
    from local.summary import settings_table

    _out.print(settings_table())


@app.command()
def version() -> None:
    """Print the version."""
    from importlib.metadata import version

    _out.print(version("twoway"))


def _settings(data: Path | None) -> "Settings":
    """The settings of what `--data` names, or the environment's.

    Raises:
        Trouble: when they name no database.
    """
    from local.folder import use_running
    from models.settings import Settings

    use_running(data)
    settings = Settings()
    try:
        settings.sqlalchemy_url  # noqa: B018 - read for its errors
    except ValueError as err:
        raise Trouble(str(err)) from None
    return settings


@contextmanager
def explained() -> Iterator[None]:
    """Turn what may well go wrong into a sentence.

    Raises:
        Trouble: with that sentence.
    """
    from pydantic import ValidationError
    from sqlalchemy.exc import SQLAlchemyError
    from temporalio.service import RPCError

    from api.errors import Problem

    try:
        yield
    except Problem as err:
        raise Trouble(err.detail or err.title) from None
    except ValidationError as err:
        lines = (f"{'.'.join(map(str, each['loc']))}: {each['msg'].removeprefix('Value error, ')}" for each in err.errors())
        raise Trouble("; ".join(lines)) from None
    except SQLAlchemyError as err:
        reason = str(getattr(err, "orig", None) or err).partition("\n")[0]
        raise Trouble(f"The database does not do its part: {reason}. `twoway doctor` says more.") from None
    except (RPCError, RuntimeError) as err:
        reason = str(err).partition("\n")[0]
        raise Trouble(f"Temporal does not do its part: {reason}. `twoway doctor` says more.") from None


def main() -> None:
    """Run the command line. Exit code 1 for what went wrong, 2 for what was asked wrongly."""
    code: int | str | None = 0
    try:
        app()
    except Trouble as trouble:
        _err.print(str(trouble), markup=False)
        code = trouble.exit_code
    except SystemExit as end:
        code = end.code
    if "temporalio" in sys.modules:
        time.sleep(0.05)  # its threads may abort the interpreter's exit unless they get it once more (sdk-python issue 300)
    sys.exit(code)


if __name__ == "__main__":
    main()
