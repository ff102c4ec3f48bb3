"""Services that nobody here wrote, and what their own clients and tests do with them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import urllib.error
import urllib.request
import xml.etree.ElementTree as xml
from collections.abc import Callable
from pathlib import Path

from host import HERE, NODE, PYTHON, TARGET, Kind, Place

Check = Callable[[Place], str]


def said(*words: str | Path, place: Place, folder: Path | None = None, **variables: str) -> str:
    """A client's command; its output, or a failure with what it said."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PLIMSOLL_")}
    environment = clean | {"PATH": f"{PYTHON}:{NODE / 'node_modules' / '.bin'}:{os.environ['PATH']}", "HOME": str(place.folder)} | variables
    done = subprocess.run([str(word) for word in words], cwd=folder or place.folder, env=environment, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise AssertionError(f"{Path(str(words[0])).name} ended with {done.returncode}: {(done.stdout + done.stderr)[-1500:]}")
    return done.stdout


def python(place: Place, code: str) -> str:
    return said(PYTHON / "python", "-c", code, place=place, BASE=place.base, KEY=place.key or "", GRADIO_ANALYTICS_ENABLED="False").strip()


def must(holds: bool, what: str) -> str:
    if not holds:
        raise AssertionError(what)
    return what


def fetch(place: Place, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    own = {"Authorization": f"Bearer {place.key}"} if place.key else {}
    request = urllib.request.Request(place.base + path, headers=own | {name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


# --- Gradio: FastAPI with server-sent events and uploads -----------------------------------------

GRADIO = """
import gradio as gr, os
def words(text, file):
    for times in range(1, 4):
        yield text * times, file
gr.Interface(words, ["text", "file"], ["text", "file"], api_name="words").queue().launch(server_port=int(os.environ["GRADIO_SERVER_PORT"]), quiet=True)
"""
CLIENT = "import os\nfrom gradio_client import Client, handle_file\nheaders = {'Authorization': 'Bearer ' + os.environ['KEY']} if os.environ['KEY'] else None\nclient = Client(os.environ['BASE'], headers=headers, verbose=False)\n"


def gradio_events(place: Place) -> str:
    file = place.folder / "small.txt"
    file.write_text("small")
    code = f"job = client.submit('ab', handle_file({str(file)!r}), api_name='/words')\nprint([step[0] for step in job])"
    return must(python(place, CLIENT + code) == "['ab', 'abab', 'ababab']", "three results come one by one as events")


def gradio_upload(place: Place) -> str:
    file = place.folder / "large.bin"
    file.write_bytes(os.urandom(20_000_000))
    code = f"import hashlib\nback = client.predict('a', handle_file({str(file)!r}), api_name='/words')[1]\nprint(hashlib.sha256(open(back, 'rb').read()).hexdigest())"
    return must(python(place, CLIENT + code) == hashlib.sha256(file.read_bytes()).hexdigest(), "20 MB go up and come back the same")


# --- httpbin: Flask under gunicorn, with the tests of `requests` ---------------------------------

# Tests that want what a host does not do. They have to fail behind it: one that passes there is to be taken out of this list.
NOT_BEHIND = {"test_proxy_authorization_preserved_on_request": "Proxy-Authorization is a word to the proxy and goes no further"}


def requests_tests(place: Place) -> str:
    folder = TARGET / "requests"
    if not folder.is_dir():
        said(PYTHON / "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "requests==2.34.2", "-d", TARGET, place=place)
        said("tar", "xzf", TARGET / "requests-2.34.2.tar.gz", "-C", TARGET, place=place)
        (TARGET / "requests-2.34.2").rename(folder)
    report = place.folder / "report.xml"
    words = [PYTHON / "python", "-m", "pytest", "-q", "-p", "httpbin_url", "-p", "no:cacheprovider", f"--junitxml={report}", "--rootdir", folder, folder / "tests"]
    try:
        said(*words, place=place, folder=folder, HTTPBIN_URL=place.base, PYTHONPATH=f"{HERE}:{folder / 'src'}")
    except AssertionError as error:
        if not report.is_file():
            raise error
    cases = list(xml.parse(report).getroot().iter("testcase"))
    bad = sorted(case.get("name", "") for case in cases if case.find("failure") is not None or case.find("error") is not None)
    skipped = sum(case.find("skipped") is not None for case in cases)
    expected = NOT_BEHIND if place.operations else {}
    if set(bad) != set(expected):
        passed = sorted(set(expected) - set(bad))
        raise AssertionError(f"{len(bad)} of {len(cases)} tests fail: {', '.join(bad)}; declared as failing and passing: {', '.join(passed) or 'none'}")
    why = "".join(f", {name} fails as declared ({reason})" for name, reason in expected.items())
    return f"{len(cases) - skipped - len(bad)} tests of requests pass, {skipped} are skipped by it{why}"


# --- Datasette: ASGI, JSON and pages -------------------------------------------------------------


def datasette_query(place: Place) -> str:
    token = ["--token", place.key] if place.key else []
    rows = json.loads(said(PYTHON / "dclient", "query", f"{place.base}/_memory", "select 6 * 7 as answer", *token, place=place))
    return must(rows == [{"answer": 42}], "its own client asks and gets rows")


def datasette_stream(place: Place) -> str:
    sql = "with+recursive+n(i)+as+(select+1+union+all+select+i%2B1+from+n+where+i%3C900)+select+i,hex(randomblob(500))+from+n"
    status, _, body = fetch(place, f"/_memory.csv?sql={sql}&_size=max")
    lines = body.decode().strip().splitlines()
    return must(status == 200 and len(lines) == 901, f"900 rows come as CSV ({status}, {len(lines)} lines)")


def datasette_pages(place: Place) -> str:
    pages = {path: fetch(place, path) for path in ("/", "/_memory", "/-/versions.json", "/-/static/app.css")}
    return must(all(status == 200 and body for status, _, body in pages.values()), f"its pages and styles come: {[(path, page[0]) for path, page in pages.items()]}")


# --- Verdaccio: an Express registry, with npm as its client --------------------------------------


def verdaccio_npm(place: Place) -> str:
    host = place.base.removeprefix("http:")
    person = json.dumps({"_id": "org.couchdb.user:ada", "name": "ada", "password": "correct horse", "email": "ada@example.org", "type": "user", "roles": []})
    request = urllib.request.Request(f"{place.base}/-/user/org.couchdb.user:ada", person.encode(), {"Content-Type": "application/json"}, method="PUT")
    with urllib.request.urlopen(request, timeout=60) as answer:
        token = json.load(answer)["token"]
    (place.folder / "npmrc").write_text(f"registry={place.base}/\n{host}/:_authToken={token}\naudit=false\nfund=false\ncache={place.folder}/npm\n")
    package = place.folder / "parcel"
    package.mkdir(exist_ok=True)
    (package / "package.json").write_text(json.dumps({"name": "parcel-of-ours", "version": "1.2.3", "description": "x" * 200}))
    (package / "blob.bin").write_bytes(os.urandom(3_000_000))

    def npm(*words: str) -> str:
        return said("npm", *words, "--userconfig", place.folder / "npmrc", place=place)

    npm("publish", str(package))
    seen = npm("view", "parcel-of-ours", "version").strip()
    taker = place.folder / "taker"
    taker.mkdir(exist_ok=True)
    (taker / "package.json").write_text('{"name": "taker", "version": "1.0.0"}')
    npm("install", "parcel-of-ours", "--prefix", str(taker))
    same = (taker / "node_modules/parcel-of-ours/blob.bin").read_bytes() == (package / "blob.bin").read_bytes()
    return must(seen == "1.2.3" and same and npm("whoami").strip() == "ada", "npm logs in, publishes 3 MB, finds and installs them")


# --- PeerServer: Express with WebSocket ----------------------------------------------------------


def peer_meet(place: Place) -> str:
    script = NODE / "peers.mjs"
    script.write_text((HERE / "peers.mjs").read_text())
    return must(said("node", script, place.base, place=place).strip() == "heard", "two peers meet over WebSockets, with a message of 70 kB")


def peer_http(place: Place) -> str:
    status, _, body = fetch(place, "/peerjs/id")
    return must(status == 200 and len(body) == 36, "an id comes over HTTP")


# --- A static site -------------------------------------------------------------------------------


def site_links(place: Place) -> str:
    found = json.loads(said("linkinator", f"{place.base}/index.html", "--recurse", "--format", "json", "--skip", "^(?!http://127.0.0.1)", place=place))
    kept = [link for link in found["links"] if link["state"] != "SKIPPED"]
    return must(found["passed"] and len(kept) >= 5, f"a link checker follows {len(kept)} links, none broken")


def site_parts(place: Place) -> str:
    status, headers, whole = fetch(place, "/swagger-ui-bundle.js")
    headers = {name.lower(): value for name, value in headers.items()}
    part = fetch(place, "/swagger-ui-bundle.js", Range="bytes=100-199")
    known = fetch(place, "/swagger-ui-bundle.js", If_None_Match=headers.get("etag", "none"))
    return must((status, part[0], part[2], known[0]) == (200, 206, whole[100:200], 304), f"parts and conditions work: {status}, {part[0]}, {known[0]}")


# --- Moto: the interfaces of a cloud, with boto3 -------------------------------------------------

BOTO = "import boto3, os\nfrom botocore.config import Config\nhow = dict(endpoint_url=os.environ['BASE'], region_name='us-east-1', aws_access_key_id='a', aws_secret_access_key='b')\n"


def moto_s3(place: Place) -> str:
    code = """
import hashlib, io, urllib.request
from boto3.s3.transfer import TransferConfig
s3 = boto3.client('s3', config=Config(s3={'addressing_style': 'path'}), **how)
s3.create_bucket(Bucket='box')
body = os.urandom(17_000_000)
s3.upload_fileobj(io.BytesIO(body), 'box', 'a b/ü+c.bin', Config=TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20))
assert s3.get_object(Bucket='box', Key='a b/ü+c.bin')['Body'].read() == body
assert s3.get_object(Bucket='box', Key='a b/ü+c.bin', Range='bytes=5-9')['Body'].read() == body[5:10]
url = s3.generate_presigned_url('get_object', Params={'Bucket': 'box', 'Key': 'a b/ü+c.bin'})
assert urllib.request.urlopen(url).read() == body
assert [one['Key'] for one in s3.list_objects_v2(Bucket='box')['Contents']] == ['a b/ü+c.bin']
s3.delete_object(Bucket='box', Key='a b/ü+c.bin')
print('done')
"""
    return must(python(place, BOTO + code) == "done", "boto3 stores 17 MB in parts, reads ranges, lists, deletes, in signed requests")


def moto_others(place: Place) -> str:
    code = """
sqs = boto3.client('sqs', **how)
queue = sqs.create_queue(QueueName='line')['QueueUrl']
sqs.send_message(QueueUrl=queue, MessageBody='hello')
assert sqs.receive_message(QueueUrl=queue)['Messages'][0]['Body'] == 'hello'
table = boto3.resource('dynamodb', **how).create_table(TableName='t', KeySchema=[{'AttributeName': 'k', 'KeyType': 'HASH'}], AttributeDefinitions=[{'AttributeName': 'k', 'AttributeType': 'S'}], BillingMode='PAY_PER_REQUEST')
table.put_item(Item={'k': 'a', 'v': 1})
assert table.get_item(Key={'k': 'a'})['Item']['v'] == 1
print('done')
"""
    return must(python(place, BOTO + code) == "done", "a queue and a table work")


# --- Jupyter Server: Tornado, a kernel over WebSocket --------------------------------------------


def jupyter_kernel(place: Place) -> str:
    code = """
import os
from jupyter_kernel_client import JupyterKernelClient
with JupyterKernelClient(server_url=os.environ['BASE'], token='secret') as kernel:
    reply = kernel.execute('for n in range(3): print(n * "z")\\n6 * 7')
print([out.get('text') or out['data']['text/plain'] for out in reply['outputs']], reply['status'])
"""
    out = python(place, code)
    return must("42" in out and "zz" in out and "ok" in out, f"a kernel runs code over a WebSocket: {out}")


def jupyter_contents(place: Place) -> str:
    headers = {"Authorization": "token secret", "Content-Type": "application/json"}
    text = json.dumps({"type": "file", "format": "text", "content": "line\n" * 50_000})
    request = urllib.request.Request(f"{place.base}/api/contents/a%20b.txt", text.encode(), headers, method="PUT")
    with urllib.request.urlopen(request, timeout=60) as answer:
        made = answer.status
    with urllib.request.urlopen(urllib.request.Request(f"{place.base}/files/a%20b.txt", headers=headers), timeout=60) as answer:
        back = answer.read().decode()
    return must(made == 201 and back == "line\n" * 50_000, "a file is saved and read back")


VERDACCIO = "storage: ./storage\nauth:\n  htpasswd:\n    file: ./htpasswd\npackages:\n  '**':\n    access: $all\n    publish: $authenticated\nlog: { type: stdout, level: error }\n"


def public(why: str) -> dict[str, str]:
    return {"ROUTES__DEFAULT": f"public: {why}"}


SERVICES: list[tuple[Kind, list[tuple[str, Check]]]] = [
    (
        Kind("gradio", "FastAPI, events, uploads", ["env", "GRADIO_SERVER_PORT=$PORT", "python", "-c", GRADIO], closed=True, variables={"GRADIO_ANALYTICS_ENABLED": "False"}),
        [("gradio_client: events", gradio_events), ("gradio_client: upload", gradio_upload)],
    ),
    (
        Kind("httpbin", "Flask under gunicorn", ["gunicorn", "--bind", "127.0.0.1:$PORT", "--threads", "4", "httpbin:app"], public("it gives back what it is sent") | {"SERVER__HOSTS": "127.0.0.1, httpbin.org"}),
        [("test-suite of requests", requests_tests)],
    ),
    (
        Kind("datasette", "ASGI, JSON and pages", ["datasette", "--memory", "--port", "$PORT"], closed=True),
        [("dclient", datasette_query), ("CSV", datasette_stream), ("pages", datasette_pages)],
    ),
    (
        Kind("verdaccio", "Express, a registry", ["verdaccio", "--listen", "127.0.0.1:$PORT", "--config", "$HERE/verdaccio.yaml"], public("the registry has accounts of its own"), files={"verdaccio.yaml": VERDACCIO}),
        [("npm", verdaccio_npm)],
    ),
    (
        Kind("peer", "Express, WebSocket", ["peerjs", "--port", "$PORT", "--host", "127.0.0.1"], public("peers are nobody in particular")),
        [("two peers by ws", peer_meet), ("HTTP", peer_http)],
    ),
    (
        Kind("site", "static files", ["http-server", str(NODE / "node_modules/swagger-ui-dist"), "-p", "$PORT", "-a", "127.0.0.1", "-s"], public("pages for everybody")),
        [("linkinator", site_links), ("ranges, conditions", site_parts)],
    ),
    (
        Kind("moto", "Flask, interfaces of a cloud", ["moto_server", "-H", "127.0.0.1", "-p", "$PORT"], public("requests are signed for the service itself"), ready="/moto-api/"),
        [("boto3: S3", moto_s3), ("boto3: SQS, DynamoDB", moto_others)],
    ),
    (
        Kind("jupyter", "Tornado, WebSocket", ["jupyter-server", "--ServerApp.port=$PORT", "--ServerApp.ip=127.0.0.1", "--IdentityProvider.token=secret", "--ServerApp.root_dir=$HERE", "--allow-root", "--no-browser"], public("the notebook has a token of its own"), ready="/api"),
        [("jupyter-kernel-client", jupyter_kernel), ("contents", jupyter_contents)],
    ),
]
