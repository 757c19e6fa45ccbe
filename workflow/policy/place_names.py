"""Place names as citizens and channels write them: with or without *Kota*, *Kabupaten*, *Kab.* or *Provinsi*.

The kind of a place is separate from its name, since a city and the regency around it often share the name (Kota Malang,
Kabupaten Malang); a name without a kind matches both.
"""

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from workflow.policy.plain_text import plain


class Kind(StrEnum):
    """The two kinds of second-level area, equal in rank."""

    CITY = "kota"
    REGENCY = "kabupaten"


class City(NamedTuple):
    """City or regency: its plain name, and its kind if stated."""

    name: str
    kind: Kind | None

    def may_be(self, other: "City") -> bool:
        """Return whether both may be the same place."""
        return self.name == other.name and (self.kind is None or other.kind is None or self.kind is other.kind)


_CITY: Final = re.compile(r"(?:(?P<city>kota|kotamadya)|(?P<regency>kabupaten|kab))(?: adm| administrasi)? (?=.)")
_PROVINCE: Final = re.compile(
    r"(?:(?:provinsi|propinsi|prov) )?(?:(?:daerah istimewa|d i|di|daerah khusus ibukota|dki) )?"
)

_LOCALITY: Final = re.compile(r"(?:kecamatan|kec|distrik|kelurahan|kel|desa) (?=.)")
_remembered = lru_cache(maxsize=4_096)  # cached: very many reports name few places


@_remembered
def city(text: str) -> City:
    """Parse the name of a city or regency."""
    written = plain(text)
    match = _CITY.match(written)
    if match is None:
        return City(written, None)
    return City(written[match.end() :], Kind.CITY if match["city"] else Kind.REGENCY)


@_remembered
def province(text: str) -> str:
    """Parse the name of a province, without *Provinsi* and without its rank (*DI*, *DKI*)."""
    written = plain(text)
    return _PROVINCE.sub("", written, count=1) or written


@_remembered
def locality(text: str) -> str:
    """Parse the name of a district or village, without *Kecamatan*, *Kelurahan* or *Desa*."""
    return _LOCALITY.sub("", plain(text), count=1)
