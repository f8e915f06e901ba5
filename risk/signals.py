"""What happens here that a shop may want to know."""

from django.dispatch import Signal

#: A person's decision counts; after the commit. Arguments: `case`, a `Case`.
case_decided = Signal()
#: A customer appealed, or was answered; after the commit. Arguments: `appeal`, an `Appeal`.
appeal_changed = Signal()
#: A label counts; inside its transaction. Arguments: `label`, a `Label`.
label_recorded = Signal()
