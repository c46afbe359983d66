"""Files in a bucket of Amazon S3 or anything that speaks its language. The one module that knows botocore."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slamon.errors import FileDamaged, SlamonError, Unavailable
from slamon.files import CHUNK

_CONNECT_SECONDS, _ANSWER_SECONDS = 5, 30
_MISSING = frozenset({"404", "NoSuchKey", "NotFound"})


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where and as whom. Without keys, botocore looks where it always does: environment, profile, the host's role."""

    name: str
    prefix: str = ""
    endpoint_url: str | None = None
    region: str | None = None
    access_key: str | None = None
    secret_key: str | None = None


class S3Store:
    """Raises SlamonError where botocore is not installed."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._client, self._errors = _connect(bucket)

    @property
    def incoming(self) -> Path:
        return Path(tempfile.gettempdir())

    def put(self, path: Path, digest: str) -> None:
        with self._kind_errors(), path.open("rb") as body:
            self._client.put_object(**self._named(digest), Body=body, ContentLength=path.stat().st_size)
        path.unlink()

    def open(self, digest: str) -> Iterator[bytes]:
        with self._kind_errors():
            yield from self._client.get_object(**self._named(digest))["Body"].iter_chunks(CHUNK)

    def _named(self, digest: str) -> dict[str, str]:
        return {"Bucket": self._bucket.name, "Key": f"{self._bucket.prefix}{digest[:2]}/{digest}"}

    @contextmanager
    def _kind_errors(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            said: dict[str, Any] = getattr(error, "response", {}).get("Error", {})
            if str(said.get("Code")) in _MISSING:
                raise FileDamaged("is missing") from error
            told = said.get("Code") or type(error).__name__
            raise Unavailable(f"The store of files does not answer as it should ({told}). Please try again.") from error


def _connect(bucket: Bucket) -> tuple[Any, tuple[type[Exception], ...]]:
    """A client with its own time limits, safe to share between threads, and the errors it raises."""
    try:
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.session import get_session
    except ImportError as error:
        raise SlamonError("SLAMON_S3_BUCKET needs the extra s3: pip install 'slamon[s3]'.") from error
    client = get_session().create_client(
        "s3",
        endpoint_url=bucket.endpoint_url,
        region_name=bucket.region or "us-east-1",
        aws_access_key_id=bucket.access_key,
        aws_secret_access_key=bucket.secret_key,
        config=Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_ANSWER_SECONDS,
            retries={"total_max_attempts": 2},
            s3={"addressing_style": "path" if bucket.endpoint_url else "auto"},
            # Stores other than Amazon's may not know the newer checksums; ours is checked at every download.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
    return client, (BotoCoreError, ClientError)
