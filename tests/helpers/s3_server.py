"""A server that speaks S3 and holds a folder; it may die after some requests.

``python -m tests.helpers.s3_server PORT FOLDER [REQUESTS]``: the folder's files are
in the bucket ``bucket``; with REQUESTS, the process ends at that many reads.
"""

import os
import sys
import threading
from pathlib import Path

from moto.backends import get_backend
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

ACCOUNT, BUCKET = '123456789012', 'bucket'


def main(port: str, folder: str, requests: str = '0') -> None:
    """Serve until the process is ended, or has answered enough."""
    store = get_backend('s3')[ACCOUNT]['aws']
    store.create_bucket(BUCKET, 'us-east-1')
    for file in Path(folder).rglob('*'):
        if file.is_file():
            name = file.relative_to(folder).as_posix()
            store.put_object(BUCKET, name, file.read_bytes())
    left, lock = int(requests), threading.Lock()
    serve = DomainDispatcherApplication(create_backend_app)

    def count(environ, start_response):
        nonlocal left
        with lock:
            is_read = environ['REQUEST_METHOD'] == 'GET'
            if left and is_read and environ['PATH_INFO'].endswith('.png'):
                left -= 1
                if not left:
                    os._exit(0)
        return serve(environ, start_response)

    server = make_server('127.0.0.1', int(port), count, threaded=True)
    print('ready', server.server_port, flush=True)
    server.serve_forever()


if __name__ == '__main__':
    main(*sys.argv[1:])
