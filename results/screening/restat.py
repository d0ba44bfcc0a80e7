"""Evaluate a checkpoint with BatchNorm statistics taken anew.

``python results/screening/restat.py CONFIG CHECKPOINT LIST [KEY=VALUE ...]``
prints the scores on a list as they are, and with the running statistics
re-estimated on 40 batches of weak labeled and unlabeled crops.
"""

import sys
from itertools import islice

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from mmsemi.evaluation import ConfusionIoUMetric
from mmsemi.registry import MODELS
from mmsemi.utils.checkpoint import read_checkpoint, unwrap

BATCHES = 40


@torch.no_grad()
def scores(model: torch.nn.Module, loader) -> dict[str, float]:
    """Evaluate in eval mode."""
    model.eval()
    metric = ConfusionIoUMetric(iou_metrics=['mIoU'])
    metric.dataset_meta = loader.dataset.metainfo
    for batch in loader:
        samples = model.val_step(batch)
        metric.process(batch, [sample.to_dict() for sample in samples])
    return metric.evaluate(len(loader.dataset))


@torch.no_grad()
def main() -> None:
    cfg = Config.fromfile(sys.argv[1])
    cfg.merge_from_dict(dict(option.split('=', 1) for option in sys.argv[4:]))
    init_default_scope('mmsemi')
    cfg.val_dataloader.dataset.ann_file = sys.argv[3]
    val = Runner.build_dataloader(cfg.val_dataloader)
    cfg.train_dataloader.batch_size = cfg.total_batch_size
    train = Runner.build_dataloader(cfg.train_dataloader, seed=0)
    cfg.model.backbone.init_cfg = None
    model = MODELS.build(cfg.model)
    state = unwrap(read_checkpoint(sys.argv[2]))
    for streams in (('labeled',), ('labeled', 'unlabeled'), None):
        model.load_state_dict(state)
        if streams:
            for norm in model.modules():
                if isinstance(norm, torch.nn.BatchNorm2d):
                    norm.reset_running_stats()
                    norm.momentum = None  # the mean of all batches
            model.train()
            for batch in islice(train, BATCHES):
                inputs = model.data_preprocessor(batch, True)['inputs']
                model.logits(torch.cat([inputs[name]['weak'] for name in streams]))
        print(streams or 'as it is', scores(model, val))


if __name__ == '__main__':
    main()
