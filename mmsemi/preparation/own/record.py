"""Record what `init` found, so that it need not read the files again."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from mmsemi.utils.files import write_whole

from .classes import ClassTable
from .dataset_config import Images
from .strong_view import Proposal

FILE = 'preparation.json'
# The arguments that say what the files are, and how they are divided.
ARGUMENTS = (
    *('images', 'masks', 'unlabeled', 'classes', 'mask_suffix', 'image_suffix'),
    *('replace', 'partial', 'val_fraction', 'labeled_fraction', 'balanced', 'seed'),
    *('channels', 'annotations', 'outside', 'on_top', 'keep_empty', 'skip_unusable'),
)


class Record(NamedTuple):
    """What was found in a user's files, and how they were divided.

    Attributes:
        arguments (dict): Those of :data:`ARGUMENTS`, as JSON.
        root (str): Absolute path of the data root.
        pairs (list): ``[image, mask, classes]`` of the images with masks: paths
            relative to the root, and the indices of the classes that are shown.
        unlabeled (list[str]): Images without masks, or whose masks are not used.
        labeled (list[int]): Indices in ``pairs``.
        val (list[int]): Likewise.
        table (ClassTable): The classes.
        images (Images): What the images have in common.
        strong_view (Proposal): What strong views may change.
    """

    arguments: dict[str, Any]
    root: str
    pairs: list[tuple[str, str, list[int]]]
    unlabeled: list[str]
    labeled: list[int]
    val: list[int]
    table: ClassTable
    images: Images
    strong_view: Proposal

    @property
    def shown(self) -> np.ndarray:
        """(N, classes) bool: the classes that each image with a mask shows."""
        shown = np.zeros((len(self.pairs), len(self.table.names)), bool)
        for row, (_, _, classes) in zip(shown, self.pairs, strict=True):
            row[classes] = True
        return shown


def arguments_of(args: SimpleNamespace) -> dict[str, Any]:
    """Return the arguments that a record keeps, as JSON has them; paths absolute."""
    return _as_json({name: getattr(args, name) for name in ARGUMENTS})


def _as_json(values: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(values, default=os.path.abspath))


def write_record(out: Path, record: Record) -> None:
    """Write a record beside the configs."""
    fields = record._asdict()
    for name in ('table', 'images', 'strong_view'):
        fields[name] = fields[name]._asdict()
    write_whole(out / FILE, json.dumps(fields).encode())


def read_record(out: Path) -> Record | None:
    """Read the record of a folder; None if it has none.

    Raises:
        ValueError: It is damaged, or of another version.
    """
    file = out / FILE
    if not file.is_file():
        return None
    try:
        fields = json.loads(file.read_text())
        table = fields['table']
        table['names'] = tuple(table['names'])
        table['codes'] = tuple(_codes(codes) for codes in table['codes'])
        table['ignore'] = _codes(table['ignore'])
        kinds = dict(table=ClassTable, images=Images, strong_view=Proposal)
        for name, kind in kinds.items():
            fields[name] = kind(**fields[name])
        return Record(**fields)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f'{file} cannot be read ({error!r}). Name --images, --masks and --classes '
            'again, with --force.'
        ) from error


def _codes(codes: Sequence) -> tuple:
    """Restore numbers and RGB triples."""
    return tuple(tuple(code) if isinstance(code, list) else code for code in codes)


def refuse_others(
    out: Path, record: Record, args: SimpleNamespace, defaults: dict[str, Any]
) -> None:
    """Refuse arguments that differ from those of a record.

    Args:
        out (Path): Folder of the record.
        record (Record): What was prepared.
        args (SimpleNamespace): The arguments of this call.
        defaults (dict): Their values if the user gives none.

    Raises:
        FileExistsError: The user names other files, or another division.
    """
    given = arguments_of(args)
    default = _as_json({name: defaults.get(name) for name in ARGUMENTS})
    for name, value in given.items():
        was = record.arguments[name]
        if value != default.get(name) and value != was:
            option = f'--{name.replace("_", "-")}'
            raise FileExistsError(
                f'{out} already holds lists, made with {option} {was}, not {value}. '
                f'Leave {option} out to use them, give another --out, or --force to '
                'read all files and write over them.'
            )
