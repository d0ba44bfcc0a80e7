"""Segment an image, a video, a camera, or all images of a folder.

For example,

    mmsemi predict photos/ my.py best.pth --out-dir results
    mmsemi predict photos/ my.py best.pth --out-dir results --legend --save-confidence
    mmsemi predict drive.mp4 my.py best.pth --save-video segmented.mp4
    mmsemi predict map.tif my.py best.pth --out-dir results --tile 1024
    mmsemi predict train.txt my.py best.pth --out-dir labels --save-list labels.txt

The first writes class indices to `results/masks`, the same in color to
`results/colors` and over the image to `results/overlays`.  What is there already,
from the same network, options and image, is not predicted again.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .processes import several_processes
from .shared import (
    Amp,
    CfgOptions,
    Checkpoint,
    ConfigFile,
    Device,
    Launcher,
    LocalRank,
    Traceback,
    TrustCheckpoint,
    load,
)

if TYPE_CHECKING:
    from mmengine.config import Config

# Number of this process, and of all, in the environment that a launcher sets.
PLACES = dict(
    pytorch=('RANK', 'WORLD_SIZE'),
    slurm=('SLURM_PROCID', 'SLURM_NTASKS'),
    mpi=('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE'),
)


@several_processes(gpu_each=False)
def predict(
    images: Annotated[
        str,
        typer.Argument(
            help='image, video, folder of images, list of images (.txt), or number of '
            'a camera'
        ),
    ],
    config: ConfigFile,
    checkpoint: Checkpoint,
    out_dir: Annotated[
        Path | None, typer.Option(help='folder for the results of every image')
    ] = None,
    legend: Annotated[
        bool,
        typer.Option(
            '--legend',
            help='also write `pictures`: over the image, above the names of the '
            'classes; in a video, draw the names over the bottom',
        ),
    ] = False,
    save_confidence: Annotated[
        bool,
        typer.Option(
            '--save-confidence',
            help='also write `confidence`: gray PNG, 255 is the probability 1',
        ),
    ] = False,
    save_probabilities: Annotated[
        bool,
        typer.Option(
            '--save-probabilities',
            help='also write `probabilities`: npz of float16 (classes, height, width)',
        ),
    ] = False,
    no_colors: Annotated[
        bool, typer.Option('--no-colors', help='write neither `colors` nor `overlays`')
    ] = False,
    save_list: Annotated[
        Path | None,
        typer.Option(help='list of images and masks to write, for a training'),
    ] = None,
    ignore_below: Annotated[
        float | None,
        typer.Option(
            help='confidence below which a pixel of a mask becomes 255, which no '
            'training learns from',
            min=0,
            max=1,
        ),
    ] = None,
    save_video: Annotated[
        Path | None,
        typer.Option(help='video to write: .mp4, .avi, .mkv, .mov or .webm'),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(help="of the video (default: the source's, or 25)", min=0.01),
    ] = None,
    tile: Annotated[
        int | None,
        typer.Option(help='segment large images in tiles of so many pixels', min=1),
    ] = None,
    overlap: Annotated[
        int | None,
        typer.Option(help='of the tiles in pixels (default: a quarter)', min=0),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option('--overwrite', help='predict again what is there already')
    ] = False,
    opacity: Annotated[
        float, typer.Option(help='of masks over images, 0 to 1', min=0, max=1)
    ] = 0.5,
    device: Device = None,
    amp: Amp = False,
    cfg_options: CfgOptions = None,
    launcher: Launcher = 'none',
    trust_checkpoint: TrustCheckpoint = False,
    local_rank: LocalRank = None,
    traceback: Traceback = False,
) -> int:
    """Segment images into files; return 1 if some could not be read."""
    of_folder = save_confidence or save_probabilities or no_colors or save_list
    _check(out_dir, save_video, fps, tile, overlap, bool(of_folder))

    from mmsemi.apis import (
        OutputFolder,
        OutputVideo,
        Tiling,
        init_model,
        open_images,
        predict_to_files,
    )
    from mmsemi.apis.tiles import check_tiling
    from mmsemi.apis.video import check_video_name

    tiling = None
    if tile is not None:
        tiling = Tiling(tile, tile // 4 if overlap is None else overlap)
        check_tiling(tiling)
    if save_video is not None:
        check_video_name(save_video)
    cfg = load(config, cfg_options, launcher, trust_checkpoint)
    is_camera = images.isdigit() and not Path(images).exists()
    opened = open_images(int(images) if is_camera else images, _data_root(cfg))
    process, processes = _place(launcher)
    if device is None and processes > 1:
        device = _device_of_this_process()
    model = init_model(cfg, checkpoint, device)

    style = dict(model.dataset_meta, opacity=opacity, legend=legend)
    folder = video = None
    if out_dir is not None:
        folder = OutputFolder(
            out_dir,
            **style,
            confidence=save_confidence,
            probabilities=save_probabilities,
            colors=not no_colors,
        )
    if save_video is not None:
        video = OutputVideo(save_video, **style, fps=fps)
    report = predict_to_files(
        model,
        opened,
        folder,
        video,
        amp=amp,
        tiling=tiling,
        ignore_below=ignore_below,
        list_file=save_list,
        overwrite=overwrite,
        process=process,
        processes=processes,
    )
    places = [] if video is None else [str(save_video)]
    if folder is not None:
        kinds = ['masks', *(kind for kind in folder.kinds if kind != 'masks')]
        places.append(f'{out_dir} ({", ".join(kinds)})')
    if report.listed:
        places.append(f'{save_list} ({report.listed} images and their masks)')
    return report.print(' and '.join(places), process, processes)


def _check(
    out_dir: Path | None,
    save_video: Path | None,
    fps: float | None,
    tile: int | None,
    overlap: int | None,
    of_folder: bool,
) -> None:
    """Check that options do not contradict each other.

    Raises:
        BadParameter: They do.
    """
    if out_dir is None:
        if save_video is None:
            raise typer.BadParameter('name a folder: --out-dir FOLDER')
        if of_folder:
            raise typer.BadParameter(
                '--save-confidence, --save-probabilities, --save-list and --no-colors '
                'are of a folder: add --out-dir FOLDER'
            )
    if fps is not None and save_video is None:
        raise typer.BadParameter('--fps is of a video: add --save-video FILE')
    if overlap is not None and tile is None:
        raise typer.BadParameter('--overlap is of tiles: add --tile PIXELS')


def _data_root(cfg: 'Config') -> str | None:
    """Return the folder that the lists of a config are relative to."""
    for name in ('train', 'val', 'test'):
        loader = cfg.get(f'{name}_dataloader') or {}
        if root := (loader.get('dataset') or {}).get('data_root'):
            return root
    return None


def _place(launcher: str) -> tuple[int, int]:
    """Return the number of this process, and of all.

    Raises:
        ValueError: The launcher has not started this process.
    """
    if launcher == 'none':
        return 0, 1
    try:
        process, processes = (int(os.environ[name]) for name in PLACES[launcher])
    except KeyError as error:
        raise ValueError(
            f'--launcher {launcher}, but {error.args[0]} is not set: start the command '
            'with that launcher, or leave --launcher out.'
        ) from None
    return process, processes


def _device_of_this_process() -> str:
    """Return a GPU of this process's own, if there are any."""
    import torch

    count = torch.cuda.device_count()
    place = os.environ.get('LOCAL_RANK') or os.environ.get('SLURM_LOCALID') or '0'
    return f'cuda:{int(place) % count}' if count else 'cpu'
