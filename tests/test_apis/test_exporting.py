"""Exported files: what they hold, and that they give what the network gives."""

import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import onnxruntime
import pytest
import torch
from mmengine.config import Config

from mmsemi.apis import export, inference_model, init_model
from mmsemi.apis.exporting import FORMATS, Comparison, default_file
from mmsemi.apis.exporting.comparison import batches, count, images_to_compare
from mmsemi.apis.exporting.graph import held_by_file, predicting_parts
from mmsemi.engine.hooks.ema_teacher_hook import CHECKPOINT_KEY
from mmsemi.registry import MODELS
from tests.helpers import networks
from tests.helpers.tools import TINY

LITE = dict(
    backbone=dict(type='EfficientNetLite', out_indices=(1, 4), output_stride=16),
    decode_head=dict(
        networks.NETWORKS['separable']['decode_head'],
        in_channels=320,
        c1_in_channels=24,
    ),
)


@pytest.fixture(scope='module')
def build(tiny_data, tmp_path_factory):
    """Return a network of several classes, loaded from a config and a checkpoint."""

    def build(name='deeplabv3plus', test_cfg=None, teacher=False, **method):
        networks_there = dict(networks.NETWORKS, lite=LITE)
        cfg = Config.fromfile(TINY)
        parts = dict(networks.network(), **networks_there[name])
        cfg.model = None
        cfg.model = dict(parts, **dict(dict(type='Supervised'), **method))
        if test_cfg:
            cfg.model.test_cfg = test_cfg
        for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
            loader.dataset.data_root = str(tiny_data)
        torch.manual_seed(0)
        states = []
        for _ in range(2):
            network = MODELS.build(cfg.model)
            torch.nn.init.normal_(network.decode_head.conv_seg.weight)
            states.append(network.state_dict())
        file = tmp_path_factory.mktemp(name) / 'random.pth'
        average = {f'module.{key}': value for key, value in states[1].items()}
        content = dict(meta={}, state_dict=states[0])
        torch.save(
            content | {CHECKPOINT_KEY: average | dict(steps=torch.ones(1))}, file
        )
        return init_model(cfg, file, 'cpu', teacher=teacher)

    return build


def classes(model, images):
    """Predict images (B, H, W, 3) as mmsemi does, each alone."""
    results = inference_model(model, list(images))
    return np.concatenate([result.pred_sem_seg.data for result in results])


