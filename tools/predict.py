"""Segment an image, a video, or all images of a folder.

``python tools/predict.py photos/ CONFIG CHECKPOINT --out-dir results``
"""

from mmsemi.commands.predict import predict
from mmsemi.commands.shared import as_main
from mmsemi.utils.cli import run_tool

main = as_main(predict)

if __name__ == '__main__':
    run_tool(main)
