"""Turn a function into a command line, for ``mmsemi`` and for ``tools/``.

typer reads the names, types and help texts of the arguments from the function's
signature.  :class:`Tool` adds what argparse can and typer cannot: options that
take several words, options whose value may be left out, and the abbreviation of
long options.

No module of ``mmsemi.commands`` imports torch or mmengine outside functions, so
that ``--help`` and the completion of a shell answer at once.
"""

import os
import re
import sys
import textwrap
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperCommand, TyperGroup

from mmsemi.utils.cli import prints_errors
from mmsemi.utils.invocation import command as named
from mmsemi.utils.shipped import config_names

if TYPE_CHECKING:
    from mmengine.config import Config


def complete_config(incomplete: str) -> list[str]:
    """Complete the name of a shipped config."""
    return [name for name in config_names() if name.startswith(incomplete)]


# Arguments and options that several commands have.
ConfigFile = Annotated[
    str,
    typer.Argument(
        help='config file, or name of a shipped config such as `rankmatch/pascal_1-16`',
        autocompletion=complete_config,
        show_default=False,
    ),
]
OptionalConfigFile = Annotated[
    str | None,
    typer.Argument(
        help='config file, or name of a shipped config',
        autocompletion=complete_config,
        show_default=False,
    ),
]
Checkpoint = Annotated[str, typer.Argument(help='checkpoint file')]
Device = Annotated[
    str | None, typer.Option(help='defaults to the GPU if there is one, else the CPU')
]
CfgOptions = Annotated[
    list[str] | None,
    typer.Option(
        metavar='KEY=VALUE ...',
        help='settings that override the config, with dots in KEY; lists as '
        'KEY="[a,b]" or KEY=a,b. `data_root=FOLDER` moves all data sets of the config.',
    ),
]
Amp = Annotated[
    bool, typer.Option('--amp', help='mixed precision: faster; a few pixels may differ')
]
Launcher = Annotated[
    Literal['none', 'pytorch', 'slurm', 'mpi'], typer.Option(help='job launcher')
]
TrustCheckpoint = Annotated[
    bool,
    typer.Option(
        '--trust-checkpoint',
        help='load checkpoints that contain more than tensors, numbers and text; '
        'they can run any code, so use this for your own files only',
    ),
]
Workers = Annotated[int, typer.Option(help='number of processes that read files')]
CORES = os.cpu_count() or 1
EXAMPLES = re.compile(r'^ {4}\S.*(?:\n(?: {4}.*)?)*$', re.M)


def _set_local_rank(rank: int | None) -> None:
    # torch.distributed.launch passes --local-rank, torchrun the variable.
    if rank is not None:
        os.environ.setdefault('LOCAL_RANK', str(rank))


LocalRank = Annotated[
    int | None,
    typer.Option('--local-rank', '--local_rank', hidden=True, callback=_set_local_rank),
]
Traceback = Annotated[
    bool, typer.Option('--traceback', help='show where in the code an error was raised')
]


def load(
    config: str,
    cfg_options: Sequence[str] | None = None,
    launcher: str = 'none',
    trust_checkpoint: bool = False,
    work_dir: str | None = None,
) -> 'Config':
    """Read a config as all commands do: see :func:`mmsemi.utils.config.load_config`.

    Raises:
        BadParameter: A setting is not of the form KEY=VALUE.
    """
    from argparse import Namespace

    from mmsemi.utils.config import load_config, parse_options

    try:
        options = parse_options(cfg_options or ())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint='--cfg-options') from error
    return load_config(
        Namespace(
            config=config,
            cfg_options=options,
            launcher=launcher,
            trust_checkpoint=trust_checkpoint,
            work_dir=work_dir,
            local_rank=os.environ.get('LOCAL_RANK', 0),
        )
    )


class Tool(TyperCommand):
    """A command whose options may take several words, as argparse's ``nargs``.

    An option of the type ``list`` takes all words up to the next option, one
    whose ``metavar`` is in brackets may stand alone, for which its function gets
    ``auto``.  As with argparse, a long option may be abbreviated.
    """

    def get_params(self, ctx: typer.Context) -> list:
        """Return the parameters; the help shows no type beside a flag."""
        return without_types_of_flags(super().get_params(ctx))

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:
        """Parse command line arguments; the result is in the context."""
        try:
            args = spread(self.get_params(ctx), args)
        except ValueError as error:
            ctx.fail(str(error))
        return super().parse_args(ctx, args)


class Group(TyperGroup):
    """The command that holds all others."""

    def get_params(self, ctx: typer.Context) -> list:
        """Return the parameters; the help shows no type beside a flag."""
        return without_types_of_flags(super().get_params(ctx))


