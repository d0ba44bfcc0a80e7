"""Names that the files of a config give to parts of it."""

# Variables of the files in configs/_base_, and of the configs that `mmsemi init`
# writes or used to write. The configs in work dirs have them, too.
VARIABLES = frozenset(
    {
        'geometry',
        'labeled_pipeline',
        'load_image',
        'load_mask',
        'metainfo',
        'norm_cfg',
        'one_view_pipeline',
        'meanteacher_pipeline',
        'augseg_pipeline',
        'cps_pipeline',
        'pseudo_pipeline',
        'splits',
        'strong',
        'strong_views',
        'train_pipeline',
        'two_view_pipeline',
        'unlabeled_pipeline',
        'val_pipeline',
        'vis_backends',
        'weak_pipeline',
    }
)
