"""What happens here that a shop, or a journey, may want to know."""

from django.dispatch import Signal

#: Customers joined a segment; after the commit, many at once. Arguments: `segment`, a `Segment`;
#: `customer_pks`, a list; `is_whole`, whether the segment was evaluated as a whole, as when it is new.
segment_entered = Signal()
#: Customers left a segment; after the commit. Arguments: those of `segment_entered`.
segment_left = Signal()
