"""Earlier states of the network in training, kept to guide it."""

import logging
import math
from copy import deepcopy

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmsemi.registry import HOOKS

from .guidance_hook import GuidanceHook, student

CHECKPOINT_KEY = 'previous_models'


class PreviousModel:
    """A state of the network, and a way to run it.

    All share one ``network``, which takes over the weights of the one that
    runs: where these are on its device and in its precision, they exist once.

    Args:
        network (nn.Module): Frozen, in eval mode, its weights of no matter.
        state (dict[str, Tensor]): Its state dict, on any device, parameters
            in any precision.
        epoch (int): The epoch before which the state was kept.
    """

    def __init__(
        self, network: nn.Module, state: dict[str, Tensor], epoch: int
    ) -> None:
        self.network = network
        self.state = state
        self.epoch = epoch
        self.dtype = next(network.parameters()).dtype

    @torch.no_grad()
    def logits(self, images: Tensor) -> Tensor:
        """Logits (B, C, H, W) of images (B, 3, H, W)."""
        state = {}
        for name, tensor in self.state.items():
            dtype = self.dtype if tensor.is_floating_point() else None
            state[name] = tensor.to(images.device, dtype)
        self.network.load_state_dict(state, assign=True)
        return self.network.logits(images)


@HOOKS.register_module()
class PreviousModelsHook(GuidanceHook):
    """Keeps previous models and lends them to a method.

    They guide :class:`mmsemi.models.PrevMatch`.  A model joins at the start
    of an epoch, if the validation just run improved the best score so far;
    the oldest makes room.  The models are frozen copies of the weights.  They
    are part of every checkpoint that a run can resume from (not of the best
    one's, which is without optimiser), and never of the network's
    ``state_dict``.

    Quirk: choosing by the score, as released, lets the validation set steer
    the training.  ``admit='every_n_epochs'`` does not look at it.

    Checkpoints are written before the validation of their epoch.  A run
    resumed from one which does not know that validation's outcome therefore
    begins with the validation, and goes on as it would have without the
    interruption.

    Args:
        max_models (int): Models to keep at most.  Defaults to 8.
        base_epochs (int): No model joins before this epoch (the first is 0).
            Defaults to 0.
        admit (str): 'best' or 'every_n_epochs'.
        interval (int): Epochs from one model to the next, for
            'every_n_epochs'.  Defaults to 1.
        key (str): The score that decides, larger is better, for 'best'.
            Defaults to 'mIoU'.
        device (str): Where the models wait: 'model', where the network is,
            or 'cpu'.
        dtype (str, optional): 'half' keeps the parameters in half precision;
            they compute in the network's.  Defaults to None: as they are.

    Raises:
        ValueError: An argument is out of range.
    """

    priority = 'NORMAL'

    def __init__(
        self,
        max_models: int = 8,
        base_epochs: int = 0,
        admit: str = 'best',
        interval: int = 1,
        key: str = 'mIoU',
        device: str = 'model',
        dtype: str | None = None,
    ) -> None:
        choices = dict(
            admit=(admit, ('best', 'every_n_epochs')),
            device=(device, ('model', 'cpu')),
            dtype=(dtype, (None, 'half')),
        )
        for name, (value, allowed) in choices.items():
            if value not in allowed:
                raise ValueError(f'{name}={value!r} is none of {allowed}.')
        if max_models < 1 or interval < 1:
            raise ValueError(
                f'max_models={max_models} and interval={interval} must be 1 or more.'
            )
        self.max_models = max_models
        self.base_epochs = base_epochs
        self.admit = admit
        self.interval = interval
        self.key = key
        self.device = device
        self.dtype = dtype

        self.models: list[PreviousModel] = []
        self.best = -math.inf
        self.validated = 0  # epochs of training before the last validation
        self.improved = 0  # the same for the last one that improved the best
        self.decided = -1  # epoch that was last decided about

    def before_run(self, runner) -> None:
        self.network = deepcopy(student(runner)).eval().requires_grad_(False)
        self.lend(runner, 'previous', self.models)

    def before_train(self, runner) -> None:
        """Check that what decides will be there.

        Raises:
            ValueError: Nothing is validated.
        """
        super().before_train(runner)
        if self.admit == 'best' and runner.val_loop is None:
            raise ValueError(
                f'{type(self).__name__} admits models by the best '
                f'{self.key}, but the config validates nothing: set '
                '`val_dataloader`, `val_cfg` and `val_evaluator`, or '
                "admit='every_n_epochs'."
            )

    def before_train_epoch(self, runner) -> None:
        """Decide whether the present model joins."""
        epoch = runner.epoch
        if self.decided == epoch:  # resumed in the middle of it
            return
        if self.admit == 'best':
            if self._owes_validation(runner):
                runner.val_loop.run()
            joins = epoch > 0 and self.improved == epoch
        else:
            joins = epoch > 0 and epoch % self.interval == 0
        if joins and epoch >= self.base_epochs:
            self._add(runner)
        self.decided = epoch

    def after_val_epoch(self, runner, metrics: dict[str, float]) -> None:
        """Note whether the score improved.

        Raises:
            ValueError: The validation gives no such score.
        """
        if self.admit != 'best':
            return
        if self.key not in metrics:
            raise ValueError(
                f'{type(self).__name__} admits models by {self.key!r}, but '
                f'the validation gives {", ".join(metrics) or "nothing"}: '
                'set `key`.'
            )
        self.validated = runner.epoch
        if metrics[self.key] > self.best:
            self.best = float(metrics[self.key])
            self.improved = runner.epoch

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        if 'optimizer' not in checkpoint:  # nothing to resume from
            return
        checkpoint[CHECKPOINT_KEY] = dict(
            best=self.best,
            validated=self.validated,
            improved=self.improved,
            decided=self.decided,
            models=[
                dict(
                    epoch=model.epoch,
                    state_dict={
                        name: tensor.cpu() for name, tensor in model.state.items()
                    },
                )
                for model in self.models
            ],
        )

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        if not runner._resume:
            return
        kept = checkpoint.pop(CHECKPOINT_KEY, None)
        if kept is None:
            print_log(
                'The checkpoint was written without PreviousModelsHook: '
                'the list of previous models begins empty.',
                logger='current',
                level=logging.WARNING,
            )
            return
        self.best = kept['best']
        self.validated = kept['validated']
        self.improved = kept['improved']
        self.decided = kept['decided']
        self.models[:] = [
            PreviousModel(
                self.network, self._stored(model['state_dict']), model['epoch']
            )
            for model in kept['models'][-self.max_models :]
        ]

    def _owes_validation(self, runner) -> bool:
        """The epoch just trained was to be validated, and was not."""
        loop = runner.train_loop
        return (
            self.validated != runner.epoch
            and runner.epoch > 0
            and runner.epoch >= loop.val_begin
            and runner.epoch % loop.val_interval == 0
        )

    def _add(self, runner) -> None:
        model = student(runner)
        state = {k: v.clone() for k, v in model.state_dict().items()}
        self.models.append(
            PreviousModel(self.network, self._stored(state), runner.epoch)
        )
        del self.models[: -self.max_models]
        runner.logger.info(
            f'The model joins the previous ones before epoch '
            f'{runner.epoch + 1}: {len(self.models)} of at most '
            f'{self.max_models}.'
        )

    def _stored(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """A state dict where, and as precise as, it is to wait."""
        parameters = dict(self.network.named_parameters())
        device = next(iter(parameters.values())).device
        if self.device == 'cpu':
            device = 'cpu'
        stored = {}
        for name, tensor in state.items():
            half = self.dtype == 'half' and name in parameters
            stored[name] = tensor.to(device, torch.half if half else tensor.dtype)
        return stored
