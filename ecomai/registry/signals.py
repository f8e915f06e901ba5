"""What other rooms and the host may listen to. Every signal is sent after the commit."""

from django.dispatch import Signal

# Arguments: version (ModelVersion that serves now), previous (ModelVersion or None).
# Sender: ModelVersion. Sent when a version starts to serve, live or in shadow, also by a roll-back.
model_promoted = Signal()

# Arguments: name (scenario, "" for all), is_on. Sender: ScenarioSwitch.
scenario_switched = Signal()

# Arguments: task (LabellingTask with its label). Sender: LabellingTask.
case_labelled = Signal()
