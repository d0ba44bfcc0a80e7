"""The Python of docs/inference.md runs, block after block."""

import re
import shutil

import numpy as np
from mmengine.config import Config

from tests.helpers.tools import ROOT, TINY


def test_inference_page(tiny_data, checkpoint, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where `folder` is `photos`
    shutil.copy(folder / 'a.png', 'photo.png')
    cfg = Config.fromfile(TINY)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.data_root = str(tiny_data)
    cfg.dump('tiny.py')
    page = (ROOT / 'docs/inference.md').read_text()
    blocks = re.findall(r'^```python\n(.*?)^```', page, re.M | re.S)
    assert len(blocks) == 4
    names = dict(CONFIG='tiny.py', CHECKPOINT=checkpoint)
    for i, block in enumerate(blocks):
        exec(compile(block, f'docs/inference.md, block {i}', 'exec'), names)
    assert names['classes'].shape == (40, 48) == names['confidence'].shape
    assert names['report'].saved == 3
    assert (tmp_path / 'results/pictures/a.png.png').is_file()
    assert names['picture'].dtype == np.uint8
    assert names['run'].checkpoint.is_file()
