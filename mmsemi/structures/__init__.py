from .paste import NO_BOX, Box, Paste, as_pastes
from .streams import (
    ADJUSTMENTS,
    STREAMS,
    Batch,
    Draws,
    LabeledStream,
    PartnerStream,
    Sample,
    Streams,
    UnlabeledStream,
)

__all__ = [
    'ADJUSTMENTS',
    'NO_BOX',
    'STREAMS',
    'Batch',
    'Box',
    'Draws',
    'LabeledStream',
    'PartnerStream',
    'Paste',
    'Sample',
    'Streams',
    'UnlabeledStream',
    'as_pastes',
]
