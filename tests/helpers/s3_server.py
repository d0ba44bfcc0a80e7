"""A server that speaks S3 and holds a folder; it may die after some requests.

``python -m tests.helpers.s3_server PORT FOLDER [REQUESTS [SUFFIX]]``: the bucket
``bucket`` holds the folder's files, and what is written there goes to the folder.  With
REQUESTS, the process ends at that many reads of images or shards; with SUFFIX, at that
many writes after a file with this suffix was written.
"""

import os
import sys
import threading
from pathlib import Path

from moto.backends import get_backend
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

ACCOUNT, BUCKET = '123456789012', 'bucket'


def main(port: str, folder: str, requests: str = '0', suffix: str = '') -> None:
    """Serve until the process is ended, or has answered enough."""
    store = get_backend('s3')[ACCOUNT]['aws']
    store.create_bucket(BUCKET, 'us-east-1')
    for file in Path(folder).rglob('*'):
        if file.is_file():
            name = file.relative_to(folder).as_posix()
            store.put_object(BUCKET, name, file.read_bytes())
    left, lock = int(requests), threading.Lock()
    counts = not suffix
    serve = DomainDispatcherApplication(create_backend_app)

    def count(environ, start_response):
        nonlocal left, counts
        method, path = environ['REQUEST_METHOD'], environ['PATH_INFO']
        is_data = method == 'GET' and path.endswith(('.png', '.tar'))
        is_write = method in ('PUT', 'DELETE')
        with lock:
            if left and counts and (is_write if suffix else is_data):
                left -= 1
                if not left:
                    os._exit(0)
        answer = serve(environ, start_response)
        if is_write:
            keep(Path(folder), path.removeprefix(f'/{BUCKET}/'))
            counts = counts or path.endswith(suffix)
        return answer

    def keep(folder, name):
        with lock:
            found = store.get_object(BUCKET, name)
            if found is None:
                (folder / name).unlink(missing_ok=True)
            else:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(found.value)

    server = make_server('127.0.0.1', int(port), count, threaded=True)
    print('ready', server.server_port, flush=True)
    server.serve_forever()


if __name__ == '__main__':
    main(*sys.argv[1:])
