from .inference import ImagePipeline, Prediction, inference_model, iter_predictions
from .inferencer import SemiInferencer
from .network import init_model
from .sources import NamedImages, open_images

__all__ = [
    'ImagePipeline',
    'NamedImages',
    'Prediction',
    'SemiInferencer',
    'inference_model',
    'init_model',
    'iter_predictions',
    'open_images',
]