def some_images(number, height, width):
    coarse = np.random.default_rng(0).integers(0, 256, (number, 4, 5, 3), np.uint8)
    return coarse.repeat(-(-height // 4), 1).repeat(-(-width // 5), 2)[
        :, :height, :width
    ]


@pytest.mark.parametrize(
    'name, test_cfg',
    [
        ('deeplabv3plus', None),
        ('segformer', None),
        ('dinov2', dict(mode='whole', multiple=14)),
    ],
)
def test_onnx(name, test_cfg, build, tmp_path):
    """One file takes any number of images of any size, and says what it is."""
    model = build(name, test_cfg)
    file = tmp_path / 'new/network.onnx'
    exported = export(model, file)
    assert exported.files == (file,) and exported.comparison.share < 1e-3
    assert exported.comparison.images == 3 + 2  # of the val list, and two parts

    session = onnxruntime.InferenceSession(file)
    (taken,), (given,) = session.get_inputs(), session.get_outputs()
    assert (taken.name, taken.type) == ('images', 'tensor(uint8)')
    assert taken.shape == ['batch', 'height', 'width', 3]
    assert (given.name, given.type) == ('classes', 'tensor(uint8)')
    for shape in ((1, 75, 64), (3, 97, 130)):
        images = some_images(*shape)
        (found,) = session.run(None, {'images': images})
        expected = classes(model, images)
        assert found.shape == shape and len(np.unique(expected)) > 1
        assert (found != expected).mean() < 1e-3

    meta = session.get_modelmeta().custom_metadata_map
    assert json.loads(meta['classes']) == ['ground', 'disc', 'box', 'bar']
    assert json.loads(meta['palette'])[1] == [200, 40, 40]
    assert json.loads(meta['mean']) == pytest.approx([123.675, 116.28, 103.53])
    assert meta['method'] == 'Supervised' and meta['mmsemi_version']
    assert 'BGR' in meta['input'] and meta['output'].startswith('classes, uint8')
    assert ('multiples of 14' in meta['evaluation']) == bool(test_cfg)


@pytest.mark.parametrize(
    'name, format, output',
    [
        ('separable', 'torch_export', 'probabilities'),
        ('lite', 'torchscript', 'logits'),
        ('dinov2', 'torchscript', 'classes'),
    ],
)
def test_formats_of_pytorch(name, format, output, build, tmp_path):
    model = build(name, dict(mode='whole', multiple=14) if name == 'dinov2' else None)
    file = tmp_path / 'network'
    export(model, file, format, output)
    predict = FORMATS[format].read(file)
    for shape in ((1, 75, 64), (3, 97, 130)):
        images = some_images(*shape)
        results = inference_model(model, list(images), probabilities=True)
        expected = dict(
            classes=np.concatenate([r.pred_sem_seg.data for r in results]),
            probabilities=np.stack([r.probabilities.data for r in results]),
        )
        expected['logits'] = expected['probabilities']
        found = torch.from_numpy(predict(images))
        if output == 'logits':
            found = found.softmax(1)
        assert found.shape == expected[output].shape
        assert np.abs(found.double().numpy() - expected[output]).max() < 1e-3
    with zipfile.ZipFile(file) as archive:
        (described,) = (n for n in archive.namelist() if n.endswith('metadata.json'))
        assert json.loads(archive.read(described))['method'] == 'Supervised'


RUN_MMSEG = """
import sys
sys.modules['mmsemi'] = None  # importing it fails
sys.modules['torchvision'] = None  # which does not fit every torch
import mmseg.apis, numpy as np
from mmengine.registry import init_default_scope
for folder in sys.argv[2:]:
    model = mmseg.apis.init_model(folder + '/n.py', folder + '/n.pth', 'cpu')
    assert model.dataset_meta['classes'][1] == 'disc', model.dataset_meta
    result = mmseg.apis.inference_model(model, sys.argv[1])
    np.save(folder + '/found.npy', result.pred_sem_seg.data.numpy())
call = mmseg.apis.MMSegInferencer(folder + '/n.py', folder + '/n.pth', device='cpu')
np.save(folder + '/called.npy', call(sys.argv[1])['predictions'])
"""


def test_mmseg_without_mmsemi(build, tiny_data, tmp_path):
    image = str(tiny_data / 'images/val/0.png')
    models = dict(
        whole=build('segformer', type='CPS', cps_weight=1),
        slide=build(
            'separable', dict(mode='windows', crop_size=(33, 33), stride=(22, 22))
        ),
    )
    for name, model in models.items():
        exported = export(model, tmp_path / name / 'n.pth', 'mmseg', tolerance=0.01)
        assert exported.comparison.images == 3
        assert {f.suffix for f in exported.files} == {'.pth', '.py'}
        assert sorted(f.name for f in (tmp_path / name).iterdir()) == ['n.pth', 'n.py']
    folders = [str(tmp_path / name) for name in models]
    subprocess.run([sys.executable, '-c', RUN_MMSEG, image, *folders], check=True)

    expected = inference_model(models['whole'], image).pred_sem_seg.data.numpy()
    found = np.load(tmp_path / 'whole/found.npy')
    assert (found != expected).mean() < 1e-3
    # mmseg averages logits over windows; so does our mode of its name.
    models['slide'].test_cfg.mode = 'slide'
    expected = inference_model(models['slide'], image).pred_sem_seg.data.numpy()
    assert (np.load(tmp_path / 'slide/found.npy') != expected).mean() < 1e-3
    assert (np.load(tmp_path / 'slide/called.npy') != expected[0]).mean() < 1e-3
    state = torch.load(tmp_path / 'whole/n.pth', weights_only=True)['state_dict']
    assert {name.split('.')[0] for name in state} == {'backbone', 'decode_head'}


@pytest.mark.parametrize(
    'name, part, instead',
    [
        ('deeplabv3plus', 'model.decode_head is DeepLabV3PlusHead', 'sepaspp'),
        ('dinov2', 'model.backbone is DINOv2', '--format onnx'),
        ('lite', 'model.backbone is EfficientNetLite', '--format onnx'),
    ],
)
def test_what_mmseg_lacks_is_refused(name, part, instead, build, tmp_path):
    model = build(name)
    with pytest.raises(ValueError, match=f'{part}, which mmseg does .*{instead}'):
        export(model, tmp_path / 'n.pth', 'mmseg')
    assert not list(tmp_path.iterdir())


def test_a_file_that_disagrees_is_not_written(build, tmp_path, monkeypatch):
    """An older file stays."""
    model = build()
    file = tmp_path / 'network.pt'
    file.write_text('older')
    good = FORMATS['torchscript']

    def read(file):
        predict = good.read(file)

        def wrong(images):
            found = predict(images)
            found[:, 0, :2] += 1
            return found

        return wrong

    monkeypatch.setitem(FORMATS, 'torchscript', good._replace(read=read))
    with pytest.raises(ValueError, match=r'10 of [\d,]+ pixels .*not written'):
        export(model, file, 'torchscript')
    assert file.read_text() == 'older' and list(tmp_path.iterdir()) == [file]
    exported = export(model, file, 'torchscript', tolerance=0.01)
    assert exported.comparison.differing == 10


def test_what_pytorch_cannot_trace_is_one_line(build, tmp_path):
    model = build()

    class Depends(torch.nn.Module):
        def forward(self, x):
            return x if x.mean() > 0 else -x

    model.decode_head.image_pool[0] = Depends()
    with pytest.raises(ValueError, match='cannot write .* torch.export .*--format tor'):
        export(model, tmp_path / 'n.pt2', 'torch_export')
    assert not list(tmp_path.iterdir())


def test_teacher(build, tmp_path):
    teacher, student = build(teacher=True), build()
    images = some_images(2, 40, 48)
    export(teacher, tmp_path / 'teacher.pt', 'torchscript')
    found = FORMATS['torchscript'].read(tmp_path / 'teacher.pt')(images)
    assert (found != classes(teacher, images)).mean() < 1e-3
    assert (found != classes(student, images)).mean() > 0.1
    assert default_file('a/b.pth', 'onnx', True).as_posix() == 'a/b_teacher.onnx'
    assert default_file('a/b.pth', 'mmseg').as_posix() == 'a/b_mmseg.pth'


def test_only_what_predicts_is_exported(build):
    model = build(type='CPS', cps_weight=1)
    lean = predicting_parts(model)
    assert {name.split('.')[0] for name in lean.state_dict()} == {
        'backbone',
        'decode_head',
    }
    assert hasattr(model, 'second')
    with pytest.raises(ValueError, match='A Linear cannot be exported'):
        predicting_parts(torch.nn.Linear(1, 1))


def test_windows_are_outside(build, tmp_path):
    """The file holds one window; it is compared on windows of multiples."""
    model = build('dinov2', dict(mode='windows', crop_size=(42, 42), stride=(28, 28)))
    held = held_by_file(model)
    assert (held.multiple, held.window, held.resized) == (14, (42, 42), 1)
    found = list(batches(model, [('', some_images(1, 40, 60)[0])], held))
    assert [b.shape for b in found] == [(1, 28, 42, 3), (2, 14, 28, 3)]
    exported = export(model, tmp_path / 'n.pt', 'torchscript')
    assert 'windows of 42x42' in exported.facts['outside']
    assert 'multiples of 14' in exported.facts['input']


def test_transforms_before_are_outside(build, tmp_path):
    model = build()
    resize = dict(type='Resize', scale=(60, 50))
    model.cfg.test_pipeline.insert(1, resize)
    exported = export(model, tmp_path / 'n.pt', 'torchscript')
    assert exported.facts['outside'] == 'Resize(scale=(60, 50))'
    assert exported.comparison.pixels == 3 * 50 * 60 + 2 * 38 * 45


def test_images_to_compare(build, tiny_data, folder, tmp_path):
    cfg = build().cfg
    assert len(images_to_compare(cfg, None, 20)) == 3
    chosen = images_to_compare(cfg, None, 2)
    assert [path[-5:] for path, _ in chosen] == ['0.png', '2.png']
    assert len(images_to_compare(cfg, folder, 20)) == 3
    found = images_to_compare(cfg, tiny_data / 'splits/val.txt', 20)
    assert found == images_to_compare(cfg, None, 20)
    (tmp_path / 'list.txt').write_text('nowhere.png\n')
    with pytest.raises(FileNotFoundError, match='nowhere.png, which is neither'):
        images_to_compare(cfg, tmp_path / 'list.txt', 20)
    cfg.val_dataloader.dataset.data_root = str(tmp_path / 'nothing')
    with pytest.raises(FileNotFoundError, match='--images FOLDER'):
        images_to_compare(cfg, None, 20)


def test_count():
    a = np.array([[[0, 1], [2, 3]]])
    assert count([(a, a), (a, np.array([[[0, 1], [2, 0]]]))]) == Comparison(2, 8, 1)
    scores = np.array([[[[0.2]], [[0.8]]]])
    found = count([(scores, scores[:, ::-1])])
    assert found == Comparison(1, 1, 1, pytest.approx(0.6))
    assert str(Comparison(2, 8000, 2)).startswith('2 of 8,000 pixels differ')
    with pytest.raises(ValueError, match='does not follow the size'):
        count([(a, a[:, :1])])


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(format='onyx'), 'none of onnx'),
        (dict(output='labels'), 'none of classes'),
        (dict(format='torchscript', opset=18), 'of ONNX'),
        (dict(format='mmseg', output='logits'), 'mmseg'),
        (dict(num_images=0), 'one image'),
    ],
)
def test_arguments(options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        export(io.BytesIO(), tmp_path / 'n', **options)
