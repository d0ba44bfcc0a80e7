from .analysis import Analysis, analyze, write_analysis
from .browsing import draw_samples
from .exporting import Export, export
from .inference import ImagePipeline, Prediction, inference_model, iter_predictions
from .inferencer import SemiInferencer
from .network import init_model
from .outputs import OutputFolder, OutputVideo
from .predict import predict_to_files
from .sources import NamedImages, open_images
from .sweep import LocalPlaces, SlurmPlaces, read_sweep, run_sweep, tables
from .tiles import TiledPrediction, Tiling, segment_tiles
from .training import Training, train
from .video import writing_video

__all__ = [
    'Analysis',
    'Export',
    'ImagePipeline',
    'LocalPlaces',
    'NamedImages',
    'OutputFolder',
    'OutputVideo',
    'Prediction',
    'SemiInferencer',
    'SlurmPlaces',
    'TiledPrediction',
    'Tiling',
    'Training',
    'analyze',
    'draw_samples',
    'export',
    'inference_model',
    'init_model',
    'iter_predictions',
    'open_images',
    'predict_to_files',
    'read_sweep',
    'run_sweep',
    'segment_tiles',
    'tables',
    'train',
    'write_analysis',
    'writing_video',
]
