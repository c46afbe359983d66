"""Names that a caller sent are those of the catalogue."""

import pytest

from slamon.errors import Invalid
from slamon.services.policies.known_names import known_type
from tests.installation import Installation


@pytest.mark.parametrize("name", ["inspection", "", None, 7, ["data"]])
def test_a_name_that_is_no_type_is_refused_with_those_there_are(installation: Installation, name: object) -> None:
    with installation.runtime.read() as tx:
        assert known_type(tx, "data").name == "data"
        with pytest.raises(Invalid, match="must be one of shipment, data"):
            known_type(tx, name)
