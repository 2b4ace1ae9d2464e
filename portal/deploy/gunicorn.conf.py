"""The web server in production: `gunicorn -c portal/deploy/gunicorn.conf.py portal.wsgi`."""

import os

bind = os.environ.get("PORTAL_BIND", "127.0.0.1:8000")
# A download holds a thread for as long as it lasts, and little else. One person's hold PORTAL_DOWNLOADS_PER_PERSON of a
# worker's: keep several times as many.
workers, threads = 3, 16
worker_class = "gthread"
# Threads answer to the arbiter by themselves: this ends only a worker that hangs as a whole.
timeout = 60
graceful_timeout = 30
# Memory that a library never gives back comes back with the next worker.
max_requests, max_requests_jitter = 5000, 500
forwarded_allow_ips = "127.0.0.1"
# The proxy tells who asked for what, and leaves out the addresses that are keys themselves.
accesslog = None
# Nobody steers it but the signals of its unit.
control_socket_disable = True
