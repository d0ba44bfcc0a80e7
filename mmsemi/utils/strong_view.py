"""Let one setting of a data set say what strong views may change, and how far."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

# Which argument of which transform follows a name of `strong_view`.
FOLLOWERS: dict[str, dict[str, str]] = dict(
    brightness=dict(RandomColorJitter='brightness', RandomChannelJitter='brightness'),
    contrast=dict(RandomColorJitter='contrast', RandomChannelJitter='contrast'),
    saturation=dict(RandomColorJitter='saturation'),
    hue=dict(RandomColorJitter='hue'),
    gray=dict(RandomGray='prob'),
    blur=dict(RandomBlur='prob'),
    blur_sigma=dict(RandomBlur='sigma'),
)
LARGEST = dict(hue=0.5, gray=1, blur=1)
# RandomIntensity's operations have fixed strengths, about these: where a data set
# allows less, they are left out.
OPERATIONS: dict[str, dict[str, float]] = dict(
    brightness=dict(brightness=0.5),
    contrast=dict(contrast=0.5),
    autocontrast=dict(brightness=0.5, contrast=0.5),
    equalize=dict(brightness=0.5, contrast=0.5),
    posterize=dict(brightness=0.5, contrast=0.5),
    solarize=dict(brightness=0.5, contrast=0.5),
    color=dict(saturation=0.5),
    hue=dict(hue=0.25),
    blur=dict(blur=0.5),
    sharpness=dict(blur=0.5),  # it blurs, too
)
RELEASED = ('RandomColorJitter', 'RandomGray', 'RandomBlur')  # of `StrongViews`


def follow_strong_view(cfg: Any, name_of: Callable[[Any], str]) -> None:
    """Let the strong views of all pipelines follow ``strong_view``.

    ``strong_view = dict(brightness=0.1, hue=0, gray=0, blur=0)`` sets strengths
    (``brightness``, ``contrast``, ``saturation``, ``hue``), probabilities (``gray``,
    ``blur``) and ``blur_sigma``, the bounds of the blur in pixels, in every
    ``StrongViews`` and in the pipeline of self-training's pseudo-labeled images.
    What it does not name stays as the method has it.

    Args:
        cfg (Config): A config, changed in place; a second call changes nothing.
        name_of (Callable): Returns the name of a transform's ``type``.

    Raises:
        ValueError: A name or value is none of these, or no transform follows it.
    """
    wanted = dict(cfg.get('strong_view') or {})
    if not wanted:
        return
    for name, value in wanted.items():
        _check(name, value)
    followed = set()
    for transform in _strong(cfg, name_of):
        followed |= _set(transform, wanted, name_of)
    for name in wanted:
        if name not in followed and cfg.get('train_dataloader'):
            raise ValueError(
                f'strong_view.{name}={wanted[name]!r} is followed by nothing: no '
                f'strong view has a {" or ".join(FOLLOWERS[name])}. Remove it.'
            )


def lower_defaults(cfg: Any, name_of: Callable[[Any], str]) -> None:
    """Let ``transform_defaults`` follow ``strong_view``, before pipelines follow them.

    Args:
        cfg (Config): As in :func:`follow_strong_view`.
        name_of (Callable): Likewise.
    """
    wanted = {k: v for k, v in (cfg.get('strong_view') or {}).items() if k in FOLLOWERS}
    for kind, options in (cfg.get('transform_defaults') or {}).items():
        for transform in (
            options.get('transforms') or () if kind == 'StrongViews' else ()
        ):
            _set(transform, wanted, name_of)
        for name, value in wanted.items():
            argument = FOLLOWERS[name].get(kind)
            if argument in options:
                options[argument] = copy.deepcopy(value)


def _set(
    transform: dict, wanted: dict[str, Any], name_of: Callable[[Any], str]
) -> set[str]:
    """Set the arguments of a transform; return the names that it follows."""
    kind = name_of(transform['type'])
    if kind == 'RandomIntensity':
        transform['operations'] = _operations(transform, wanted)
        return set(wanted)
    followed = {name for name in wanted if kind in FOLLOWERS[name]}
    for name in followed:
        transform[FOLLOWERS[name][kind]] = copy.deepcopy(wanted[name])
    return followed


def _check(name: str, value: Any) -> None:
    """Check one setting.

    Raises:
        ValueError: It is none, or out of range.
    """
    if name not in FOLLOWERS:
        raise ValueError(
            f'strong_view.{name} does not exist: it has {", ".join(FOLLOWERS)}.'
        )
    if name == 'blur_sigma':
        return  # RandomBlur checks its bounds
    most = LARGEST.get(name, float('inf'))
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value <= most:
        allowed = f'from 0 to {most}' if most < 2 else 'of 0 or more'
        raise ValueError(f'strong_view.{name}={value!r} must be a number {allowed}.')


def _strong(cfg: Any, name_of: Callable[[Any], str]) -> Iterator[dict]:
    """Yield the transforms of all strong views of a config."""
    stack: list[tuple[Any, bool]] = [
        (value, key == 'pseudo_pipeline')
        for key, value in cfg.items()
        if key != 'model'
    ]
    while stack:
        node, strong = stack.pop()
        if isinstance(node, list | tuple):
            stack += [(child, strong) for child in node]
        if not isinstance(node, dict):
            continue
        kind = name_of(node['type']) if 'type' in node else ''
        if kind == 'StrongViews':
            node.setdefault('transforms', [dict(type=each) for each in RELEASED])
            stack.append((node['transforms'], True))
            continue
        if strong and kind:
            yield node
        stack += [(child, key == 'unlabeled_pipeline') for key, child in node.items()]


def _operations(transform: dict, wanted: dict[str, Any]) -> list[str]:
    """Return the operations of ``RandomIntensity`` that are not too strong."""
    every = ('identity', *OPERATIONS)
    named = transform.get('operations') or every
    return [
        operation
        for operation in named
        if all(
            wanted.get(name, strength) >= strength
            for name, strength in OPERATIONS.get(operation, {}).items()
        )
    ] or ['identity']
