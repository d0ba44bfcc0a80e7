"""Make the masks that the published lists name, or masks from annotation files.

For example,

    mmsemi convert-masks pascal --sbd benchmark_RELEASE/dataset
    mmsemi convert-masks cityscapes
    mmsemi convert-masks coco --source panoptic
    mmsemi convert-masks ade20k
    mmsemi convert-masks own --annotations export.json
        --images photos --out masks --outside background

ADE20K needs no conversion; its masks are only checked. Existing masks are
kept, so an interrupted run can be repeated. docs/data.md says what to download
and where to put it, docs/own_data.md which annotation files are read.
"""

from inspect import getdoc
from pathlib import Path
from typing import Annotated, Literal

import typer

from mmsemi.utils.invocation import command

from .annotations import Annotations, KeepEmpty, OnTop, Outside, SkipUnusable
from .shared import CORES, Traceback, Workers, add_command, new_app, with_examples

DataRoot = Annotated[
    Path | None,
    typer.Option(
        help='folder of the data set (default: DATASET in $MMSEMI_DATA or data)'
    ),
]


def pascal(
    sbd: Annotated[str, typer.Option(help='folder `dataset` of SBD')],
    data_root: DataRoot = None,
    workers: Workers = CORES,
    traceback: Traceback = False,
) -> None:
    """Add SBD's masks to those of VOC.

    For example,

        mmsemi convert-masks pascal --sbd benchmark_RELEASE/dataset
    """
    from mmsemi.preparation.converters import convert_pascal

    root = _root('pascal', data_root)
    convert_pascal(root, sbd, workers)
    _report('pascal', root)


def cityscapes(
    data_root: DataRoot = None, workers: Workers = CORES, traceback: Traceback = False
) -> None:
    """Convert labelIds to labelTrainIds.

    For example,

        mmsemi convert-masks cityscapes
    """
    from mmsemi.preparation.converters import convert_cityscapes

    root = _root('cityscapes', data_root)
    convert_cityscapes(root, workers)
    _report('cityscapes', root)


def coco(
    source: Annotated[
        Literal['instances', 'panoptic'], typer.Option(help='annotations to use')
    ] = 'instances',
    data_root: DataRoot = None,
    workers: Workers = CORES,
    traceback: Traceback = False,
) -> None:
    """Convert annotations to background and 80 things.

    For example,

        mmsemi convert-masks coco --source panoptic
    """
    from mmsemi.preparation.converters import convert_coco

    root = _root('coco', data_root)
    convert_coco(root, source, workers)
    _report('coco', root)


def ade20k(
    data_root: DataRoot = None, workers: Workers = CORES, traceback: Traceback = False
) -> None:
    """Check the official masks.

    For example,

        mmsemi convert-masks ade20k
    """
    from mmsemi.preparation.converters import check_ade20k

    root = _root('ade20k', data_root)
    check_ade20k(root, workers)
    _report('ade20k', root)


def own(
    annotations: Annotations,
    images: Annotated[Path, typer.Option(help='folder of images')],
    out: Annotated[Path, typer.Option(help='folder for the masks')],
    outside: Outside,
    classes: Annotated[
        Path | None,
        typer.Option(
            help='text file with a line "NAME" or "NAME: LABEL, LABEL" per class '
            '(default: all labels)'
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option('--force', help='replace masks in --out')
    ] = False,
    on_top: OnTop = 'later',
    keep_empty: KeepEmpty = False,
    skip_unusable: SkipUnusable = False,
    workers: Workers = CORES,
    traceback: Traceback = False,
) -> None:
    """Write the masks of your annotation files, and name the next command.

    For example,

        mmsemi convert-masks own --annotations export.json
            --images photos --out masks --outside background
    """
    from mmsemi.preparation.own.annotated import CLASSES, write_masks

    said = write_masks(
        annotations,
        images,
        out,
        outside,
        classes,
        on_top == 'smaller',
        keep_empty,
        skip_unusable,
        force,
        workers,
    )
    print(
        f'{said}\nNext:\n  {command("init")} --images {images} '
        f'--masks {out} --classes {out / CLASSES} --partial --out configs/my'
    )


def _root(dataset: str, data_root: Path | None) -> Path:
    from mmsemi.utils.files import data_folder

    return data_root or data_folder() / dataset


def _report(dataset: str, root: Path) -> None:
    from mmsemi.preparation.converters import check_lists

    print(check_lists(dataset, root))


convert_masks = new_app(help=with_examples(__doc__), no_args_is_help=True)
for function in (pascal, cityscapes, coco, ade20k, own):
    add_command(convert_masks, function, help=getdoc(function))
