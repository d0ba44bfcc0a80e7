"""Methods that an EMA teacher, or a second network, guides."""

from copy import deepcopy

import pytest
import torch
from mmseg.structures import SegDataSample

from mmsemi.models.methods import augseg
from mmsemi.models.methods.augseg import image_confidence, injection_boxes
from mmsemi.models.utils import PseudoLabel
from mmsemi.registry import MODELS
from tests.helpers import networks as tiny

METHODS = {
    'UniMatchV2': dict(conf_thresh=0.3),
    'MeanTeacher': dict(conf_thresh=0.3),
    'MeanTeacher per pixel': dict(conf_thresh=0.3, conf_per_pixel=True),
    'AugSeg': dict(conf_thresh=0.3),
    'AugSeg as on Cityscapes': dict(conf_thresh=0, weak_in_batch=False),
    'BalancedMatch': dict(conf_thresh=0.3),
    'CPS': {},
    'CPS without CutMix': dict(cutmix=False),
    'CPS corrected': dict(train_padding=False, labels_in_train_mode=False),
    'FixMatch ema': dict(conf_thresh=0.3, guidance='ema'),
    'UniMatch ema': dict(conf_thresh=0.3, guidance='ema'),
    'RankMatch ema': dict(
        conf_thresh=0.3, guidance='ema', loss_rank=dict(num_landmarks=8)
    ),
    'CorrMatch ema': dict(thresh_init=0.3, num_regions=16, guidance='ema'),
}


def build(method, network='deeplabv3plus', class_weight=None, **kwargs):
    """Build a method; its teacher, if it needs one, has other weights."""
    cfg = tiny.network(network, type=method.split()[0], **METHODS[method], **kwargs)
    if class_weight:
        cfg.decode_head.loss_decode.class_weight = class_weight
    if cfg.type == 'CorrMatch':
        cfg.correlation = dict(in_channels=tiny.FEATURES[network][1], channels=16)
    torch.manual_seed(0)
    model = MODELS.build(cfg)
    model.init_weights()
    if model.guidance:
        teacher = MODELS.build(cfg).eval()
        teacher.init_weights()
        model.guidance.models = [teacher.requires_grad_(False)]
    return model


def losses(model, batch):
    model.train()
    if model.num_views == 1:
        batch = deepcopy(batch)
        for name in ('unlabeled', 'partner'):
            for key in ('strong', 'boxes'):
                del batch.get(name, {}).get(key, [])[1:]
    torch.manual_seed(1)
    return model(**model.data_preprocessor(batch, True), mode='loss')


@pytest.mark.parametrize('partner', [True, False])
@pytest.mark.parametrize('method', METHODS)
def test_step(method, partner):
    """All terms are finite, every parameter trains, the teacher does not."""
    model = build(method)
    batch = tiny.streams(partner=partner)
    total, log = model.parse_losses(losses(model, batch))
    assert all(torch.isfinite(torch.as_tensor(v)) for v in log.values())
    total.backward()
    assert tiny.without_gradient(model) == []
    if model.guidance:
        assert all(p.grad is None for p in model.guidance.teacher.parameters())


@pytest.mark.parametrize('method', [m for m in METHODS if 'CPS' not in m])
def test_labels_are_the_teacher_s(method):
    """Another teacher changes the unsupervised terms and not the supervised one."""
    model = build(method)
    before = losses(model, tiny.streams())
    model = build(method)
    with torch.no_grad():
        for parameter in model.guidance.teacher.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    after = losses(model, tiny.streams())
    assert after['loss_sup'] == before['loss_sup']
    changed = [name for name in before if before[name] != after[name]]
    assert set(changed) & {'loss_strong', 'loss_cons'}


@pytest.mark.parametrize('method', [m for m in METHODS if 'CPS' not in m])
def test_without_a_teacher_the_hook_is_named(method):
    model = build(method)
    model.guidance.models = None
    with pytest.raises(RuntimeError, match='EMATeacherHook'):
        losses(model, tiny.streams())


@pytest.mark.parametrize('method', ['FixMatch', 'UniMatch', 'RankMatch'])
def test_an_unknown_guidance(method):
    with pytest.raises(ValueError, match="use 'ema'"):
        MODELS.build(tiny.network(type=method, guidance='previous'))


def test_cps_predicts_with_its_first_network():
    """It is the method's own; the second one is in the checkpoint, too."""
    model = build('CPS').eval()
    batch = dict(
        inputs=[torch.randint(256, (3, 50, 70), dtype=torch.uint8)],
        data_samples=[
            SegDataSample(metainfo=dict(ori_shape=(50, 70), img_shape=(50, 70)))
        ],
    )
    with torch.no_grad():
        before = model.test_step(deepcopy(batch))[0].seg_logits.data
        for parameter in model.second.parameters():
            parameter.zero_()
        after = model.test_step(batch)[0].seg_logits.data
    assert before.equal(after)
    names = model.state_dict().keys()
    own = {name for name in names if not name.startswith('second.')}
    assert {f'second.{name}' for name in own} == names - own


