"""Pack the files of lists into a few tar files (WebDataset's shards), with an index.

For example,

    mmsemi shard splits/1_8/labeled.txt splits/train.txt splits/val.txt
        --data-root data/camvid --out data/camvid_shards
    mmsemi train unimatch/camvid_1-8_r18
        --cfg-options data_root=data/camvid_shards/index.shards
    mmsemi shard --index s3://bucket/photos

The first writes images, masks and the lists themselves, under the names that they
have; the second trains on them. The third writes the index of shards that exist
already, whose files lists then name as the shards do.
"""

from typing import Annotated

import typer

from .shared import CORES, Traceback, Workers


def shard(
    lists: Annotated[
        list[str] | None,
        typer.Argument(help='lists of "IMAGE MASK" lines, relative to --data-root'),
    ] = None,
    data_root: Annotated[
        str | None, typer.Option(help='folder of the data set, or its address')
    ] = None,
    out: Annotated[
        str | None, typer.Option(help='folder for shards and index, or its address')
    ] = None,
    shard_gb: Annotated[
        float, typer.Option(help='size after which a shard is full, in GB', min=1e-6)
    ] = 1,
    index: Annotated[
        str | None,
        typer.Option(metavar='FOLDER', help='index the tar files there instead'),
    ] = None,
    workers: Workers = CORES,
    traceback: Traceback = False,
) -> None:
    """Write shards and their index, or the index alone."""
    if index and (lists or data_root or out):
        raise typer.BadParameter('--index takes no lists, --data-root or --out')
    if not index and not (lists and data_root and out):
        raise typer.BadParameter('name lists, --data-root and --out; or --index FOLDER')

    from mmsemi.preparation.shards import index_shards, write_shards
    from mmsemi.utils.storage import INDEX

    if index:
        files, shards = index_shards(index, workers)
    else:
        files, shards = write_shards(lists, data_root, out, shard_gb * 1e9)
    place = (index or out).rstrip('/')
    print(f'{files} files in {shards} shards: data_root={place}/{INDEX}')
