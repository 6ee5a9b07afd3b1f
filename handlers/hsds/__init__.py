"""HSDS 3 (Open Referral's Human Services Data Specification): the directory out, and back without loss.

What we hold and HSDS has no field for travels as attributes with our own taxonomy. What a file has and we do not keep is
named, never dropped in silence.
"""

from handlers.hsds.model import REQUIRED, TAXONOMY, without_secret
from handlers.hsds.reading import FromHsds, NotHsds, from_hsds
from handlers.hsds.writing import service_object, to_hsds

__all__ = ["REQUIRED", "TAXONOMY", "FromHsds", "NotHsds", "from_hsds", "service_object", "to_hsds", "without_secret"]
