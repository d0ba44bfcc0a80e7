"""What a constructor does not take is named by its place in the config."""

import pytest

from mmsemi.registry import RUNNERS
from tests.helpers.runs import NO_ENVIRONMENT, make_config

HEAD = 'model.decode_head'
DATA = 'train_dataloader.dataset'


@pytest.mark.parametrize(
    'changes, words',
    [
        ({f'{HEAD}.loss_decode.gama': 2}, f'{HEAD}.loss_decode.gama=2: Pixel.* takes'),
        ({'model.conf_tresh': 0.2}, 'conf_tresh=0.2: .* did you mean conf_thresh'),
        ({'model.decode_heed.channels': 2}, 'model.decode_heed=.* decode_head'),
        ({'model.backbone.norm_cfg.epsilon': 1}, 'backbone.norm_cfg.epsilon.* eps'),
        ({'train_cfg.max_epoch': 2}, 'train_cfg.max_epoch=2.* max_epochs'),
        ({'optim_wrapper.optimizer.lrr': 2}, 'optimizer.lrr=2: SGD .* mean lr'),
        ({'optim_wrapper.clip_gradd': 2}, 'did you mean clip_grad'),
        ({'param_scheduler.powr': 2}, 'param_scheduler.powr=2.* power'),
        ({'default_hooks.checkpoint.intervall': 1}, 'checkpoint.intervall=1.*interval'),
        ({'custom_hooks': [dict(type='EMAHooks')]}, 'custom_hooks.0.type=.* EMAHook'),
        ({f'{DATA}.labeld_list': 'x'}, 'Semi.* did you mean labeled_list'),
        ({f'{DATA}.pipeline': []}, 'dataset.pipeline=.* SemiSegDataset takes no'),
        ({f'{DATA}.unlabeled_pipeline.3.prop': 1}, 'unlabeled_pipeline.3.prop.* prob'),
        ({'train_dataloader.sampler.ration': 1}, 'sampler.ration=1.* mean ratio'),
        ({'val_evaluator.iou_metric': ['mIoU']}, 'val_evaluator.iou_metric.*_metrics'),
        ({'test_evaluator.iou_metric': 'mIoU'}, 'test_evaluator.iou_metric.*_metrics'),
        ({'model.type': 'UniMach'}, 'model.type=.* did you mean UniMatch'),
        ({'model.backbone.type': 'ResNetV1cc'}, 'model.backbone.type=.* ResNetV1c'),
        ({f'{DATA}.labeled_pipeline.0.type': 'LoadImage'}, 'labeled_pipeline.0.type'),
        ({'model.backbone.depth': 19}, 'model.backbone of type .*invalid depth 19'),
        ({f'{HEAD}.in_channels': None}, f'{HEAD} of type .* is refused'),
        ({'optim_wrapper.optimizer.lr': -1}, 'of type SGD is refused: Invalid'),
    ],
)
def test_refused_before_training(changes, words, tiny_data, tmp_path):
    cfg = make_config('unimatch', tiny_data, tmp_path)
    cfg.merge_from_dict(changes)
    with NO_ENVIRONMENT, pytest.raises(ValueError, match=f'(?s){words}'):
        RUNNERS.build(cfg).train()
    assert not list(tmp_path.glob('**/*.pth'))


def test_of_self_training(tiny_data, tmp_path):
    cfg = make_config('st', tiny_data, tmp_path)
    cfg.self_training.shres = (1,)
    with pytest.raises(ValueError, match='shres=.* did you mean shares'):
        RUNNERS.build(cfg)
