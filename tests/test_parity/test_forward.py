"""Eval-mode logits of the released networks."""
import numpy as np
import pytest
import torch

from . import released

NETWORKS = {
    'unimatch_resnet50_os16': dict(depth=50),
    'unimatch_resnet101_os16': dict(depth=101),
    'corrmatch_resnet101_os8': dict(
        depth=101, dilations=(12, 24, 36), output_stride=8),
}


ST_NETWORKS = {
    'st_deeplabv3plus_resnet50': dict(head='deeplabv3plus', depth=50),
    'st_deeplabv3plus_resnet101': dict(head='deeplabv3plus', depth=101),
    'st_pspnet_resnet50': dict(head='pspnet', depth=50),
    'st_deeplabv2_resnet101': dict(head='deeplabv2', depth=101),
}


@pytest.mark.parametrize('name', [*NETWORKS, *ST_NETWORKS])
def test_logits(golden, name):
    figures = np.load(golden / 'forward.npz')
    expected = figures[f'{name}_logits']
    classes = expected.shape[1]
    if name in ST_NETWORKS:
        model = released.st_network(num_classes=classes, **ST_NETWORKS[name])
    else:
        model = released.deeplabv3plus(
            dict(type='Supervised'), classes, **NETWORKS[name])
    model.eval()
    state = released.state_dict(golden / 'keys' / f'{name}.json', np.float32)
    model.load_state_dict({
        key: value
        for key, value in state.items()
        if not key.startswith('correlation.')  # no part in the prediction
    })
    with torch.no_grad():
        logits = model.logits(torch.as_tensor(figures['image'])).numpy()
        large = released.rnd(int(figures['image321_seed']), 1, 3, 321, 321)
        logits321 = model.logits(torch.as_tensor(large)).numpy()
    for ours, theirs in ((logits, expected), (logits321[:, :, ::20, ::20],
                                              figures[f'{name}_logits321'])):
        assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).mean()
