import pytest
import torch

from mmsemi.registry import MODELS

HEAD = dict(
    type='DeepLabV2Head',
    in_channels=8,
    dilations=(1, 2),
    num_classes=3,
    loss_decode=dict(type='PixelCrossEntropyLoss'))


def released(num_classes=3):
    """A segmentor's file under the released names."""
    tensors = dict(weight=(num_classes, 8, 3, 3), bias=(num_classes, ))
    state = {
        f'classifier.{i}.{name}': torch.randn(*shape)
        for i in range(2) for name, shape in tensors.items()
    }
    return {'backbone.conv1.weight': torch.randn(8, 3, 7, 7), **state}


def head(file):
    return MODELS.build(
        dict(
            HEAD,
            init_cfg=dict(type='PretrainedHead', checkpoint=str(file))))


@pytest.mark.parametrize('wrap', [
    lambda state: state,
    lambda state: dict(model={f'module.{k}': v
                              for k, v in state.items()}),
])
def test_head_from_a_released_file(tmp_path, wrap):
    state = released()
    torch.save(wrap(state), tmp_path / 'coco.pth')
    model = head(tmp_path / 'coco.pth')
    model.init_weights()
    for i, conv in enumerate(model.conv_seg):
        assert torch.equal(conv.weight, state[f'classifier.{i}.weight'])
        assert torch.equal(conv.bias, state[f'classifier.{i}.bias'])


def test_head_from_a_file_of_ours(tmp_path):
    other = MODELS.build(HEAD)
    torch.save(
        dict(state_dict={
            f'decode_head.{k}': v
            for k, v in other.state_dict().items()
        }), tmp_path / 'ours.pth')
    model = head(tmp_path / 'ours.pth')
    model.init_weights()
    for key, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[key])


def test_head_of_other_classes(tmp_path):
    torch.save(released(num_classes=5), tmp_path / 'coco.pth')
    with pytest.raises(
            ValueError,
            match=r'coco\.pth does not fit DeepLabV2Head: 4 of 4 .*'
            r'model\.decode_head\.init_cfg=None'):
        head(tmp_path / 'coco.pth').init_weights()
