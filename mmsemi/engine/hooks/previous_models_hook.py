"""Keep earlier states of the network to guide its training."""

import logging
import math
from copy import deepcopy

import torch
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch import Tensor, nn

from mmsemi.registry import HOOKS
from mmsemi.utils.compat import resumes_from

from ..unwrap import student
from .guidance_hook import GuidanceHook
from .owed_validation_hook import OwedValidationHook

CHECKPOINT_KEY = 'previous_models'


class PreviousModel:
    """An earlier state of the network that can predict.

    All previous models share one ``network``, into which the weights of the
    model that predicts are put.  Weights on its device and in its precision
    are not copied for that.

    Args:
        network (nn.Module): Frozen and in eval mode; its weights are replaced.
        state (dict[str, Tensor]): State dict, on any device, parameters in
            any precision.
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
        """Compute logits (B, C, H, W) of images (B, 3, H, W), without gradients."""
        state = {}
        for name, tensor in self.state.items():
            dtype = self.dtype if tensor.is_floating_point() else None
            state[name] = tensor.to(images.device, dtype)
        self.network.load_state_dict(state, assign=True)
        return self.network.logits(images)


@HOOKS.register_module()
class PreviousModelsHook(GuidanceHook):
    """Keep previous models and lend them to a method.

    They guide :class:`mmsemi.models.PrevMatch` (`arXiv:2405.20610
    <https://arxiv.org/abs/2405.20610>`_).  A model joins at the start of an
    epoch if the last validation improved the best score; the oldest model is
    dropped for it.  The models are frozen copies of the weights.  Every
    checkpoint that can be resumed from contains them (the best checkpoint,
    which has no optimizer, does not); the network's ``state_dict`` never
    does.

    Quirk: choosing by the score, as released, lets the validation set
    influence the training.  ``admit='every_n_epochs'`` does not use it.

    A checkpoint is written before the validation of its epoch.  If it lacks the
    outcome, :class:`OwedValidationHook` repeats the validation, so that a
    resumed run continues as if uninterrupted.  This hook adds that hook to a
    run without one.

    Args:
        max_models (int): Largest number of models, 1 or more.  Defaults to 8.
        base_epochs (int): No model joins before this epoch (the first is 0).
            Defaults to 0.
        admit (str): 'best' (the default) or 'every_n_epochs'.
        interval (int): Epochs between two models, for 'every_n_epochs'.
            Defaults to 1.
        key (str): The score to compare, larger is better, for 'best'.
            Defaults to 'mIoU'.
        device (str): Where the models are stored: 'model' (the network's
            device, the default) or 'cpu'.
        dtype (str, optional): 'half' stores the parameters in half precision;
            computations use the network's precision.  Defaults to None: the
            network's precision.

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
        self.validated = 0  # number of epochs before the last validation
        self.improved = 0  # the same for the last one that improved the best
        self.decided = -1  # the last epoch for which `best` or `interval` was applied

    def before_run(self, runner: Runner) -> None:
        """Copy the network; lend the list, empty at first."""
        self.network = deepcopy(student(runner)).eval().requires_grad_(False)
        self.lend(runner, 'previous', self.models)

    def before_train(self, runner: Runner) -> None:
        """Check that there are scores to choose by, also in a resumed run.

        Raises:
            ValueError: The config has no validation.
        """
        super().before_train(runner)
        if self.admit != 'best':
            return
        if runner.val_loop is None:
            raise ValueError(
                f'{type(self).__name__} admits models by the best '
                f'{self.key}, but the config has no validation: set '
                '`val_dataloader`, `val_cfg` and `val_evaluator`, or '
                "admit='every_n_epochs'."
            )
        if not any(isinstance(hook, OwedValidationHook) for hook in runner.hooks):
            runner.register_hook(OwedValidationHook())

    def before_train_epoch(self, runner: Runner) -> None:
        """Add the current model if it is to join."""
        epoch = runner.epoch
        if self.decided == epoch:  # resumed inside the epoch
            return
        if self.admit == 'best':
            joins = epoch > 0 and self.improved == epoch
        else:
            joins = epoch > 0 and epoch % self.interval == 0
        if joins and epoch >= self.base_epochs:
            self._add(runner)
        self.decided = epoch

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float]) -> None:
        """Note whether the score improved.

        Raises:
            ValueError: The validation does not compute the score.
        """
        if self.admit != 'best':
            return
        if self.key not in metrics:
            raise ValueError(
                f'{type(self).__name__} admits models by {self.key!r}, but '
                f'the validation computes {", ".join(metrics) or "nothing"}: '
                'set `key`.'
            )
        self.validated = runner.epoch
        if metrics[self.key] > self.best:
            self.best = float(metrics[self.key])
            self.improved = runner.epoch

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add the models, and what decides which join."""
        if 'optimizer' not in checkpoint:  # cannot be resumed from
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

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Restore the models of a checkpoint that the run resumes from."""
        if not resumes_from(runner):
            return
        kept = checkpoint.pop(CHECKPOINT_KEY, None)
        if kept is None:
            print_log(
                'The checkpoint was written without PreviousModelsHook: '
                'the list of previous models starts empty.',
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

    def lacks_validation(self, runner: Runner) -> bool:
        """Check whether the outcome of this epoch's validation is missing.

        :class:`OwedValidationHook` calls it at the end of an epoch that is
        validated.
        """
        return self.admit == 'best' and self.validated != runner.epoch

    def _add(self, runner: Runner) -> None:
        model = student(runner)
        state = {k: v.clone() for k, v in model.state_dict().items()}
        self.models.append(
            PreviousModel(self.network, self._stored(state), runner.epoch)
        )
        del self.models[: -self.max_models]
        runner.logger.info(
            f'The model joins the previous models before epoch {runner.epoch + 1}: '
            f'{len(self.models)} of at most {self.max_models}.'
        )

    def _stored(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Move a state dict to the device and precision of storage."""
        parameters = dict(self.network.named_parameters())
        device = next(iter(parameters.values())).device
        if self.device == 'cpu':
            device = 'cpu'
        stored = {}
        for name, tensor in state.items():
            half = self.dtype == 'half' and name in parameters
            stored[name] = tensor.to(device, torch.half if half else tensor.dtype)
        return stored
