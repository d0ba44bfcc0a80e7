"""Fetch the published lists of a data set, or make your own.

The lists come from their authors' repositories:

  pascal, cityscapes, coco   https://github.com/LiheYoung/UniMatch (MIT)
  ade20k                     https://github.com/google-research/semivl
                             (Apache-2.0)

by download, or from a copy of the repository on this machine (--from). The
SHA-256 of every list is compared with that of the published one. Unlabeled
lists are not needed: they are the train list minus the labeled one.

  python tools/data/prepare_splits.py pascal
  python tools/data/prepare_splits.py pascal --from UniMatch/
  python tools/data/prepare_splits.py camvid --generate 0 --parts 4 8 16

--generate SEED makes lists from the train list and the masks of any data set,
nested and balanced over the classes, as splits/seedSEED_1_PART.txt.
"""

import argparse
import os
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from mmsemi.preparation.splits.balanced import generate_lists
from mmsemi.preparation.splits.published import fetch_lists, folder_reader, url_reader
from mmsemi.preparation.splits.table import PUBLISHED
from mmsemi.utils.cli import add_traceback_argument, run_tool
from mmsemi.utils.files import data_folder


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        'dataset', help=f'{", ".join(PUBLISHED)}; with --generate, any folder of data'
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        '--from',
        dest='folder',
        metavar='DIR',
        help='a copy of the repository, or a folder of LIST.txt files',
    )
    source.add_argument(
        '--url',
        metavar='BASE',
        help="address to download from (default: the authors' repository)",
    )
    source.add_argument(
        '--generate', type=int, metavar='SEED', help='make lists instead of fetching'
    )
    parser.add_argument(
        '--data-root',
        type=Path,
        help='folder of the data set (default: DATASET in $MMSEMI_DATA or data)',
    )
    parser.add_argument(
        '--train-list',
        help='list to generate from (default: the published train list, or '
        'splits/train.txt)',
    )
    parser.add_argument(
        '--parts',
        type=int,
        nargs='+',
        default=[16, 8, 4, 2],
        metavar='N',
        help='with --generate: one list of 1/N of the images each (%(default)s)',
    )
    parser.add_argument(
        '--workers',
        type=int,
        default=os.cpu_count() or 1,
        help='number of processes that read masks (%(default)s)',
    )
    add_traceback_argument(parser)
    args = parser.parse_args()
    if args.generate is None and args.dataset not in PUBLISHED:
        parser.error(
            f'no lists are published for {args.dataset!r}: choose '
            f'{", ".join(PUBLISHED)}, or make some with --generate'
        )
    if args.data_root is None:
        args.data_root = data_folder() / args.dataset
    return args


def fetch(args: argparse.Namespace) -> int:
    """Fetch the published lists; return 1 if some are missing."""
    published = PUBLISHED[args.dataset]
    if args.folder:
        source, read = args.folder, folder_reader(args.folder)
    else:
        source = args.url or published.url
        read = url_reader(source)
    print(
        f'{args.dataset} lists of {published.repository} '
        f'({published.licence}), from {source}'
    )
    reports = fetch_lists(args.dataset, read, source, args.data_root)
    table = Table('list', 'images', 'state')
    for report in reports:
        table.add_row(report.name, str(report.lines or '-'), report.state)
    Console().print(table)
    failed = [report for report in reports if report.error]
    print(
        f'{len(reports) - len(failed)} of {len(reports)} lists are in '
        f'{args.data_root / "splits"}.'
    )
    for report in failed:
        print(f'{report.name}: {report.error}', file=sys.stderr)
    return 1 if failed else 0


def generate(args: argparse.Namespace) -> int:
    """Write balanced lists and show how often they show each class."""
    published = PUBLISHED.get(args.dataset)
    train = args.train_list or f'splits/{published.train if published else "train"}.txt'
    # ADE20K's masks number the classes from 1; 0 is no class.
    lists = generate_lists(
        args.data_root,
        train,
        args.parts,
        args.generate,
        args.dataset == 'ade20k',
        args.workers,
    )
    table = Table('list', 'images', 'rarest class shown by', 'classes absent')
    for name, counts in lists.items():
        images = (args.data_root / name).read_text().count('\n')
        table.add_row(
            name,
            str(images),
            f'{min(counts)} images',
            f'{counts.count(0)} of {len(counts)}',
        )
    Console().print(table)
    print(f'The lists are in {args.data_root}; name one as `labeled_list` of a config.')
    return 0


def main() -> int:
    """Run the command; return its exit status."""
    args = parse_args()
    return fetch(args) if args.generate is None else generate(args)


if __name__ == '__main__':
    run_tool(main)
