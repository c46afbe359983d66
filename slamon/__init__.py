"""slamon: files a sponsor's requests to its CMOs, times the answers and escalates silence."""

import zoneinfo

__version__ = "0.2.0"

# Every process reads its time zones from the pinned `tzdata` package: `zoneinfo` would take the host's folder first,
# and two hosts with different releases would compute different deadlines.
zoneinfo.reset_tzpath(to=())
zoneinfo.ZoneInfo.clear_cache()
