"""Times in a store's answers are read as botocore reads them."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from botocore.utils import parse_timestamp
from hypothesis import given
from hypothesis import strategies as st

from overnight.storage.stores.s3_session import moment_of, new_session

MOMENTS = st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@given(MOMENTS)
def test_times_of_listings_and_of_headers_are_those_that_botocore_reads(moment: datetime) -> None:
    texts = [
        moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        format_datetime(moment, usegmt=True),
    ]
    assert [moment_of(text) for text in texts] == [parse_timestamp(text) for text in texts]


@pytest.mark.parametrize("other", ["2026-03-01T22:00:00+01:00", "1767225600", 1767225600, 1767225600.5])
def test_other_times_are_left_to_botocore(other: str | float) -> None:
    assert moment_of(other) == parse_timestamp(other)


@pytest.mark.parametrize("text", ["never", "nonsenseZ", "not a time GMT"])
def test_a_time_that_nobody_can_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Invalid"):
        moment_of(text)


def test_sessions_share_descriptions_but_neither_credentials_nor_parsers() -> None:
    one, other = new_session(), new_session()
    names = ("data_loader", "credential_provider", "response_parser_factory")
    assert [one.get_component(name) is other.get_component(name) for name in names] == [True, False, False]
