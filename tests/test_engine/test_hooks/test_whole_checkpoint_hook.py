"""WholeCheckpointHook leaves a whole checkpoint, whatever happens while saving."""

import os
import random
import resource
import time

import pytest
from mmengine.fileio import LocalBackend
from mmengine.hooks import Hook

from mmsemi.engine.runner.resuming import newest_whole_checkpoint
from mmsemi.utils.checkpoint import read_checkpoint, write_checkpoint
from mmsemi.utils.processes import SINCE
from tests.stress.kill_saving import fork, kill_once, saving_runner

# Children are forked: no other thread may hold a lock.
pytestmark = pytest.mark.usefixtures('one_thread')


def test_killed_while_saving(tmp_path):
    rng = random.Random(0)
    for _ in range(4):
        kill_once(tmp_path, rng.uniform(0, 0.2))


class FullDisk(Hook):
    """From the third epoch on, limit files to half the size of a checkpoint."""

    def before_train_epoch(self, runner):
        if runner.epoch == 2:
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))


def test_full_disk(tmp_path):
    pid = fork(tmp_path, hook=FullDisk(), epochs=4)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    output = (tmp_path / 'output.txt').read_text()
    assert 'epoch_3.pth could not be written (File too large)' in output
    assert 'resume with `--resume`' in output
    work = tmp_path / 'work'
    assert newest_whole_checkpoint(str(work)) == str(work / 'epoch_2.pth')
    assert read_checkpoint(work / 'epoch_2.pth')['meta']['epoch'] == 2
    assert (work / 'best_mIoU_epoch_2.pth').exists()
    assert not list(work.glob('.*.part'))


def test_old_ones_go_when_the_new_one_stands(tmp_path):
    """As many files remain as with MMEngine's hook."""
    saving_runner(tmp_path, size=10, epochs=3).train()
    assert {f.name for f in tmp_path.glob('*.pth')} == {
        'epoch_3.pth',
        'best_mIoU_epoch_3.pth',
    }
    assert (tmp_path / 'last_checkpoint').read_text().endswith('epoch_3.pth')


class KillBefore(Hook):
    """Kill the run before the n-th file is written, or removed."""

    def __init__(self, action, time):
        self.action, self.left = action, time

    def before_train(self, runner):
        owner, name = dict(
            save=(runner, 'save_checkpoint'), remove=(LocalBackend, 'remove')
        )[self.action]
        done = getattr(owner, name)

        def counted(*args, **kwargs):
            self.left -= 1
            if not self.left:
                os._exit(9)
            return done(*args, **kwargs)

        setattr(owner, name, counted)


