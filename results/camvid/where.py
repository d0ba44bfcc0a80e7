"""Score finished cells of the sweep on chosen images, with pixel accuracy.

``python results/camvid/where.py LIST CELL ...`` evaluates the last checkpoint
of each cell, a folder as ``work_dirs/sweep/camvid/FixMatch/8/seed1``, on the
images of LIST (``splits/val.txt``, or ``splits/8/unlabeled.txt``, whose masks
no training saw) and prints mIoU, pixel accuracy and the IoU of each class.
"""

import sys
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from mmsemi.registry import MODELS
from mmsemi.utils.checkpoint import read_checkpoint, unwrap

CONFIG = Path(__file__).with_name('supervised.py')


@torch.no_grad()
def main() -> None:
    """Print a line for each cell."""
    cfg = Config.fromfile(CONFIG)
    init_default_scope('mmsemi')
    cfg.val_dataloader.dataset.ann_file = sys.argv[1]
    cfg.model.backbone.init_cfg = None
    cfg.model.type = 'Supervised'
    loader = Runner.build_dataloader(cfg.val_dataloader)
    model = MODELS.build(cfg.model).eval().to(memory_format=torch.channels_last)
    classes = cfg.metainfo.classes
    print('cell,miou,accuracy,' + ','.join(classes))
    for cell in sys.argv[2:]:
        last = (Path(cell) / 'last_checkpoint').read_text().strip()
        model.load_state_dict(unwrap(read_checkpoint(last)))
        counts = torch.zeros(len(classes), len(classes))
        for batch in loader:
            data = model.data_preprocessor(batch)
            label = model.logits(data['inputs']).argmax(1)
            mask = data['data_samples'][0].gt_sem_seg.data
            known = mask < len(classes)
            pairs = mask[known] * len(classes) + label[known]
            counts += torch.bincount(pairs, minlength=counts.numel()).view_as(counts)
        right = counts.diagonal()
        iou = 100 * right / (counts.sum(0) + counts.sum(1) - right)
        scores = [iou.mean(), 100 * right.sum() / counts.sum(), *iou]
        name = '/'.join(Path(cell).parts[-3:])
        print(name + ''.join(f',{score:.2f}' for score in scores), flush=True)


if __name__ == '__main__':
    main()
