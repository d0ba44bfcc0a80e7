import pytest
import torch
from mmseg.structures import SegDataSample

from mmsemi.models.methods import corrmatch
from mmsemi.registry import MODELS
from tests.helpers import networks as tiny

OWN = {'thresh.value'}


def build(**kwargs):
    cfg = tiny.network(
        type='CorrMatch',
        **{
            'correlation': dict(in_channels=64, channels=16),
            'thresh_init': 0.3,
            'num_regions': 16,
            **kwargs,
        },
    )
    torch.manual_seed(0)
    return MODELS.build(cfg)


def batch(**kwargs):
    """Build streams with one strong view, as CorrMatch needs them."""
    streams = tiny.streams(**kwargs)
    for name in ('unlabeled', 'partner'):
        for key in ('strong', 'boxes'):
            del streams.get(name, {}).get(key, [])[1:]
    return streams


def losses(model, streams):
    model.train()
    torch.manual_seed(1)
    return model(**model.data_preprocessor(streams, True), mode='loss')


@pytest.mark.parametrize('partner', [True, False])
def test_step(partner):
    model = build()
    model.init_weights()
    streams = batch(partner=partner)
    log = losses(model, streams)
    total, scalars = model.parse_losses(log)
    assert {'mask_ratio', 'thresh', 'relabel_ratio'} < set(scalars)
    assert all(torch.isfinite(torch.as_tensor(v)) for v in scalars.values())
    total.backward()
    assert tiny.without_gradient(model) == []


def test_mixed_precision():
    full = losses(build(), batch())
    with torch.autocast('cpu', torch.bfloat16):
        mixed = losses(build(), batch())
    for term in ('loss_sup', 'loss_sup_corr', 'thresh'):
        torch.testing.assert_close(
            mixed[term], full[term], rtol=0.05, atol=0, check_dtype=False
        )
    assert all(torch.isfinite(value) for value in mixed.values())


def test_terms_add_up_as_published(monkeypatch):
    """If every term is 1, the total is the sum of the weights."""
    one = torch.ones((), requires_grad=True)
    for name in ('confident_ce', 'masked_cross_entropy', 'masked_kl'):
        monkeypatch.setattr(corrmatch, name, lambda *args: one)
    model = build()
    monkeypatch.setattr(model, 'loss_sup', lambda *args: one)
    total, _ = model.parse_losses(losses(model, batch()))
    assert total.item() == pytest.approx((0.5 + 0.5 + 4 * 0.25) / 2)


def test_other_ratios():
    log = losses(build(), batch(labeled=1, unlabeled=3))
    assert log['mask_ratio'] > 0


def test_all_padding_gives_zero_not_nan():
    streams = batch()
    for name in ('unlabeled', 'partner'):
        streams[name]['valid'] = torch.zeros_like(streams[name]['valid'])
    model = build()
    log = losses(model, streams)
    for term in (
        'loss_strong',
        'loss_kl',
        'loss_fp',
        'loss_corr',
        'mask_ratio',
        'relabel_ratio',
    ):
        assert log[term] == 0
    assert log['thresh'] == torch.tensor(0.3)


def test_regions_stay_out_of_box_and_padding(monkeypatch):
    seen = []
    monkeypatch.setattr(
        corrmatch,
        'propagate_labels',
        lambda label, confident, regions, *args: (
            seen.append(regions) or (label, confident)
        ),
    )
    streams = batch()
    losses(build(), streams)
    _, _, x1, y1, x2, y2 = streams['unlabeled']['boxes'][0][0]
    (regions,) = seen
    assert regions.any()
    assert not regions[:, :, y1:y2, x1:x2].any()
    outside = ~streams['unlabeled']['valid'][:, None]
    assert not (regions & outside).any()


