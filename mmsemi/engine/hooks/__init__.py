from .corrupt_files_hook import CorruptFilesHook
from .ema_teacher_hook import EMATeacherHook, teacher_checkpoint
from .health_hook import HealthHook
from .non_finite_hook import NonFiniteHook
from .owed_validation_hook import OwedValidationHook
from .preemption_hook import PreemptionHook
from .previous_models_hook import PreviousModelsHook
from .pseudo_label_hook import PseudoLabelHook
from .results_hook import ResultsHook
from .snapshot_hook import SnapshotHook
from .stall_hook import StallHook
from .step_seed_hook import StepSeedHook
from .terminal_hook import TerminalHook
from .upload_hook import UploadHook
from .validation_pictures_hook import ValidationPicturesHook
from .whole_checkpoint_hook import WholeCheckpointHook

__all__ = [
    'CorruptFilesHook',
    'EMATeacherHook',
    'HealthHook',
    'NonFiniteHook',
    'OwedValidationHook',
    'PreemptionHook',
    'PreviousModelsHook',
    'PseudoLabelHook',
    'ResultsHook',
    'SnapshotHook',
    'StallHook',
    'StepSeedHook',
    'TerminalHook',
    'UploadHook',
    'ValidationPicturesHook',
    'WholeCheckpointHook',
    'teacher_checkpoint',
]
