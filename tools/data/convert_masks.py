"""Make the masks that the published lists name, or masks from annotation files.

  python tools/data/convert_masks.py pascal --sbd benchmark_RELEASE/dataset
  python tools/data/convert_masks.py cityscapes
  python tools/data/convert_masks.py coco [--source panoptic]
  python tools/data/convert_masks.py ade20k
  python tools/data/convert_masks.py own --annotations export.json
      --images photos --out masks --outside background

ADE20K needs no conversion; its masks are only checked. Existing masks are
kept, so an interrupted run can be repeated. docs/data.md says what to download
and where to put it, docs/own_data.md which annotation files are read.
"""

import argparse
import os
from pathlib import Path

from mmsemi.preparation.converters import (
    check_ade20k,
    check_lists,
    convert_cityscapes,
    convert_coco,
    convert_pascal,
)
from mmsemi.preparation.own.annotated import (
    CLASSES,
    add_annotation_arguments,
    write_masks,
)
from mmsemi.utils.cli import add_traceback_argument, run_tool
from mmsemi.utils.files import data_folder


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parallel = argparse.ArgumentParser(add_help=False)
    parallel.add_argument(
        '--workers',
        type=int,
        default=os.cpu_count() or 1,
        help='number of processes (%(default)s)',
    )
    add_traceback_argument(parallel)
    shared = argparse.ArgumentParser(add_help=False, parents=[parallel])
    shared.add_argument(
        '--data-root',
        type=Path,
        help='folder of the data set (default: DATASET in $MMSEMI_DATA or data)',
    )
    datasets = parser.add_subparsers(dest='dataset', required=True, metavar='DATASET')
    pascal = datasets.add_parser(
        'pascal', parents=[shared], help="add SBD's masks to those of VOC"
    )
    pascal.add_argument('--sbd', required=True, help='folder `dataset` of SBD')
    datasets.add_parser(
        'cityscapes', parents=[shared], help='labelIds to labelTrainIds'
    )
    coco = datasets.add_parser(
        'coco', parents=[shared], help='annotations to background and 80 things'
    )
    coco.add_argument(
        '--source',
        choices=['instances', 'panoptic'],
        default='instances',
        help='annotations to use (%(default)s)',
    )
    datasets.add_parser('ade20k', parents=[shared], help='check the official masks')
    own = datasets.add_parser(
        'own', parents=[parallel], help='your annotation files to masks'
    )
    own.add_argument('--images', type=Path, required=True, help='folder of images')
    own.add_argument('--out', type=Path, required=True, help='folder for the masks')
    own.add_argument(
        '--classes',
        type=Path,
        help='text file with a line "NAME" or "NAME: LABEL, LABEL" per class '
        '(default: all labels)',
    )
    own.add_argument('--force', action='store_true', help='replace masks in --out')
    add_annotation_arguments(own, needed=True)
    args = parser.parse_args()
    if args.dataset != 'own' and args.data_root is None:
        args.data_root = data_folder() / args.dataset
    return args


def convert_own(args: argparse.Namespace) -> str:
    """Write the masks of annotation files; return a report and the next command."""
    said = write_masks(
        args.annotations,
        args.images,
        args.out,
        args.outside,
        args.classes,
        args.on_top == 'smaller',
        args.keep_empty,
        args.skip_unusable,
        args.force,
        args.workers,
    )
    return (
        f'{said}\nNext:\n  python tools/data/init_dataset.py --images {args.images} '
        f'--masks {args.out} --classes {args.out / CLASSES} --partial --out configs/my'
    )


def main() -> int:
    """Run the command; return its exit status."""
    args = parse_args()
    if args.dataset == 'own':
        print(convert_own(args))
        return 0
    if args.dataset == 'pascal':
        convert_pascal(args.data_root, args.sbd, args.workers)
    elif args.dataset == 'cityscapes':
        convert_cityscapes(args.data_root, args.workers)
    elif args.dataset == 'coco':
        convert_coco(args.data_root, args.source, args.workers)
    else:
        check_ade20k(args.data_root, args.workers)
    print(check_lists(args.dataset, args.data_root))
    return 0


if __name__ == '__main__':
    run_tool(main)
