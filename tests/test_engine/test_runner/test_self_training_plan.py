"""The stages of self-training and the refused configs, without running any."""

from pathlib import Path

import pytest

from mmsemi.engine.runner import self_training_runner
from mmsemi.registry import RUNNERS

TRAININGS = '1_supervised', '4_retraining', '6_retraining'
pytestmark = pytest.mark.usefixtures('plain_configs')


class TestOrder:
    @pytest.fixture
    def stages(self, monkeypatch, make_config, tmp_path):

        def run(resume=False, epochs=3, train_cfg=None, **self_training):
            configs = []

            def pretend(cfg, action, title):
                configs.append(cfg)
                return dict(best_ckpt='x/best.pth', last_ckpt='x/last.pth')

            monkeypatch.setattr(self_training_runner, 'run_stage', pretend)
            cfg = make_config(
                tmp_path, resume=resume, train_cfg=train_cfg or dict(max_epochs=epochs)
            )
            cfg.self_training = self_training
            RUNNERS.build(cfg).train()
            return {Path(c.work_dir).name: c for c in configs}

        return run

    def test_one_round_is_st(self, stages):
        cfgs = stages(shares=(1,))
        assert list(cfgs) == ['1_supervised', '2_pseudo_labels', '3_retraining']
        assert cfgs['2_pseudo_labels'].test_cfg.image_list is None
        assert cfgs['2_pseudo_labels'].load_from.endswith('1_supervised/best.pth')
        assert not cfgs['1_supervised'].get('custom_hooks')  # no snapshots

    def test_three_rounds(self, stages):
        cfgs = stages(shares=(0.2, 0.6, 1))
        kinds = [name.split('_', 1)[1] for name in cfgs]
        assert kinds == [
            'supervised',
            'reliability',
            *['pseudo_labels', 'retraining'] * 3,
        ]
        lists, networks, previous = zip(
            *(
                (
                    Path(c.test_cfg.image_list).name,
                    Path(c.load_from).parent.name,
                    c.test_cfg.previous_list,
                )
                for name, c in cfgs.items()
                if 'pseudo_labels' in name
            ),
            strict=True,
        )
        assert lists == ('reliable_1.txt', 'reliable_2.txt', 'unreliable.txt')
        assert networks == ('1_supervised', '4_retraining', '6_retraining')
        assert previous[0] is None
        assert [Path(p).parent.name for p in previous[1:]] == [
            '3_pseudo_labels',
            '5_pseudo_labels',
        ]
        trained_on = cfgs['8_retraining'].train_dataloader.dataset.pseudo_list
        assert Path(trained_on).parent.name == '7_pseudo_labels'

    def test_label_with_the_last_epoch(self, stages):
        cfgs = stages(shares=(1,), label_with='last')
        assert cfgs['2_pseudo_labels'].load_from.endswith('last.pth')

    def test_a_first_training_of_its_own_length(self, stages):
        cfgs = stages(shares=(0.5, 1), supervised_epochs=12)
        assert [cfgs[name].train_cfg.max_epochs for name in TRAININGS] == [12, 3, 3]
        snapshots = cfgs['2_reliability'].test_cfg.snapshots
        assert [Path(file).stem for file in snapshots] == [
            'epoch_4',
            'epoch_8',
            'epoch_12',
        ]

    def test_every_stage_starts_afresh(self, stages):
        cfgs = stages(shares=(0.5, 1))
        trainings = [cfgs[name] for name in TRAININGS]
        for cfg in trainings:
            assert cfg.runner_type == 'SemiRunner' and not cfg.load_from
            assert cfg.randomness.seed == 0
        names = [cfg.experiment_name for cfg in cfgs.values()]
        assert len(set(names)) == 6

    def test_a_finished_stage_keeps_its_length(self, stages, tmp_path):
        stages(shares=(0.5, 1))
        assert not stages(resume=True, shares=(0.5, 1))
        with pytest.raises(
            ValueError, match="1_supervised .*'max_epochs': 3}, .* {'max_epochs': 6}"
        ):
            stages(resume=True, epochs=6, shares=(0.5, 1))
        for name in ('4_retraining', '5_pseudo_labels', '6_retraining'):
            (tmp_path / name / 'finished.json').unlink()
        cfgs = stages(resume=True, epochs=6, shares=(0.5, 1), supervised_epochs=3)
        assert cfgs['4_retraining'].train_cfg.max_epochs == 6

    def test_by_iterations(self, stages):
        train_cfg = dict(type='IterBasedTrainLoop', max_iters=8, _delete_=True)
        cfgs = stages(shares=(1,), train_cfg=train_cfg)
        assert cfgs['3_retraining'].train_cfg.max_iters == 8


class TestFaults:
    """Each is one error before anything is trained."""

    def fails(self, make_config, tmp_path, said, **changes):
        with pytest.raises(ValueError, match=said):
            RUNNERS.build(make_config(tmp_path, **changes)).train()
        assert not (tmp_path / '1_supervised/epoch_1.pth').exists()

    @pytest.mark.parametrize(
        'said, changes',
        [
            (r"label_with='worst' is neither", {'self_training.label_with': 'worst'}),
            (
                r'shares=\(0\.5, 0\.9\) should ascend',
                {'self_training.shares': (0.5, 0.9)},
            ),
            (
                r'shares=\(1, 0\.5, 1\) should ascend',
                {'self_training.shares': (1, 0.5, 1)},
            ),
            (
                r'of 5 unlabeled images are \[0, 5\].*fewer rounds',
                {'self_training.shares': (0.1, 1)},
            ),
            (
                r'has 5 images, which do not fill a batch of 6',
                {
                    'total_batch_size': 6  # of 3 labeled and 2 pseudo-labeled ones
                },
            ),
            (r'max_epochs=2 is too short', {'train_cfg.max_epochs': 2}),
            (
                'max_iters=8 counts no epochs, but snapshots of self_training',
                {'train_cfg.type': 'IterBasedTrainLoop', 'train_cfg.max_iters': 8},
            ),
            (r"load_from='some\.pth': .*`--resume` without", {'load_from': 'some.pth'}),
            (
                r"label_with='best' needs .*label_with='last'",
                {'default_hooks.checkpoint.save_best': None},
            ),
            (
                r'needs unlabeled images.*train_list',
                {'train_dataloader.dataset.train_list': None},
            ),
            (
                r'needs unlabeled images.*SelfTrainingDataset',
                {'train_dataloader.dataset.type': 'SemiSegDataset'},
            ),
        ],
    )
    def test_config(self, make_config, tmp_path, said, changes):
        self.fails(make_config, tmp_path, said, **changes)
