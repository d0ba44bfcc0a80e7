from types import SimpleNamespace

from mmsemi.engine.hooks import upload_hook
from mmsemi.engine.hooks.upload_hook import LATE, MIRROR, UploadHook


def test_a_late_copy_is_said_from_time_to_time(monkeypatch):
    now = 0.0
    monkeypatch.setattr(upload_hook.time, 'monotonic', lambda: now)
    said = []
    runner = SimpleNamespace(logger=SimpleNamespace(warning=said.append))
    behind = LATE + 5
    mirror = SimpleNamespace(address='s3://b/run', folder='run', check=lambda: behind)
    token = MIRROR.set(mirror)
    try:
        hook = UploadHook()
        hook.after_train_iter(runner)
        assert not said  # the run has just begun
        now = LATE + 1
        hook.after_train_iter(runner)
        hook.after_val_iter(runner)
        assert len(said) == 1 and f's3://b/run is {LATE + 5:.0f} s behind' in said[0]
        behind, now = 0, 3 * LATE
        hook.after_test_iter(runner)
        assert len(said) == 1
    finally:
        MIRROR.reset(token)
