"""Table of the methods, with what each needs in a config.

Both writers of configs read this table: ``tools/dev/write_configs.py``, which
writes the published settings below ``configs``, and
``tools/data/init_dataset.py``, which writes a config for a user's own data.
``CONTRIBUTING.md`` shows how to add a method.
"""

from string import Template
from typing import NamedTuple


class Method(NamedTuple):
    """A method's lines in a config, as text with ``$values``.

    Attributes:
        model (str): Arguments of ``model``: the method and its options.
        pipeline (str): The pipeline of the unlabeled images, if it is not the
            one with two strong views.
        hook (str): The hook that the method needs.
        sampler (str): Arguments of the sampler, if they are not its defaults.
        shares (tuple[float]): Share of the unlabeled images in each round of
            self-training; empty for methods of one training.
        recipe (str): Prefix of the method's own recipes in
            ``configs/_base_/recipes``, which then set ``model``, ``pipeline``,
            ``hook`` and ``sampler``; empty for methods that share the recipes.
        network (str): Prefix of the method's own network in
            ``configs/_base_/models``; empty for methods that share it.
        published (str): Lines of the published settings only.
    """

    model: str
    pipeline: str = ''
    hook: str = ''
    sampler: str = ''
    shares: tuple[float, ...] = ()
    recipe: str = ''
    network: str = ''
    published: str = ''

    def fill(self, values: dict[str, str]) -> 'Method':
        """Return the row with its ``$values`` filled in.

        Raises:
            KeyError: A value is missing.
        """
        return self._replace(
            **{
                name: Template(text).substitute(values)
                for name, text in self._asdict().items()
                if isinstance(text, str)
            }
        )


# The backbones of a config for own data, and where their weights may lie.
BACKBONES = {
    'tiny': None,  # a thin ResNet-18, which has no pretrained weights
    'lite0': 'efficientnet-lite://lite0',  # EfficientNet-Lite0, for CPUs
    'r50': 'pretrained/resnet50.pth',
    'r101': 'pretrained/resnet101.pth',
    'dinov2-s': 'pretrained/dinov2_vits14_pretrain.pth',
    'dinov2-b': 'pretrained/dinov2_vitb14_pretrain.pth',
}
METHODS = dict(
    supervised=Method(
        "type='Supervised'",
        sampler='ratio=(1, 0)',
        published="""\
total_batch_size = 16  # as many images as the other methods: 8 + 8
auto_scale_lr = dict(base_batch_size=16)
""",
    ),
    fixmatch=Method(
        "type='FixMatch', conf_thresh=$conf_thresh", pipeline='one_view_pipeline'
    ),
    unimatch=Method("type='UniMatch', conf_thresh=$conf_thresh"),
    rankmatch=Method("type='RankMatch', conf_thresh=$conf_thresh"),
    corrmatch=Method(
        "type='CorrMatch'",
        pipeline='one_view_pipeline',
        recipe='corrmatch_',
        network='corrmatch_',
    ),
    prevmatch=Method(
        "type='PrevMatch', conf_thresh=$conf_thresh$prev_options",
        hook="dict(type='PreviousModelsHook'$prev_models)",
        published="""\
optim_wrapper = dict(type='AutocastOptimWrapper', dtype=None)  # float16 on a GPU
$prev_interval""",
    ),
    unimatch_v2=Method(
        "type='UniMatchV2', conf_thresh=$conf_thresh",
        hook="dict(type='EMATeacherHook', evaluate=True)",
        sampler="partner='in_batch'",
    ),
    meanteacher=Method(
        "type='MeanTeacher', conf_thresh=0.97",
        pipeline='meanteacher_pipeline',
        hook="dict(type='EMATeacherHook', max_decay=0.99, warmup=False, evaluate=True)",
        recipe='meanteacher_',
    ),
    augseg=Method(
        "type='AugSeg', conf_thresh=$conf_thresh",
        pipeline='augseg_pipeline',
        hook="dict(type='EMATeacherHook', max_decay=0.999, evaluate=True)",
        recipe='augseg_',
    ),
    balancedmatch=Method(
        "type='BalancedMatch', conf_thresh=$conf_thresh",
        hook="dict(type='EMATeacherHook', max_decay=0.99, evaluate=True)",
        sampler="partner='in_batch'",
    ),
    cps=Method("type='CPS', cps_weight=1", pipeline='cps_pipeline', recipe='cps_'),
    st=Method("type='Supervised'", shares=(1,), recipe='st_'),
    stpp=Method("type='Supervised'", shares=(0.5, 1), recipe='st_'),
)


def loader_text(sampler: str, pipeline: str, *dataset: str) -> str:
    """Return the text of a config's ``train_dataloader``.

    Args:
        sampler (str): As in :class:`Method`.
        pipeline (str): As in :class:`Method`.
        dataset (str): More arguments of the data set.
    """
    options = list(dataset)
    if pipeline:
        options.append(f'unlabeled_pipeline={{{{_base_.{pipeline}}}}}')
    loader = [f'sampler=dict({sampler})'] if sampler else []
    if options:
        inner = options[0] if len(options) == 1 else _lines(options, 8)
        loader.append(f'dataset=dict({inner})')
    whole = f'train_dataloader = dict({loader[0]})'
    if len(loader) == 1 and '\n' not in whole and len(whole) < 80:
        return f'{whole}\n'
    return f'train_dataloader = dict({_lines(loader, 4)})\n'


def _lines(arguments: list[str], columns: int) -> str:
    blanks = '\n' + ' ' * columns
    return blanks + f',{blanks}'.join(arguments)
