"""Shapes and dtypes of a batch, from the loader's worker to the method."""

from itertools import islice

import pytest
import torch
from mmengine.config import Config
from torch.utils.data import DataLoader
from torch.utils.data._utils.pin_memory import pin_memory

from mmsemi.datasets import stack_streams
from mmsemi.registry import DATA_SAMPLERS, DATASETS, MODELS
from mmsemi.structures import Draws, LabeledStream, Paste, UnlabeledStream
from tests.helpers.tools import TINY

B, S = 3, 33


@pytest.fixture
def make_loader(tiny_data):
    """Build a loader with one worker, which makes the strong views or not."""

    def make(on_device):
        cfg = Config.fromfile(TINY).train_dataloader
        cfg.dataset.data_root = str(tiny_data)
        for step in cfg.dataset.unlabeled_pipeline:
            if step.type == 'StrongViews':
                step.on_device = on_device
            if step.type == 'CutMixBoxes':
                step.prob = 0.8
        dataset = DATASETS.build(cfg.dataset)
        sampler = DATA_SAMPLERS.build(
            dict(type='SemiSampler', infinite=True, seed=0),
            default_args=dict(dataset=dataset),
        )
        return DataLoader(
            dataset, B, sampler=sampler, collate_fn=stack_streams, num_workers=1
        )

    return make


def check(tensor, dtype, *shape):
    assert tensor.dtype == dtype and tensor.shape == shape


def check_pastes(batch):
    """Check that each paste has a valid image, partner and box."""
    partners = len(batch.get('partner', batch['unlabeled'])['weak'])
    assert len(batch['unlabeled']['boxes']) == 2
    for paste in sum(batch['unlabeled']['boxes'], []):
        assert type(paste) is Paste and all(type(field) is int for field in paste)
        assert 0 <= paste.image < B and 0 <= paste.partner < partners
        assert 0 <= paste.x1 < paste.x2 <= S and 0 <= paste.y1 < paste.y2 <= S


@pytest.mark.parametrize('made', ['strong', 'draws'])
def test_batch_and_inputs_are_as_declared(make_loader, made, monkeypatch):
    monkeypatch.setattr(torch.Tensor, 'pin_memory', lambda self, *args: self.clone())
    preprocessor = MODELS.build(Config.fromfile(TINY).model.data_preprocessor)
    pasted = 0
    for batch in islice(make_loader(on_device=made == 'draws'), 4):
        batch = pin_memory(batch)
        check(batch['labeled']['weak'], torch.uint8, B, 3, S, S)
        check(batch['labeled']['mask'], torch.uint8, B, S, S)
        assert batch['labeled'].keys() == LabeledStream.__annotations__.keys()
        assert batch['unlabeled'].keys() == {'weak', 'valid', 'boxes', made}
        assert batch['unlabeled'].keys() < UnlabeledStream.__annotations__.keys()
        assert batch['partner'].keys() == {'weak', 'valid', made}
        for name in ('unlabeled', 'partner'):
            stream = batch[name]
            num = len(stream['weak'])
            check(stream['weak'], torch.uint8, num, 3, S, S)
            check(stream['valid'], torch.bool, num, S, S)
            assert len(stream[made]) == 2
            for view in stream[made]:
                if made == 'strong':
                    check(view, torch.uint8, num, 3, S, S)
                    continue
                assert view.keys() == Draws.__annotations__.keys()
                check(view['adjust'], torch.int64, num, 4)
                check(view['factor'], torch.float32, num, 4)
                check(view['gray'], torch.bool, num)
                check(view['kernel'], torch.float32, num, view['kernel'].shape[1])
        check_pastes(batch)
        pasted += sum(map(len, batch['unlabeled']['boxes']))

        inputs = preprocessor(batch, True)['inputs']
        assert inputs.keys() == {'labeled', 'unlabeled', 'partner'}
        check(inputs['labeled']['mask'], torch.int64, B, S, S)
        assert inputs['unlabeled'].keys() == {'weak', 'strong', 'valid', 'boxes'}
        assert inputs['partner'].keys() == {'weak', 'strong', 'valid'}
        for stream in inputs.values():
            for view in (stream['weak'], *stream.get('strong', ())):
                check(view, torch.float32, len(stream['weak']), 3, S, S)
        check_pastes(inputs)
    assert pasted