def test_propagation_shows_in_targets_and_log(monkeypatch):
    """Half of the valid pixels relabeled and trusted."""
    model, streams = build(), batch()
    before = losses(model, streams)
    valid = streams['unlabeled']['valid']
    width = int(valid[0, 0].sum())

    def propagate(label, confident, *args):
        label = label.clone()
        label[..., : width // 2] = (label[..., : width // 2] + 1) % 4
        return label, torch.ones_like(confident)

    monkeypatch.setattr(corrmatch, 'propagate_labels', propagate)
    after = losses(build(), streams)
    assert after['relabel_ratio'].item() == pytest.approx(width // 2 / width)
    assert after['loss_strong'] != before['loss_strong']
    for term in ('loss_sup', 'loss_kl', 'loss_fp'):  # not K
        assert after[term] == before[term]


def test_threshold_follows_and_resumes():
    model = build()
    first = losses(model, batch())['thresh']
    assert first != 0.3
    resumed = build()
    resumed.load_state_dict(model.state_dict())
    assert resumed.thresh.value == first
    second = losses(model, batch())['thresh']
    assert losses(resumed, batch())['thresh'] == second != first


def test_threshold_ignores_padding_of_the_mixed_or_own_view():
    """By default of the mixed view, whose box has the partner's padding."""
    streams = batch()
    streams['partner']['valid'][:] = False
    values = {
        which: losses(build(thresh_valid=which, thresh_momentum=0.0), streams)
        for which in ('mixed', 'own')
    }
    model = build(thresh_momentum=0.0)
    assert losses(model, streams)['thresh'] == values['mixed']['thresh']
    streams['unlabeled']['boxes'] = [[]]
    plain = losses(build(thresh_momentum=0.0), streams)
    assert values['own']['thresh'] == plain['thresh']


def test_kl_target():
    """The two targets differ only inside the box."""

    def loss_kl(**kwargs):
        model = build(thresh_init=0.0, thresh_momentum=1.0, **kwargs)
        return losses(model, streams)['loss_kl']

    streams = batch()
    assert loss_kl() == loss_kl(kl_target='own') != loss_kl(kl_target='mixed')
    streams['unlabeled']['boxes'] = [[]]
    assert loss_kl(kl_target='own') == loss_kl(kl_target='mixed')


def test_last_position(monkeypatch):
    asked = []
    choose = corrmatch.random_positions
    monkeypatch.setattr(
        corrmatch,
        'random_positions',
        lambda *args: asked.append(args[3]) or choose(*args),
    )
    losses(build(), batch())
    losses(build(all_positions=True), batch())
    assert asked == [False, True]


@pytest.mark.parametrize('option', ['thresh_valid', 'kl_target'])
def test_unknown_option(option):
    with pytest.raises(ValueError, match=f"{option} must be.*'both'"):
        build(**{option: 'both'})


def test_predicts_as_the_network_alone():
    """The checkpoint is mmseg's, with the modules that CorrMatch adds."""
    model = build().eval()
    cfg = tiny.network(type='EncoderDecoder')
    cfg['data_preprocessor']['type'] = 'SegDataPreProcessor'
    stock = MODELS.build(cfg).eval()
    missing, unexpected = stock.load_state_dict(model.state_dict(), strict=False)
    assert missing == []
    assert {key for key in unexpected if not key.startswith('correlation.')} == OWN
    data = dict(
        inputs=[torch.randint(256, (3, 50, 70), dtype=torch.uint8)],
        data_samples=[
            SegDataSample(metainfo=dict(ori_shape=(50, 70), img_shape=(50, 70)))
        ],
    )
    with torch.no_grad():
        ours, theirs = (
            network.test_step(data)[0].seg_logits.data for network in (model, stock)
        )
    assert torch.equal(ours, theirs)


def test_eval_forward_leaves_the_threshold():
    model = build()
    before = model.thresh.value.clone()
    model.eval()
    with torch.no_grad():
        model.logits(torch.randn(1, 3, 65, 65))
    assert model.thresh.value == before
