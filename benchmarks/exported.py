"""Measure exported networks, compared with the network in PyTorch.

    OMP_NUM_THREADS=1 python benchmarks/exported.py CONFIG

exports the config's network (random weights) in each format, and segments a random
image with the network and with each file in turn, in one process: from bytes to
classes, with normalization.  ``ratio`` is the median over pairs of the network's time
over the file's, with its quartiles; ``differ`` counts pixels of another class.
"""

import statistics
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from mmengine.registry import init_default_scope

from helpers.measure import make_parser, take_turns, write_report
from mmsemi.apis.exporting import FORMATS
from mmsemi.apis.exporting.formats import Predict
from mmsemi.apis.exporting.graph import ExportedNetwork
from mmsemi.registry import MODELS
from mmsemi.utils.config import add_config_arguments, load_config


def read(name: str, file: Path, threads: int) -> Predict:
    """Read an exported file; onnxruntime may use as many threads as PyTorch."""
    if name != 'onnx':
        return FORMATS[name].read(file)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        file, options, providers=['CPUExecutionProvider']
    )
    return lambda images: session.run(None, {'images': images})[0]


def measure(
    network: ExportedNetwork, images: np.ndarray, repeats: int, folder: Path
) -> list[dict]:
    """Return one row for the network and for each format."""

    def in_pytorch(images: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return network(torch.from_numpy(images)).numpy()

    ways = dict(network=in_pytorch)
    example = torch.zeros((2, 160, 224, images.shape[3]), dtype=torch.uint8)
    for name, (_, write, _) in FORMATS.items():
        write(network, example, folder / name, {}, None)
        ways[name] = read(name, folder / name, torch.get_num_threads())
    expected = in_pytorch(images)
    differ = {name: int((way(images) != expected).sum()) for name, way in ways.items()}
    times = take_turns(
        {name: lambda way=way: way(images) for name, way in ways.items()}, repeats
    )
    rows = []
    for name, spent in times.items():
        pairs = zip(times['network'], spent, strict=True)
        low, ratio, high = statistics.quantiles(a / b for a, b in pairs)
        ms = 1e3 * statistics.median(spent)
        rows.append(
            dict(way=name, ms=ms, ratio=ratio, low=low, high=high, differ=differ[name])
        )
    return rows


def main() -> None:
    """Run the command line."""
    parser = make_parser(__doc__, repeats=15)
    parser.add_argument('config', help='config file')
    parser.add_argument('--height', type=int, default=360)
    parser.add_argument('--width', type=int, default=480)
    add_config_arguments(parser)
    args = parser.parse_args()
    cfg = load_config(args)
    init_default_scope('mmsemi')
    cfg.model.backbone.init_cfg = None
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).eval()
    resized = (model.test_cfg or {}).get('multiple') or 1
    network = ExportedNetwork(model, 'classes', resized)
    images = np.random.default_rng(0).integers(
        0, 256, (1, args.height, args.width, 3), np.uint8
    )
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(network, images, args.repeats, Path(folder))
    print(f'{"":<14} {"time":>10} {"ratio":>7} {"quartiles":>13} {"differ":>7}')
    for row in rows:
        print(
            f'{row["way"]:<14} {row["ms"]:>7.0f} ms {row["ratio"]:>6.2f}x '
            f'{row["low"]:>6.2f}-{row["high"]:.2f} {row["differ"]:>7}'
        )
    write_report(args, rows=rows)


if __name__ == '__main__':
    main()
