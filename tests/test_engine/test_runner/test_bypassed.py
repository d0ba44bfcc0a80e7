"""What a method would bypass is refused before training; what it uses, trains."""

import copy

import pytest

from mmsemi.registry import RUNNERS
from tests.helpers.runs import NO_ENVIRONMENT, make_config
from tests.helpers.tools import call

VIEWS = 'train_dataloader.dataset.unlabeled_pipeline'
RATIO = 'train_dataloader.sampler.ratio'
HEAD = 'model.decode_head'
AUXILIARY = dict(type='FCNHead', in_channels=8, in_index=0, channels=8, num_classes=4)


def train(method, data_root, work_dir, **changes):
    """Train one epoch of a method, with changes to its config."""
    cfg = make_config(method, data_root, work_dir)
    cfg.custom_hooks = changes.pop('custom_hooks', cfg.custom_hooks)
    for name, change in list(changes.items()):
        if callable(change):
            section, key = name.split('.')
            cfg[section][key] = change(cfg[section][key])
            del changes[name]
    cfg.merge_from_dict({'train_cfg.max_epochs': 1, 'rehearse': False, **changes})
    with NO_ENVIRONMENT:
        return RUNNERS.build(cfg).train()


def concat(dataset):
    """Wrap a data set twice into one."""
    return dict(type='ConcatDataset', datasets=[dataset, copy.deepcopy(dataset)])


def repeat(dataset):
    """Wrap a data set to be read twice."""
    return dict(type='RepeatDataset', times=2, dataset=dataset)


@pytest.mark.parametrize(
    'method, changes, words',
    [
        ('fixmatch', {f'{VIEWS}.4.num_views': 2}, 'FixMatch trains on 1 strong view '),
        ('corrmatch', {f'{VIEWS}.5.num_views': 2}, r'CutMixBoxes\(num_views=2\)'),
        ('unimatch', {f'{VIEWS}.4.num_views': 1}, '2 strong views .*num_views=2'),
        ('unimatch', {RATIO: (1, 0)}, 'unlabeled images, but .*ratio'),
        ('unimatch', {RATIO: (0, 1)}, 'labeled images, but .*ratio'),
        (
            'unimatch',
            {'train_dataloader.dataset.train_list': None},
            'neither unlabeled_list nor train_list',
        ),
        ('prevmatch', {'custom_hooks': []}, "type='PreviousModelsHook'"),
        (
            'prevmatch_ema',
            {'custom_hooks': [dict(type='PreviousModelsHook')]},
            "type='EMATeacherHook'",
        ),
        ('unimatch', {'default_hooks.sampler_seed': None}, 'order and draws'),
        ('unimatch', {'default_hooks.param_scheduler': None}, 'learning rate'),
        ('unimatch', {'model.data_preprocessor.size': (33, 33)}, 'preprocessor.size'),
        ('unimatch', {'model.data_preprocessor.pad_val': 7}, 'pad nothing'),
        (
            'unimatch',
            {'model.data_preprocessor.batch_augments': [dict(type='MixUp')]},
            'batch_augments',
        ),
        ('unimatch', {'model.test_cfg.mode': 'slid'}, "mode='slid' is none of"),
        ('unimatch', {'model.test_cfg.striide': 3}, 'did you mean stride'),
        (
            'unimatch',
            {f'{HEAD}.loss_decode.loss_name': 'loss_mine'},
            "loss_name='loss_mine' is not logged",
        ),
        ('unimatch', {'model.auxiliary_head': AUXILIARY}, 'auxiliary_head=None'),
        ('unimatch', {'model.auxiliary_head': [AUXILIARY]}, 'auxiliary_head=None'),
        ('unimatch', {'model.decode_head': lambda h: [h, h]}, 'is a list of 2'),
        ('supervised', {'model.type': 'EncoderDecoder'}, "type='Supervised'"),
        (
            'unimatch',
            {
                'train_dataloader.sampler': lambda _: dict(
                    type='DefaultSampler', shuffle=True
                )
            },
            "type='SemiSampler'",
        ),
        (
            'unimatch',
            {'train_dataloader.collate_fn': dict(type='pseudo_collate')},
            'mmsemi.stack_streams',
        ),
        ('unimatch', {'train_dataloader.dataset': concat}, 'several folders'),
        ('unimatch', {'train_dataloader.dataset': repeat}, 'max_epochs'),
    ],
)
def test_refused(method, changes, words, tiny_data, tmp_path):
    with pytest.raises(ValueError, match=f'(?s){words}'):
        train(method, tiny_data, tmp_path, **changes)
    assert not list(tmp_path.glob('**/*.pth'))


@pytest.mark.parametrize(
    'method, changes',
    [
        ('corrmatch', {RATIO: (1, 2)}),
        ('prevmatch', {RATIO: (2, 1)}),
        ('supervised', {RATIO: (1, 0)}),
        ('unimatch', {'default_hooks.stall': None}),
        (
            'unimatch',
            {
                f'{HEAD}.loss_decode': [
                    dict(type='PixelCrossEntropyLoss'),
                    dict(type='DiceLoss', loss_name='loss_dice'),
                ]
            },
        ),
        ('unimatch', {'val_dataloader.dataset': concat}),
        (
            'unimatch',
            {
                'model.data_preprocessor.test_cfg': dict(size_divisor=32),
                'model.data_preprocessor.pad_val': 7,
            },
        ),
    ],
)
def test_trains(method, changes, tiny_data, tmp_path, plain_configs):
    train(method, tiny_data, tmp_path, **changes)
    assert (tmp_path / 'epoch_1.pth').exists()


def test_several_val_sets_are_checked(tiny_data, tmp_path):
    """As one is: no image may be trained on, too."""

    def with_train_images(dataset):
        train_set = dict(copy.deepcopy(dataset), ann_file='splits/train.txt')
        return dict(type='ConcatDataset', datasets=[dataset, train_set])

    with pytest.raises(ValueError, match='are both in .*train.txt'):
        train(
            'unimatch',
            tiny_data,
            tmp_path,
            **{'val_dataloader.dataset': with_train_images},
        )


def test_the_data_tool_says_the_same(tiny_data, tmp_path):
    cfg = make_config('unimatch', tiny_data, tmp_path)
    for transform in cfg.train_dataloader.dataset.unlabeled_pipeline:
        if 'num_views' in transform:
            transform.num_views = 1
    cfg.dump(tmp_path / 'my.py')
    printed = call('tools/data/check_dataset.py', tmp_path / 'my.py', ok=False)
    assert 'UniMatch trains on 2 strong views' in ' '.join(printed.split())
