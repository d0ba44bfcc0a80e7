"""Properties of every method."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch.utils._pytree import tree_map_only

from mmsemi.registry import MODELS
from mmsemi.structures import as_pastes
from tests.helpers import networks as tiny

METHODS = dict(
    Supervised={},
    FixMatch=dict(conf_thresh=0.3),
    UniMatch=dict(conf_thresh=0.3),
    RankMatch=dict(conf_thresh=0.3, loss_rank=dict(num_landmarks=8)),
)


def build(method, **kwargs):
    cfg = tiny.network(type=method, **{**METHODS[method], **kwargs})
    torch.manual_seed(0)
    return MODELS.build(cfg)


def losses(model, batch):
    model.train()
    torch.manual_seed(1)
    return model(**model.data_preprocessor(batch, True), mode='loss')


@pytest.mark.parametrize('method', METHODS)
def test_predict(method):
    model = build(method).eval()
    batch = dict(
        inputs=[torch.randint(256, (3, 50, 70), dtype=torch.uint8)],
        data_samples=[
            SegDataSample(metainfo=dict(ori_shape=(50, 70), img_shape=(50, 70)))
        ],
    )
    with torch.no_grad():
        (result,) = model.test_step(batch)
    assert result.pred_sem_seg.data.shape == (1, 50, 70)


@pytest.mark.parametrize('method', METHODS)
def test_checkpoint_is_an_mmseg_checkpoint(method):
    """A stock EncoderDecoder loads it without missing or unexpected keys."""
    cfg = tiny.network(type='EncoderDecoder')
    cfg['data_preprocessor']['type'] = 'SegDataPreProcessor'
    stock = MODELS.build(cfg)
    stock.load_state_dict(build(method).state_dict(), strict=True)


@pytest.mark.parametrize('method', ['FixMatch', 'UniMatch', 'RankMatch'])
def test_other_ratios(method):
    """One labeled image with three unlabeled ones in a step."""
    log = losses(build(method), tiny.streams(labeled=1, unlabeled=3))
    assert log['mask_ratio'] > 0


@pytest.mark.parametrize('method', ['FixMatch', 'UniMatch', 'RankMatch'])
def test_in_batch_partner_is_the_flipped_batch(method):
    """The partner changes the loss through the CutMix box alone."""
    model = build(method)
    batch = tiny.streams(partner=False)
    mixed = losses(model, batch)['loss_strong']
    batch['unlabeled'].update(boxes=[[], []])
    model = build(method)
    plain = losses(model, batch)['loss_strong']
    assert mixed != plain


@pytest.mark.parametrize('method', ['FixMatch', 'UniMatch', 'RankMatch'])
def test_in_batch_mixes_as_an_explicit_partner_does(method):
    """If all images are equal, in-batch and loaded partners are the same."""
    batch = tiny.streams(partner=False)
    batch['unlabeled'].update(
        tree_map_only(
            torch.Tensor,
            lambda tensor: tensor[:1].repeat_interleave(2, 0),
            batch['unlabeled'],
        )
    )
    seen = []
    for partner in ({}, dict(partner=batch['unlabeled'])):
        model = build(method)
        with model.capture('backbone') as feats:
            losses(model, dict(batch, **partner))
        seen.append(feats[-1][-1])  # of the strong views
    torch.testing.assert_close(*seen)


OTHERS = dict(
    CorrMatch=dict(correlation=dict(in_channels=64)),
    PrevMatch=dict(conf_thresh=0.3, prev_conf_thresh=0.2),
)
GUIDED = dict(
    UniMatchV2=dict(conf_thresh=0.3),
    MeanTeacher=dict(conf_thresh=0.3),
    CPS=dict(labels_in_train_mode=False),  # else partners change BatchNorm's batch
)


@pytest.mark.parametrize('method', [*METHODS, *OTHERS, *GUIDED])
@pytest.mark.parametrize('mixed', [[], [1], [0, 1]])
def test_partners_that_nothing_is_taken_from_may_be_missing(method, mixed):
    """The data set does not load them."""
    cfg = tiny.network(type=method, **{**METHODS, **OTHERS, **GUIDED}[method])

    def losses_with(partners):
        torch.manual_seed(0)
        model = MODELS.build(cfg).double()
        if model.guidance:
            model.guidance.models = [MODELS.build(cfg).double().eval()]
        if method == 'PrevMatch':
            model.guidance.epoch, model.guidance.max_epochs = 1, 4
        batch = tiny.streams()
        boxes = [[5, 7, 32, 32] if i in mixed else [0] * 4 for i in range(2)]
        places = [partners.index(i) if i in mixed else 0 for i in range(2)]
        batch['unlabeled']['boxes'][0] = as_pastes(boxes, places)
        if partners:
            batch['partner'] = tree_map_only(
                torch.Tensor, lambda tensor: tensor[partners], batch['partner']
            )
        else:
            del batch['partner']
        return {name: value.tolist() for name, value in losses(model, batch).items()}

    assert losses_with(mixed) == pytest.approx(losses_with([0, 1]), abs=1e-12)


@pytest.mark.parametrize('method', ['FixMatch', 'UniMatch', 'RankMatch'])
def test_all_padding_gives_zero_not_nan(method):
    batch = tiny.streams()
    for name in ('unlabeled', 'partner'):
        batch[name]['valid'] = torch.zeros_like(batch[name]['valid'])
    log = losses(build(method), batch)
    assert log['loss_strong'] == 0 and log['mask_ratio'] == 0


def test_eval_forward_leaves_the_batchnorm_statistics():
    model = build('UniMatch').train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    stream = model.data_preprocessor(tiny.streams(), True)['inputs']['partner']
    model.pseudo_label(stream)
    assert model.training
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key])


@pytest.mark.parametrize('method', ['FixMatch', 'UniMatch', 'RankMatch'])
def test_autocast_forgets_what_an_eval_forward_cast(method, monkeypatch):
    """In older PyTorch the cached weights would not get gradients."""
    model = build(method)
    events = []
    monkeypatch.setattr(
        torch, 'clear_autocast_cache', lambda: events.append('forgotten')
    )
    model.backbone.register_forward_pre_hook(
        lambda *args: events.append(torch.is_grad_enabled())
    )
    losses(model, tiny.streams())
    assert events[:3] == [False, 'forgotten', True]


def test_a_missing_rank_layer_is_named():
    cfg = tiny.network(type='RankMatch', rank_layer='decode_head.nowhere')
    with pytest.raises(ValueError, match='decode_head.nowhere'):
        losses(MODELS.build(cfg), tiny.streams())


def test_cosine_similarity_is_a_line_of_config():
    model = build('RankMatch', loss_rank=dict(num_landmarks=8, similarity='cosine'))
    assert losses(model, tiny.streams())['loss_rank'] > 0


def test_networks_without_a_method():
    cfg = tiny.network(type='UniMatch')
    cfg['auxiliary_head'] = dict(
        type='FCNHead', in_channels=64, channels=8, num_classes=4
    )
    with pytest.raises(ValueError, match='auxiliary_head=None'):
        MODELS.build(cfg)
    cfg = tiny.network(type='UniMatch')
    cfg['decode_head'] = dict(cfg['decode_head'], num_classes=2, out_channels=1)
    with pytest.raises(ValueError, match='out_channels'):
        MODELS.build(cfg)


SAMPLER = dict(type='OHEMPixelSampler', min_kept=100)


@pytest.mark.filterwarnings('ignore:``build_pixel_sampler``:UserWarning')
@pytest.mark.parametrize('loss', ['PixelCrossEntropyLoss', 'CrossEntropyLoss'])
@pytest.mark.parametrize('sampler', [SAMPLER, dict(SAMPLER, thresh=0.2)])
@pytest.mark.parametrize('method', [*METHODS, *OTHERS])
def test_pixel_sampler_of_the_head(method, sampler, loss):
    """The loss is computed on the pixels that mmseg would choose."""
    cfg = tiny.network(type=method, **{**METHODS, **OTHERS}[method])
    logs = []
    for choice in (None, sampler):
        cfg['decode_head'] = dict(
            cfg['decode_head'], sampler=choice, loss_decode=dict(type=loss)
        )
        torch.manual_seed(0)
        model = MODELS.build(cfg)
        if method == 'PrevMatch':
            model.guidance.models = ()
        logs.append(losses(model, tiny.streams()))
    plain, sampled = logs
    assert torch.isfinite(sampled['loss_sup'])
    assert sampled['loss_sup'] != plain['loss_sup']
    for name in ('loss_strong', 'loss_fp'):
        assert plain.get(name) == sampled.get(name)

    samples = []
    logits = torch.randn(2, 4, 65, 65)
    mask = torch.randint(4, (2, 65, 65))
    mask[:, :5] = 255
    for each in mask:
        samples.append(SegDataSample(gt_sem_seg=PixelData(data=each[None])))
    theirs = model.decode_head.loss_by_feat(logits, samples)
    torch.testing.assert_close(
        model.loss_sup(logits, mask), theirs[model.decode_head.loss_decode.loss_name]
    )


@pytest.mark.filterwarnings('ignore:``build_pixel_sampler``:UserWarning')
@pytest.mark.parametrize('sampler', [SAMPLER, dict(SAMPLER, thresh=0.2)])
def test_ohem_with_a_pixel_sampler_is_refused(sampler):
    cfg = tiny.network(type='Supervised')
    cfg['decode_head'] = dict(
        cfg['decode_head'], sampler=sampler, loss_decode=dict(type='PixelOHEMLoss')
    )
    with pytest.raises(ValueError, match='remove `sampler`'):
        losses(MODELS.build(cfg), tiny.streams())


def test_windows_mode_sums_probabilities():
    cfg = tiny.network(type='Supervised')
    cfg['test_cfg'] = dict(mode='windows', crop_size=(40, 40))
    model = MODELS.build(cfg).eval()
    with torch.no_grad():
        total = model.inference(torch.randn(1, 3, 50, 70), [{}])
    # Columns 0..25 lie in one window, 26..39 in two.
    assert total.sum(1)[0, 0, 0] == pytest.approx(1, abs=1e-5)
    assert total.sum(1)[0, 0, 30] == pytest.approx(2, abs=1e-5)


LOSSES = [
    *(
        dict(type=name, class_weight=[1, 1, 5, 0.5])
        for name in (
            'PixelCrossEntropyLoss',
            'PixelOHEMLoss',
            'PixelFocalLoss',
            'PixelDiceLoss',
            'PixelTverskyLoss',
            'PixelLovaszLoss',
        )
    ),
    dict(type='FocalLoss'),
    dict(type='LovaszLoss', reduction='none'),
    dict(type='CrossEntropyLoss', class_weight=[1, 1, 5, 0.5], avg_non_ignore=True),
]


@pytest.mark.parametrize('method', [*METHODS, 'CorrMatch', 'PrevMatch'])
def test_any_loss_alone_and_several_together(method):
    """Several are summed, each with its weight."""
    sums = []
    for criteria in [*LOSSES, [dict(loss, loss_weight=0.5) for loss in LOSSES]]:
        cfg = tiny.network(type=method, **METHODS.get(method, {}))
        if method == 'CorrMatch':
            cfg.correlation = dict(in_channels=64, channels=16)
            cfg.num_regions = 16
        cfg.decode_head.loss_decode = criteria
        torch.manual_seed(0)
        model = MODELS.build(cfg)
        model.init_weights()
        if method == 'PrevMatch':
            model.guidance.models = ()
            model.guidance.epoch, model.guidance.max_epochs = 1, 4
        streams = tiny.streams(size=33)
        if method == 'CorrMatch':  # has one strong view
            for name in ('unlabeled', 'partner'):
                del streams[name]['strong'][1:], streams[name]['boxes'][1:]
        found = losses(model, streams)
        sums.append(found['loss_sup'].item())
        found['loss_sup'].backward()
        assert model.decode_head.conv_seg.weight.grad.abs().sum() > 0
    assert sums[-1] == pytest.approx(0.5 * sum(sums[:-1]), rel=1e-4)


def test_class_weights_of_another_number_of_classes():
    cfg = tiny.network(type='UniMatch')
    cfg.decode_head.loss_decode = [
        dict(type='PixelDiceLoss'),
        dict(type='CrossEntropyLoss', class_weight=[1.0, 2.0]),
    ]
    with pytest.raises(ValueError, match=r'decode_head\.loss_decode\.1\.class_weight'):
        MODELS.build(cfg)


def test_windows_without_a_size():
    model = build('Supervised')
    model.test_cfg = dict(mode='windows')
    with pytest.raises(ValueError, match='resolve_settings'):
        model.inference(torch.zeros(1, 3, 9, 9), [])
