# OpenStack Swift with its S3 interface, on one machine: swift-server.py FOLDER PORT PORT PORT PORT (they must be free).
# S3 is on the first one. Needs Debian's python3-swift. Prints `ready` and the ids of its
# processes once it answers; ends with its standard input.
import os, signal, sys, time, urllib.error, urllib.request

from swift.common import utils
from swift.common.ring import RingBuilder
from swift.common.wsgi import run_wsgi

folder = sys.argv[1]
port, *others = map(int, sys.argv[2:])
backends = dict(zip(('object', 'container', 'account'), others))

os.makedirs(f'{folder}/disk/d', exist_ok=True)
for name, its_port in backends.items():
    builder = RingBuilder(1, 1, 0)
    builder.add_dev({'region': 1, 'zone': 1, 'ip': '127.0.0.1', 'port': its_port, 'device': 'd', 'weight': 1,
                     'replication_ip': '127.0.0.1', 'replication_port': its_port})
    builder.rebalance()
    builder.get_ring().save(f'{folder}/{name}.ring.gz')
with open(f'{folder}/swift.conf', 'w') as file:
    file.write('[swift-hash]\nswift_hash_path_suffix = test\n[storage-policy:0]\nname = only\ndefault = yes\n')
common = f'swift_dir = {folder}\nbind_ip = 127.0.0.1\nworkers = 0\nlog_address = /nowhere\nlog_level = ERROR\nuser = root\n'
for name, its_port in backends.items():
    with open(f'{folder}/{name}.conf', 'w') as file:
        file.write(f'[DEFAULT]\n{common}bind_port = {its_port}\ndevices = {folder}/disk\nmount_check = false\n'
                   f'[pipeline:main]\npipeline = {name}-server\n[app:{name}-server]\nuse = egg:swift#{name}\n')
with open(f'{folder}/proxy.conf', 'w') as file:
    file.write(f'''[DEFAULT]
{common}bind_port = {port}
[pipeline:main]
pipeline = catch_errors proxy-logging cache listing_formats s3api tempauth copy bulk slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:proxy-logging]
use = egg:swift#proxy_logging
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
min_segment_size = 5242880
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = sesame-4711-open .admin
[filter:copy]
use = egg:swift#copy
[filter:bulk]
use = egg:swift#bulk
[filter:slo]
use = egg:swift#slo
''')

utils.SWIFT_CONF_FILE = f'{folder}/swift.conf'
utils.validate_configuration()

children = []

def start(name):
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.exit(run_wsgi(f'{folder}/{name}.conf', f'{name}-server'))
    children.insert(0, pid)

def ready(its_port):
    for _ in range(300):
        try:
            urllib.request.urlopen(f'http://127.0.0.1:{its_port}/', timeout=2)
        except urllib.error.HTTPError:
            return True
        except OSError:
            time.sleep(0.1)
    return False

try:
    for name in backends:
        start(name)
    # The proxy last: what it finds absent it leaves alone for a minute.
    answers = all(map(ready, others))
    start('proxy')
    answers = answers and ready(port)
    print(f'ready {" ".join(map(str, children))}' if answers else 'does not answer', flush=True)
    sys.stdin.read()
finally:
    for pid in children:
        os.kill(pid, signal.SIGKILL)