def test_cps_networks_start_apart_and_teach_each_other():
    model = build('CPS without CutMix')
    first, second = (
        network.decode_head.conv_seg.weight for network in (model, model.second)
    )
    assert not first.equal(second)
    log = losses(model, tiny.streams())
    (grad,) = torch.autograd.grad(log['loss_cps'], [second])
    assert grad.abs().sum() > 0
    assert 0 < log['agreement'] < 1


def test_injection_boxes_share_their_sides():
    boxes = injection_boxes(50, (40, 60), (1, 2), (8, 2))
    assert boxes == injection_boxes(50, (40, 60), (1, 2), (8, 2))
    assert boxes != injection_boxes(50, (40, 60), (1, 3), (8, 2))
    assert all(0 <= b.x1 <= b.x2 <= 60 and 0 <= b.y1 <= b.y2 <= 40 for b in boxes)
    whole = [b for b in boxes if 0 < b.x1 and b.x2 < 60 and 0 < b.y1 and b.y2 < 40]
    assert len({(b.x2 - b.x1, b.y2 - b.y1) for b in whole}) == 1


def test_confidence_of_an_image():
    """1 for certain predictions, 0 for uniform ones."""
    certain = torch.zeros(1, 4, 2, 2)
    certain[:, 1] = 50
    uniform = torch.zeros(1, 4, 2, 2)
    found = image_confidence(torch.cat([certain, uniform]))
    torch.testing.assert_close(found, torch.tensor([1.0, 0.0]))


def test_labels_are_injected_where_the_teacher_is_unsure(monkeypatch):
    """With the truth, confidence 1; pixels without a label do not count."""
    box = (4, 8, 20, 30)
    monkeypatch.setattr(
        augseg, 'injection_boxes', lambda num, *args: [augseg.Box(*box)] * num
    )
    model = build('AugSeg')
    labeled = tiny.streams()['labeled']
    labeled = dict(weak=labeled['weak'].float(), mask=labeled['mask'].long())
    labeled['mask'][:, 10] = 255
    images = torch.zeros(2, 3, 65, 65)
    target = PseudoLabel(
        torch.full((2, 65, 65), 0.5),
        torch.zeros(2, 65, 65, dtype=torch.long),
        torch.ones(2, 65, 65, dtype=torch.bool),
    )
    mixed, new = model.inject(labeled, images, target, torch.tensor([True, False]))
    assert mixed[1].equal(images[1]) and new.label[1].equal(target.label[1])
    x1, y1, x2, y2 = box
    inside = (..., slice(y1, y2), slice(x1, x2))
    assert mixed[0][inside].equal(labeled['weak'][0][inside])
    known = labeled['mask'][0][inside] != 255
    assert new.valid[0][inside].equal(known)
    assert new.label[0][inside][known].equal(labeled['mask'][0][inside][known])
    assert (new.conf[0][inside][known] == 1).all()
    assert (new.conf[0][:y1] == 0.5).all()


def test_balancedmatch_without_balance_is_fixmatch_on_two_views():
    """With an EMA teacher: the mean of the losses on each of the views."""
    model = build('BalancedMatch', balance=0).eval()  # BatchNorm of a view alone
    fixmatch = build('FixMatch ema').eval()
    batch = model.data_preprocessor(tiny.streams(), True)
    found = model(**batch, mode='loss')
    each = []
    for view in range(2):
        one = deepcopy(batch)
        for stream in ('unlabeled', 'partner'):
            for key in ('strong', 'boxes'):
                if key in one['inputs'][stream]:
                    one['inputs'][stream][key] = one['inputs'][stream][key][view:]
        each.append(fixmatch(**one, mode='loss'))
    torch.testing.assert_close(found['loss_sup'], each[0]['loss_sup'])
    mean = (each[0]['loss_strong'] + each[1]['loss_strong']) / 2
    torch.testing.assert_close(found['loss_strong'], mean)
    assert each[0]['loss_strong'] != each[1]['loss_strong']


def test_balancedmatch_weighs_both_terms_alike():
    """By the weights of the config, or by those that follow the labeled pixels."""
    batch = tiny.streams()
    given = build('BalancedMatch', class_weight=[1.0, 2, 3, 4])
    expected = losses(given, batch)
    assert not hasattr(given, 'balance')
    with pytest.raises(ValueError, match='class_weight says'):
        build('BalancedMatch', class_weight=[1.0, 2, 3, 4], balance=0.5)
    model = build('BalancedMatch')
    model.balance.update = lambda mask: given.class_weight(mask)
    found = losses(model, batch)
    assert all(found[name].equal(expected[name]) for name in expected)
    plain = losses(build('FixMatch ema'), batch)
    assert found['loss_strong'] != plain['loss_strong']
    assert found['loss_sup'] != plain['loss_sup']
