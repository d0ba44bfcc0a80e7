"""A small set of scenes, and the content of a folder."""

SMALL = dict(seed=3, num_train=40, num_val=16, size=(48, 36))


def files(root):
    """Every file below the root with its time and content."""
    return {
        str(path.relative_to(root)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in root.rglob('*')
        if path.is_file()
    }


def pixels(root):
    return {name: content for name, (_, content) in files(root).items()}
