"""Shutdowns of sites, as the API takes them."""

from pydantic import ConfigDict, Field

from slamon.schemas.fields import Body, Day, Instant, Name
from slamon.services.deadlines import shutdowns


class NewShutdown(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "first_day": "2026-07-27",
                    "last_day": "2026-08-09",
                    "name": "Summer shutdown",
                    "announced_by": "Corinne Meier, by phone",
                }
            ]
        }
    )

    first_day: Day = Field(description="By the site's own calendar; closed from its midnight on.")
    last_day: Day = Field(description=f"Closed too. At most {shutdowns.LONGEST_DAYS} days in all.")
    name: Name
    announced_by: Name = Field(description="Who at the CMO said so.")
    announced_at: Instant | None = Field(None, description="Left out: now.")
