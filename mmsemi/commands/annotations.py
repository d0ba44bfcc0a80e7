"""The options about annotation files, which two commands share."""

from pathlib import Path
from typing import Annotated, Literal

import typer

PANEL = 'Annotation files'
ANNOTATIONS = (
    'COCO, LabelMe or Label Studio JSON, "CVAT for images" XML, or a folder of such '
    'files'
)
OUTSIDE = 'class of the pixels outside every annotation, or `ignore`'

Annotations = Annotated[
    Path, typer.Option(help=ANNOTATIONS, rich_help_panel=PANEL, show_default=False)
]
Outside = Annotated[str, typer.Option(help=OUTSIDE, rich_help_panel=PANEL)]
OptionalAnnotations = Annotated[
    Path | None, typer.Option(help=ANNOTATIONS, rich_help_panel=PANEL)
]
OptionalOutside = Annotated[
    str | None, typer.Option(help=OUTSIDE, rich_help_panel=PANEL)
]
OnTop = Annotated[
    Literal['later', 'smaller'],
    typer.Option(
        help='which of two annotations that overlap covers the other; CVAT has a z '
        'order, which counts as later',
        rich_help_panel=PANEL,
    ),
]
KeepEmpty = Annotated[
    bool,
    typer.Option(
        '--keep-empty',
        help='give images without any annotation a mask of --outside; by default '
        'they count as not annotated yet and get no mask',
        rich_help_panel=PANEL,
    ),
]
SkipUnusable = Annotated[
    bool,
    typer.Option(
        '--skip-unusable',
        help='leave out what cannot be used, instead of stopping',
        rich_help_panel=PANEL,
    ),
]
