"""What a network's pseudo-labels are worth, class by class.

``python results/screening/labels.py CONFIG CHECKPOINT [KEY=VALUE ...]`` labels
the images of ``unlabeled.txt`` with the network in eval mode, and prints for
each class and threshold which share of its pixels is labeled rightly and
confidently (recall), and which share of the confident labels is right
(precision).  The masks of these images are read for this alone.
"""

import sys

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from mmsemi.registry import MODELS
from mmsemi.utils.checkpoint import read_checkpoint, unwrap

THRESHOLDS = (0.0, 0.7, 0.95)


@torch.no_grad()
def main() -> None:
    cfg = Config.fromfile(sys.argv[1])
    cfg.merge_from_dict(dict(option.split('=', 1) for option in sys.argv[3:]))
    init_default_scope('mmsemi')
    loader_cfg = cfg.val_dataloader
    loader_cfg.dataset.ann_file = 'unlabeled.txt'
    loader = Runner.build_dataloader(loader_cfg)
    cfg.model.backbone.init_cfg = None
    model = MODELS.build(cfg.model).eval()
    model.load_state_dict(unwrap(read_checkpoint(sys.argv[2])))

    classes = len(cfg.metainfo.classes)
    counts = torch.zeros(len(THRESHOLDS), classes, classes)
    truths = torch.zeros(classes)
    for batch in loader:
        data = model.data_preprocessor(batch)
        conf, label = model.logits(data['inputs']).softmax(1).max(1)
        mask = data['data_samples'][0].gt_sem_seg.data
        valid = mask < classes
        truths += torch.bincount(mask[valid], minlength=classes)
        for i, thresh in enumerate(THRESHOLDS):
            kept = valid & (conf >= thresh)
            pairs = mask[kept] * classes + label[kept]
            counts[i] += torch.bincount(pairs, minlength=classes**2).view(classes, -1)
    right = counts.diagonal(dim1=1, dim2=2)
    recall, precision = right / truths, right / counts.sum(1)
    print(f'{"":12s}' + ''.join(f'   {t}: recall precision' for t in THRESHOLDS))
    for c, name in enumerate(cfg.metainfo.classes):
        cells = (
            f'{100 * recall[i, c]:15.1f}{100 * precision[i, c]:10.1f}'
            for i in range(len(THRESHOLDS))
        )
        print(f'{name:12s}' + ''.join(cells))
    kept = counts.sum((1, 2)) / truths.sum()
    sure = right.sum(1) / counts.sum((1, 2))
    iou = right / (counts.sum(1) + truths - right)
    print('kept, right, mIoU', *(f'{v.tolist()}' for v in (kept, sure, iou.mean(1))))


if __name__ == '__main__':
    main()
