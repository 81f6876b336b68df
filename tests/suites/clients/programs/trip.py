"""The structured answer, as people write it with pydantic."""

from enum import Enum
from typing import Optional

from pydantic import BaseModel


class Kind(str, Enum):
    """Why one goes."""

    WORK = "work"
    PLEASURE = "pleasure"


class Hotel(BaseModel):
    """Where one sleeps."""

    name: str
    stars: Optional[int]


class Trip(BaseModel):
    """A trip."""

    city: str
    days: int
    kind: Kind
    tags: list[str]
    hotel: Hotel
