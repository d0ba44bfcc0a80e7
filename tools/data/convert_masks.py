"""Convert official masks to those that the published lists name.

  python tools/data/convert_masks.py pascal --sbd benchmark_RELEASE/dataset
  python tools/data/convert_masks.py cityscapes
  python tools/data/convert_masks.py coco [--source panoptic]
  python tools/data/convert_masks.py ade20k

ADE20K needs no conversion; its masks are only checked. Existing masks are
kept, so an interrupted run can be repeated. docs/data.md says what to download
and where to put it.
"""

import argparse
import os
import sys
from pathlib import Path

from mmsemi.preparation.converters import (
    check_ade20k,
    check_lists,
    convert_cityscapes,
    convert_coco,
    convert_pascal,
)
from mmsemi.utils.files import data_folder


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        '--data-root',
        type=Path,
        help='folder of the data set (default: DATASET in $MMSEMI_DATA or data)',
    )
    shared.add_argument(
        '--workers',
        type=int,
        default=os.cpu_count() or 1,
        help='number of processes (%(default)s)',
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
    args = parser.parse_args()
    if args.data_root is None:
        args.data_root = data_folder() / args.dataset
    return args


def main() -> int:
    """Run the command; return its exit status."""
    args = parse_args()
    try:
        if args.dataset == 'pascal':
            convert_pascal(args.data_root, args.sbd, args.workers)
        elif args.dataset == 'cityscapes':
            convert_cityscapes(args.data_root, args.workers)
        elif args.dataset == 'coco':
            convert_coco(args.data_root, args.source, args.workers)
        else:
            check_ade20k(args.data_root, args.workers)
        print(check_lists(args.dataset, args.data_root))
    except (ImportError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
