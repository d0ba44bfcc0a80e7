"""Read annotation files: COCO, LabelMe, CVAT for images, Label Studio."""

from .reading import read_annotations
from .regions import Annotated, Annotations, Region

__all__ = ['Annotated', 'Annotations', 'Region', 'read_annotations']