def without_types_of_flags(params: list) -> list:
    """Leave out typer's ``<bool>`` in the help of flags."""
    for param in params:
        if getattr(param, 'is_flag', False):
            param.metavar = ''
    return params


def spread(params: Iterable, args: Sequence[str]) -> list[str]:
    """Rewrite a command line such that every option is followed by one value.

    Args:
        params (Iterable): typer's parameters of the command.
        args (Sequence[str]): The words of the command line.

    Raises:
        ValueError: An option lacks its value.
    """
    options = {
        name: param
        for param in params
        if param.param_type_name == 'option'
        for name in (*param.opts, *param.secondary_opts)
    }
    done: list[str] = []
    left = deque(args)

    def is_value() -> bool:
        return bool(left) and not is_option(left[0])

    while left:
        word = left.popleft()
        if word == '--':
            return [*done, word, *left]
        name, has_value, value = word.partition('=')
        name = _whole_name(name, options)
        option = options.get(name)
        if option is None or option.is_flag or option.count or has_value:
            done.append(name + has_value + value)
        elif (option.metavar or '').startswith('['):
            done.append(f'{name}={left.popleft() if is_value() else "auto"}')
        elif not is_value():
            raise ValueError(f'Option {name} lacks its value.')
        elif option.multiple:
            while is_value():
                done.append(f'{name}={left.popleft()}')
        else:
            done.append(name)
            for _ in range(option.nargs):
                if left:
                    done.append(left.popleft())
    return done


def is_option(word: str) -> bool:
    """Tell options from values, as argparse does: ``-1`` and ``-`` are values."""
    if len(word) < 2 or not word.startswith('-') or ' ' in word:
        return False
    try:
        float(word)
    except ValueError:
        return True
    return False


def _whole_name(name: str, options: dict[str, Any]) -> str:
    """Complete an abbreviated long option, if only one begins like it."""
    if name in options or not name.startswith('--') or name == '--':
        return name
    found = {id(p): known for known, p in options.items() if known.startswith(name)}
    return next(iter(found.values())) if len(found) == 1 else name


def add_command(
    app: typer.Typer,
    function: Callable,
    name: str | None = None,
    help: str | None = None,
    panel: str | None = None,
) -> None:
    """Add a function to an app; its help is the docstring of its module.

    Indented lines of it are examples.
    """
    text = help or sys.modules[function.__module__].__doc__ or ''
    app.command(name, cls=Tool, help=with_examples(text), rich_help_panel=panel)(
        function
    )


def with_examples(text: str) -> str:
    """Mark indented lines as code, so that the help keeps them as they are.

    In them, ``mmsemi NAME`` is replaced by what the user of a script types.
    """

    def code(match: re.Match) -> str:
        lines = textwrap.dedent(match[0]).rstrip()
        lines = re.sub(r'^mmsemi (\S+)', lambda m: named(m[1]), lines, flags=re.M)
        return f'```text\n{lines}\n```'

    return EXAMPLES.sub(code, text)


def run_app(app: typer.Typer, name: str | None = None) -> int | None:
    """Run the command line of a process; return its exit status.

    Errors of the command pass through, for :func:`mmsemi.utils.cli.run_tool`.

    Raises:
        SystemExit: The command line is wrong: a message, and status 2.
    """
    name = name or Path(sys.argv[0]).name
    try:
        return typer.main.get_command(app).main(prog_name=name, standalone_mode=False)
    except typer.TyperException as error:
        context = getattr(error, 'ctx', None)
        message = error.format_message()
        if not prints_errors(message):
            sys.exit(2)
        if message and context is not None:
            print(context.get_usage(), file=sys.stderr)
        if message:  # none if the help was shown instead
            print(f'{name}: error: {message}', file=sys.stderr, flush=True)
        sys.exit(2)


def as_main(command: Callable | typer.Typer) -> Callable[[], int | None]:
    """Make the ``main`` of a script in ``tools/`` from a command."""

    def main() -> int | None:
        if isinstance(command, typer.Typer):
            return run_app(command)
        app = new_app()
        add_command(app, command)
        return run_app(app)

    return main


def new_app(add_completion: bool = False, **options: Any) -> typer.Typer:
    """Create an app whose help texts are Markdown.

    Args:
        add_completion (bool): Add options that let a shell complete its words.
            Defaults to False.
        **options: As in ``typer.Typer``.
    """
    return typer.Typer(
        cls=Group,
        rich_markup_mode='markdown',
        pretty_exceptions_enable=False,
        add_completion=add_completion,
        context_settings=dict(help_option_names=['-h', '--help']),
        **options,
    )