@pytest.mark.parametrize(
    'action, time, before, after',
    [
        ('remove', 1, '1 2 b1', '2 b1'),
        ('remove', 2, '2 b1 b2', '2 b2'),
        ('save', 2, '2 b1', '2 b1'),
        ('save', 3, '2 b1 b2', '2 b2'),
    ],
)
def test_a_resumed_run_does_what_a_kill_left(tmp_path, action, time, before, after):
    """Exactly the right files remain, and the best checkpoint is known."""
    work = tmp_path / 'work'

    def files():
        names = (file.stem for file in work.glob('*.pth'))
        return {name.replace('best_mIoU_', 'b').replace('epoch_', '') for name in names}

    saving_runner(work, size=10, epochs=1).train()
    assert files() == {'1', 'b1'}
    pid = fork(tmp_path, hook=KillBefore(action, time), size=10, epochs=2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    assert files() == set(before.split())
    runner = saving_runner(work, size=10, epochs=2)
    runner.train()
    assert files() == set(after.split())
    best = runner.message_hub.get_info('best_ckpt')
    assert best == str(work / f'best_mIoU_epoch_{after[-1]}.pth')
    assert (
        runner.message_hub.get_info('best_score')
        == read_checkpoint(best)['message_hub']['runtime_info']['best_score']
    )


def test_kills_at_the_same_place_leave_no_more(tmp_path):
    for _ in range(3):
        pid = fork(tmp_path, hook=KillBefore('save', 3), size=10)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    saved = {file.name for file in (tmp_path / 'work').glob('*.pth')}
    assert saved == {
        f'{name}epoch_{i}.pth'
        for name, i in (('', 3), ('best_mIoU_', 2), ('best_mIoU_', 3))
    }


def test_files_elsewhere_are_left_alone(tmp_path):
    """This holds whatever paths a checkpoint names."""
    work, other = tmp_path / 'work', tmp_path / 'best_mIoU_epoch_1.pth'
    other.write_text('mine')
    saving_runner(work, size=10, epochs=1).train()
    file = work / 'epoch_1.pth'
    content = read_checkpoint(file)
    content['message_hub']['runtime_info'].update(
        best_ckpt=str(other), superseded=[str(other), '../' + other.name]
    )
    write_checkpoint(content, file)
    saving_runner(work, size=10, epochs=2).train()
    assert other.read_text() == 'mine'


def test_a_best_written_again_in_its_place_stays(tmp_path):
    """When an epoch is validated again, its best checkpoint has the same name."""
    runner = saving_runner(tmp_path, size=10, epochs=2)
    runner.train()
    runner.val_loop.run()
    assert (tmp_path / 'best_mIoU_epoch_2.pth').exists()


def checkpoint(file, when):
    write_checkpoint(dict(meta={}, state_dict={}, message_hub={}), file)
    os.utime(file, (when, when))


def test_newest_whole_checkpoint(tmp_path, caplog):
    assert newest_whole_checkpoint(str(tmp_path)) is None
    now = time.time()
    for name, age in (
        ('epoch_1.pth', 30),
        ('epoch_2.pth', 20),
        ('epoch_3.pth', 10),
        ('best_mIoU_epoch_3.pth', 5),
    ):
        checkpoint(tmp_path / name, now - age)
    pointer = tmp_path / 'last_checkpoint'
    for text in ('', str(tmp_path / 'epoch_1.pth'), '/nowhere/epoch_9.pth'):
        pointer.write_text(text)
        assert newest_whole_checkpoint(str(tmp_path)).endswith('epoch_3.pth')
    whole = (tmp_path / 'epoch_3.pth').read_bytes()
    (tmp_path / 'epoch_3.pth').write_bytes(whole[: len(whole) // 2])
    assert newest_whole_checkpoint(str(tmp_path)).endswith('epoch_2.pth')
    for name in ('epoch_1.pth', 'epoch_2.pth'):
        (tmp_path / name).write_bytes(b'')
    with pytest.raises(ValueError, match='No checkpoint of .*start anew'):
        newest_whole_checkpoint(str(tmp_path))


def test_a_run_that_is_started_again_resumes_from_what_it_wrote(tmp_path, monkeypatch):
    """Without being told to, and not from what another run has left."""

    class Epochs(Hook):
        def before_train_epoch(self, runner):
            seen.append(runner.epoch)

    saving_runner(tmp_path, size=10, epochs=2).train()
    for since, epochs in ((-60, [2]), (60, [0, 1, 2])):
        monkeypatch.setenv(SINCE, str(time.time() + since))
        seen: list[int] = []
        runner = saving_runner(tmp_path, Epochs(), size=10, epochs=3)
        runner._resume = False
        runner.train()
        assert seen == epochs


def test_the_folder_that_is_named_is_searched(tmp_path):
    (tmp_path / 'work').mkdir()
    checkpoint(tmp_path / 'out' / 'epoch_1.pth', time.time())
    (tmp_path / 'work/last_checkpoint').write_text(str(tmp_path / 'out/epoch_1.pth'))
    found = newest_whole_checkpoint(str(tmp_path / 'work'))
    assert found == str(tmp_path / 'out/epoch_1.pth')
